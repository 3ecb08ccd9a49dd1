"""Validation of `metadata`, the same for all kinds save for the rule of names.

Called by the server's write path before a kind's own `validate` and `validate_update`.

Source: apimachinery `ValidateObjectMeta` and `ValidateObjectMetaUpdate`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from navarch.api.validation.labels import label_errors
from navarch.api.validation.rules import Errors, invalid_each, not_negative
from navarch.base import names
from navarch.base.field import forbidden_field, immutable, invalid_value, required, too_long
from navarch.schema.types import Tree

ANNOTATIONS_MAX_BYTES: Final = 256 * 1024
#: Finalizers without a domain that are known.
STANDARD_FINALIZERS: Final = ("kubernetes", "foregroundDeletion", "orphan")
#: An update meets the same labels, annotations and owners in three places.
_TIMES_CHECKED: Final = 3
_CHECKED: Final = ("labels", "annotations", "ownerReferences", "finalizers")
#: And what it may not change in two.
_TIMES_COMPARED: Final = 2


def metadata_errors(
    metadata: Tree,
    *,
    namespaced: bool,
    name_errors: Callable[[str], list[str]],
    standard_finalizers: bool = True,
    path: str = "metadata",
) -> Errors:
    """All errors of the metadata of a new object. `standard_finalizers`: one without a domain must be known."""
    errors: Errors = []
    if prefix := metadata.get("generateName"):
        errors += invalid_each(f"{path}.generateName", prefix, name_errors(_without_trailing_dash(prefix)))
    if name := metadata.get("name"):
        errors += invalid_each(f"{path}.name", name, name_errors(name))
    else:
        errors.append(required(f"{path}.name", "name or generateName is required"))
    errors += _namespace_errors(metadata.get("namespace") or "", namespaced, f"{path}.namespace")
    errors += not_negative(f"{path}.generation", metadata.get("generation"))
    errors += label_errors(metadata.get("labels"), f"{path}.labels")
    errors += annotation_errors(metadata.get("annotations"), f"{path}.annotations")
    errors += _owner_errors(metadata.get("ownerReferences") or [], f"{path}.ownerReferences")
    finalizers = metadata.get("finalizers") or []
    errors += finalizer_errors(finalizers, f"{path}.finalizers")
    if standard_finalizers:
        errors += _domain_errors(finalizers, f"{path}.finalizers")
    return errors


def metadata_update_errors(new: Tree, old: Tree, path: str = "metadata") -> Errors:
    """What an update may not change. The server has filled absent uid and times from the old object."""
    errors: Errors = []
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            shown = ", ".join(f'"{finalizer}"' for finalizer in added)
            text = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{shown}}}"
            )
            errors += [forbidden_field(f"{path}.finalizers", text)] * _TIMES_COMPARED
    for key in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if key in new and new.get(key) != old.get(key):
            errors += [immutable(f"{path}.{key}", new.get(key))] * _TIMES_COMPARED
    if all(new.get(key) == old.get(key) for key in _CHECKED):
        # What stands in the store was found right when it was written.
        return errors
    found = label_errors(new.get("labels"), f"{path}.labels")
    found += annotation_errors(new.get("annotations"), f"{path}.annotations")
    found += _owner_errors(new.get("ownerReferences") or [], f"{path}.ownerReferences")
    errors += found * _TIMES_CHECKED
    finalizers = new.get("finalizers") or []
    errors += finalizer_errors(finalizers, f"{path}.finalizers")
    return errors + _domain_errors(finalizers, f"{path}.finalizers")


def annotation_errors(annotations: dict[str, str] | None, path: str) -> Errors:
    errors: Errors = []
    total = 0
    for key, value in (annotations or {}).items():
        if not _is_annotation_key(key):
            errors += invalid_each(path, key, names.qualified_name_errors(key.lower()))
        total += len(key.encode()) + len(str(value).encode())
    if total > ANNOTATIONS_MAX_BYTES:
        errors.append(too_long(path, ANNOTATIONS_MAX_BYTES))
    return errors


@lru_cache(1024)
def _is_annotation_key(key: str) -> bool:
    return not names.qualified_name_errors(key.lower())


def finalizer_errors(finalizers: list[str], path: str) -> Errors:
    errors: Errors = []
    for finalizer in finalizers:
        errors += invalid_each(path, finalizer, names.qualified_name_errors(finalizer))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid_value(path, finalizers, text))
    return errors


def _domain_errors(finalizers: list[str], path: str) -> Errors:
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid_value(f"{path}[{index}]", finalizer, text)
        for index, finalizer in enumerate(finalizers)
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS
    ]


def _namespace_errors(namespace: str, namespaced: bool, path: str) -> Errors:
    if not namespaced:
        return [forbidden_field(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(path)]
    return invalid_each(path, namespace, names.dns1123_label_errors(namespace))


def _owner_errors(owners: list[Tree], path: str) -> Errors:
    errors: Errors = []
    controller: Tree | None = None
    for owner in owners:
        if not owner.get("apiVersion"):
            errors.append(invalid_value(f"{path}.apiVersion", owner.get("apiVersion", ""), "version must not be empty"))
        errors += [
            invalid_value(f"{path}.{key}", owner.get(key, ""), "must not be empty")
            for key in ("kind", "name", "uid")
            if not owner.get(key)
        ]
        if owner.get("apiVersion") == "v1" and owner.get("kind") == "Event":
            errors.append(invalid_value(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if not owner.get("controller"):
            continue
        if controller is not None:
            text = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{_owner_text(controller)} and {_owner_text(owner)}"
            )
            errors.append(invalid_value(path, _shown_owners(owners), text))
        else:
            controller = owner
    return errors


def _owner_text(owner: Tree) -> str:
    return f"{owner.get('kind', '')}/{owner.get('name', '')}"


def _shown_owners(owners: list[Tree]) -> list[dict[str, Any]]:
    """References with the fields that are always shown, in Kubernetes' order."""
    order = ("apiVersion", "kind", "name", "uid")
    return [
        {key: owner.get(key, "") for key in order}
        | {key: owner[key] for key in ("controller", "blockOwnerDeletion") if key in owner}
        for owner in owners
    ]


def _without_trailing_dash(prefix: str) -> str:
    """A prefix may end in a dash: the characters that follow make the name right."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
