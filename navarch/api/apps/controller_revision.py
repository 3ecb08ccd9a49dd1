"""ControllerRevision: an immutable snapshot of a controller's template."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column("Controller", "Controller of the object"),
    Column("Revision", "Revision indicates the revision of the state represented by Data."),
    AGE,
)


KIND = Kind(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.ControllerRevision",
    storage_version_hash="85nkx63pcBU=",
    columns=COLUMNS,
)
