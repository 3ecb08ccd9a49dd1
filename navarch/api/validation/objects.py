"""All errors of an object that is written: those of its metadata, then those of its kind.

The server's write path calls these two functions; nothing else decides in which order faults are
named and how often. Kubernetes names a fault of the metadata once per function that meets it, and
clients see each of them among the causes.

Source: apiserver `rest.BeforeCreate` and `rest.BeforeUpdate`, and the kinds' update strategies.
"""

from __future__ import annotations

from navarch.api.kind import Kind
from navarch.api.validation.metadata import metadata_errors, metadata_update_errors
from navarch.api.validation.rules import Errors
from navarch.schema.types import Tree

#: Groups that take any qualified name as a finalizer, and names without a domain too.
_ANY_FINALIZER = ("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io")


def create_errors(kind: Kind, tree: Tree) -> Errors:
    """All errors of a new object, as it will be stored."""
    return _metadata(kind, tree) + kind.validate_new(tree) + kind.validate(tree)


def update_errors(kind: Kind, new: Tree, old: Tree) -> Errors:
    """All errors of a changed object and of the change."""
    errors = metadata_update_errors(new["metadata"], old["metadata"])
    if kind.revalidates_metadata:
        errors += _metadata(kind, new)
    if kind.validate_change is not None:
        return errors + kind.validate_change(new, old)
    faults = kind.validate(new)
    changes = kind.validate_update(new, old) if kind.validate_update is not None else []
    return errors + (changes + faults if kind.change_first else faults + changes)


def _metadata(kind: Kind, tree: Tree) -> Errors:
    return metadata_errors(
        tree["metadata"],
        namespaced=kind.namespaced,
        name_errors=kind.name_errors,
        standard_finalizers=kind.group not in _ANY_FINALIZER,
    )
