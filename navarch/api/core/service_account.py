"""ServiceAccount: the identity under which pods talk to the API."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Kind, Subresource

COLUMNS = (
    NAME,
    AGE,
)


KIND = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ServiceAccount",
    short_names=("sa",),
    subresources=(Subresource("token", "TokenRequest", ("create",), group="authentication.k8s.io", version="v1"),),
    storage_version_hash="pbx9ZvyFpBE=",
    columns=COLUMNS,
    delete_returns_object=True,
)
