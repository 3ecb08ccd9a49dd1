"""Role: a set of permissions within a namespace."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.kind import Kind
from navarch.api.validation.rbac import role_errors
from navarch.base import names

KIND = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="Role",
    plural="roles",
    singular="role",
    namespaced=True,
    type_name="io.k8s.api.rbac.v1.Role",
    storage_version_hash="7FuwZcIIItM=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    create_on_update=True,
    name_errors=names.path_segment_errors,
    validate=role_errors,
)
