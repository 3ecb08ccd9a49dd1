"""CustomResourceDefinition: a kind that users add to the API."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.defaulting import each, fill, struct
from navarch.api.kind import Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status
from navarch.schema.types import Tree


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    names = struct(spec, "names")
    if kind := names.get("kind"):
        fill(names, "singular", kind.lower())
        fill(names, "listKind", f"{kind}List")
    conversion = struct(spec, "conversion")
    fill(conversion, "strategy", "None")
    webhook = conversion.get("webhook") or {}
    if service := (webhook.get("clientConfig") or {}).get("service"):
        service.setdefault("port", 443)


def _prepare_create(tree: Tree) -> None:
    stored = [version.get("name", "") for version in each(tree["spec"], "versions") if version.get("storage")]
    tree["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}


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
    default=_default,
    prepare_create=_prepare_create,
)
