"""CustomResourceDefinition: a kind that users add to the API."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.kind import Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status

KIND = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    namespaced=False,
    type_name="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=(status_of("CustomResourceDefinition"),),
    storage_version_hash="jfWCUB31mvA=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    has_generation=True,
    unconditional_update=False,
)
