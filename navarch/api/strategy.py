"""Who may write what: the builders behind `prepare_create`, `prepare_update` and `prepare_status`.

The kinds name one of these functions each; a kind that differs writes its own beside its
declaration. They are called by the server's write path and change the new tree only.

Source: the create/update strategies of the API registry; KEP-3973 and the subresource conventions.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from navarch.schema.types import Tree

#: The metadata that `keep_all_but_status_strictly` takes from the old object.
_METADATA = ("deletionTimestamp", "generation", "labels", "annotations", "finalizers", "ownerReferences")


def reset_status(empty: Tree) -> Callable[[Tree], None]:
    """A `prepare_create` that replaces whatever status a client sent by an empty one.

    `empty` is the zero status as Kubernetes prints it, with the fields that are always shown.
    """

    def prepare_create(tree: Tree) -> None:
        tree["status"] = copy.deepcopy(empty)

    return prepare_create


def keep_status(new: Tree, old: Tree) -> None:
    """A `prepare_update`: the status stays as it is."""
    carry(new, old, "status")


def keep_all_but_status(new: Tree, old: Tree) -> None:
    """A `prepare_status`: everything stays but status and metadata (labels may change)."""
    for key in (new.keys() | old.keys()) - {"status", "metadata", "kind", "apiVersion"}:
        carry(new, old, key)


def keep_all_but_status_and_labels(new: Tree, old: Tree) -> None:
    """A `prepare_status` that takes no labels either."""
    keep_all_but_status(new, old)
    carry(new["metadata"], old["metadata"], "labels")


def keep_all_but_status_strictly(new: Tree, old: Tree) -> None:
    """A `prepare_status` that leaves no part of the metadata to the writer."""
    keep_all_but_status(new, old)
    for key in _METADATA:
        carry(new["metadata"], old["metadata"], key)


def carry(new: Tree, old: Tree, key: str) -> None:
    """Make one entry of the new tree what it was in the old one, its absence included."""
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)
