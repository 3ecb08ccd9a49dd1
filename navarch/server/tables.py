"""Server-side tables and partial metadata: the two other forms in which objects are shown.

Source: meta.k8s.io/v1 Table, TableOptions.includeObject, PartialObjectMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from navarch.api.kind import Column
from navarch.base.errors import bad_request
from navarch.schema.types import Tree
from navarch.server.served import Served

INCLUDE = ("Metadata", "Object", "None")


def check_include(value: str) -> str:
    """The includeObject parameter, its default filled in. Raises: StatusError 400."""
    if value and value not in INCLUDE:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{value}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return value or "Metadata"


def partial_metadata(tree: Tree, api_version: str) -> Tree:
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": tree["metadata"]}


def partial_list(trees: Iterable[Tree], list_metadata: Tree, api_version: str) -> Tree:
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": api_version,
        "metadata": list_metadata,
        "items": [partial_metadata(tree, api_version) for tree in trees],
    }


def column_definitions(columns: Iterable[Column]) -> list[Tree]:
    return [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
        for c in columns
    ]


def table(
    served: Served,
    trees: Iterable[Tree],
    list_metadata: Tree,
    now: float,
    include: str,
    api_version: str,
    *,
    columns: bool = True,
) -> Tree:
    """A Table of objects. `columns` False leaves the definitions out (later events of a watch)."""
    if served.kind.table_order is not None:
        trees = sorted(trees, key=served.kind.table_order)
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": list_metadata,
        "columnDefinitions": column_definitions(served.kind.columns) if columns else None,
        "rows": [row(served, tree, now, include, api_version) for tree in trees],
    }


def row(served: Served, tree: Tree, now: float, include: str, api_version: str) -> Tree:
    """One object in a Table."""
    shown: Any = None
    if include == "Object":
        shown = tree
    elif include == "Metadata":
        shown = partial_metadata(tree, api_version)
        if served.kind.stand_ins:
            shown["metadata"] = _without(served.kind.stand_ins, tree["metadata"])
    found: Tree = {"cells": served.kind.cells(tree, now)}
    if served.bucket == "pods" and (phase := (tree.get("status") or {}).get("phase")) in _ENDED:
        found["conditions"] = [_ENDED[phase]]
    found["object"] = shown
    return found


def _without(names: frozenset[str], metadata: Tree) -> Tree:
    """Metadata without these annotations."""
    left = {key: value for key, value in metadata.get("annotations", {}).items() if key not in names}
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return rest | {"annotations": left} if left else rest


def _completed(reason: str, message: str) -> Tree:
    return {"type": "Completed", "status": "True", "reason": reason, "message": message}


#: What the rows of pods that have ended say beside their cells, by phase.
_ENDED = {
    "Succeeded": _completed("Succeeded", "The pod has completed successfully."),
    "Failed": _completed("Failed", "The pod failed."),
}
