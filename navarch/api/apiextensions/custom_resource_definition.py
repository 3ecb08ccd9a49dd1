"""CustomResourceDefinition: a kind that users add to the API."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.defaulting import each, fill, struct
from navarch.api.kind import Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status
from navarch.api.validation.definitions import definition_errors, definition_update_errors, new_definition_errors
from navarch.api.warnings import definition_warnings
from navarch.schema.types import Tree

#: Holds a deleted definition until the server has deleted its objects.
_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    names = struct(spec, "names")
    if kind := names.get("kind"):
        fill(names, "singular", kind.lower())
        fill(names, "listKind", f"{kind}List")
    fill(spec, "conversion", {"strategy": "None"})
    conversion = spec["conversion"]
    webhook = conversion.get("webhook") or {}
    if service := (webhook.get("clientConfig") or {}).get("service"):
        service.setdefault("port", 443)


def _prepare_create(tree: Tree) -> None:
    stored = [version.get("name", "") for version in each(tree["spec"], "versions") if version.get("storage")]
    tree["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored[:1]}


def _prepare_update(new: Tree, old: Tree) -> None:
    """Every version that ever was the storage version stays listed until its objects are migrated."""
    keep_status(new, old)
    status = new.get("status") or {}
    stored = status.get("storedVersions") or []
    added = [v["name"] for v in each(new["spec"], "versions") if v.get("storage") and v["name"] not in stored]
    if added:
        new["status"] = {**status, "storedVersions": [*stored, *added]}


def _mark_deleted(tree: Tree) -> None:
    """A definition takes its objects along: it stays until they are gone."""
    metadata = tree["metadata"]
    finalizers = metadata.setdefault("finalizers", [])
    if _CLEANUP in finalizers:
        return
    finalizers.append(_CLEANUP)
    status = tree.setdefault("status", {})
    conditions = [c for c in status.get("conditions") or () if c.get("type") != "Terminating"]
    text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": metadata["deletionTimestamp"],
        "reason": "InstanceDeletionPending",
        "message": text,
    }
    status["conditions"] = [*conditions, condition]


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
    prepare_update=_prepare_update,
    mark_deleted=_mark_deleted,
    prepare_status=keep_all_but_status_strictly,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    prepare_create=_prepare_create,
    validate=definition_errors,
    validate_update=definition_update_errors,
    validate_new=new_definition_errors,
    warnings=definition_warnings,
)
