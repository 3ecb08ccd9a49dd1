"""ClusterRole: a set of permissions for the whole cluster."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.kind import Kind
from navarch.api.validation.rbac import cluster_role_errors
from navarch.base import names

KIND = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    singular="clusterrole",
    namespaced=False,
    type_name="io.k8s.api.rbac.v1.ClusterRole",
    storage_version_hash="bYE5ZWDrJ44=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    create_on_update=True,
    name_errors=names.path_segment_errors,
    validate=cluster_role_errors,
)
