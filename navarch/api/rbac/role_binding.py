"""RoleBinding: grants a role within a namespace."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.rbac.subjects import binding_cells, default_binding
from navarch.api.validation.rbac import binding_update_errors, role_binding_errors
from navarch.base import names

COLUMNS = (
    NAME,
    Column(
        "Role",
        "RoleRef can reference a Role in the current namespace or a ClusterRole in the global "
        "namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.",
    ),
    AGE,
    Column("Users", "Users in the roleBinding", priority=1),
    Column("Groups", "Groups in the roleBinding", priority=1),
    Column("ServiceAccounts", "ServiceAccounts in the roleBinding", priority=1),
)


KIND = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    singular="rolebinding",
    namespaced=True,
    type_name="io.k8s.api.rbac.v1.RoleBinding",
    storage_version_hash="eGsCzGH6b1g=",
    columns=COLUMNS,
    create_on_update=True,
    name_errors=names.path_segment_errors,
    default=default_binding,
    cells=binding_cells,
    validate=role_binding_errors,
    validate_update=binding_update_errors,
)
