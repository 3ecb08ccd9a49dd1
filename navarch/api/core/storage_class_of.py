"""Which storage class a volume or a claim asks for."""

from __future__ import annotations

from typing import Final

from navarch.schema.types import Tree

#: The annotation that came before the field and still wins over it.
ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"


def storage_class(tree: Tree) -> str:
    """The class of a PersistentVolume or PersistentVolumeClaim, empty where there is none."""
    annotations = tree["metadata"].get("annotations") or {}
    if ANNOTATION in annotations:
        return str(annotations[ANNOTATION])
    return (tree.get("spec") or {}).get("storageClassName") or ""
