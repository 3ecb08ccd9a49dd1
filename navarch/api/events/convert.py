"""Events are stored as core/v1 and shown as events.k8s.io/v1 too: the same facts, other names."""

from __future__ import annotations

from typing import Final

from navarch.schema.types import Tree

#: events.k8s.io name -> core name.
_NAMES: Final = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}


def to_core(tree: Tree) -> None:
    tree["apiVersion"] = "v1"
    for new, old in _NAMES.items():
        if new in tree:
            tree[old] = tree.pop(new)
    tree.setdefault("involvedObject", {})
    tree.setdefault("reportingComponent", "")


def from_core(tree: Tree) -> None:
    tree["apiVersion"] = "events.k8s.io/v1"
    for new, old in _NAMES.items():
        if old in tree:
            tree[new] = tree.pop(old)
    if not tree.get("reportingController"):
        tree.pop("reportingController", None)
    if not tree.get("regarding"):
        tree.pop("regarding", None)
