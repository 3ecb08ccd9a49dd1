"""ClusterRoleBinding: grants a ClusterRole everywhere."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.rbac.subjects import binding_cells, default_binding
from navarch.api.validation.rbac import binding_update_errors, cluster_role_binding_errors
from navarch.base import names

COLUMNS = (
    NAME,
    Column(
        "Role",
        "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be "
        "resolved, the Authorizer must return an error.",
    ),
    AGE,
    Column("Users", "Users in the clusterRoleBinding", priority=1),
    Column("Groups", "Groups in the clusterRoleBinding", priority=1),
    Column("ServiceAccounts", "ServiceAccounts in the clusterRoleBinding", priority=1),
)


KIND = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    singular="clusterrolebinding",
    namespaced=False,
    type_name="io.k8s.api.rbac.v1.ClusterRoleBinding",
    storage_version_hash="48tpQ8gZHFc=",
    columns=COLUMNS,
    create_on_update=True,
    name_errors=names.path_segment_errors,
    default=default_binding,
    cells=binding_cells,
    validate=cluster_role_binding_errors,
    validate_update=binding_update_errors,
)
