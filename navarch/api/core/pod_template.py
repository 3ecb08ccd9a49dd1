"""PodTemplate: a pod's form, kept by itself."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import at, containers, labels, name
from navarch.api.columns import NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.kind import Column, Kind
from navarch.api.validation.workloads import pod_template_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Containers", "Names of each container in the template."),
    Column("Images", "Images referenced by each container in the template."),
    Column("Pod Labels", "The labels for the pod template."),
)


def _cells(tree: Tree, _now: float) -> list[Any]:
    template = tree.get("template") or {}
    return [name(tree), *containers(template.get("spec")), labels(at(template, "metadata", "labels"))]


KIND = Kind(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    singular="podtemplate",
    namespaced=True,
    type_name="io.k8s.api.core.v1.PodTemplate",
    storage_version_hash="LIXB2x4IFpk=",
    columns=COLUMNS,
    has_generation=True,
    delete_returns_object=True,
    default=default_template,
    cells=_cells,
    validate=pod_template_errors,
)
