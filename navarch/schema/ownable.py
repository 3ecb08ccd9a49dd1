"""Trees as server-side apply sees them: their sets of fields, merging, and taking fields out.

All functions walk a tree along its type's nodes and leave what they are handed as it is. A node of
None stands for data without a schema: its objects are owned field by field, all else as a whole.

Source: structured-merge-diff `typed` (merge, remove, toFieldSet) and `fieldpath`.
"""

from __future__ import annotations

from typing import Any

from navarch.schema.changes import key_defaults, key_values
from navarch.schema.field_set import FieldSet, element_key, is_member, sort_node, value_key, with_member
from navarch.schema.types import List, Map, Node, Scalar, Struct


def field_set(node: Node | None, value: Any) -> FieldSet:
    """The fields that a configuration states: what an applier owns by applying it."""
    if isinstance(value, dict):
        out: FieldSet = {}
        for name in sorted(value):
            item = value[name]
            child, declared = child_of(node, name)
            if item is None or is_leaf(child, item):
                out["f:" + name] = {}
                continue
            inner = field_set(child, item)
            if inner:
                out["f:" + name] = inner if declared else with_member(inner)
            elif not declared or item == {}:
                out["f:" + name] = {}
        return out
    if isinstance(value, list) and isinstance(node, List):
        out = {}
        for item in value:
            inner = {} if is_leaf(node.item, item) else field_set(node.item, item)
            out[element_step(node, item)] = with_member(inner)
        return sort_node(out)
    return {}


def named_members(node: Node | None, fields: FieldSet) -> FieldSet:
    """The set with every declared field on the way to a member made a member too."""
    out: FieldSet = {}
    for key, inner in fields.items():
        if key == ".":
            out[key] = inner
            continue
        if key.startswith("f:"):
            child, declared = child_of(node, key[2:])
        else:
            child, declared = node.item if isinstance(node, List) else None, False
        inner = named_members(child, inner)
        out[key] = with_member(inner) if declared else inner
    return out


def without(node: Node | None, value: Any, fields: FieldSet) -> Any:
    """The value without the members of the set; None where nothing is left."""
    if is_leaf(node, value):
        return value
    if isinstance(value, dict):
        out: Any = {}
        for name, item in value.items():
            gone = fields.get("f:" + name)
            if gone is None:
                out[name] = item
            elif not is_member(gone):
                left = without(child_of(node, name)[0], item, gone)
                if left is not None:
                    out[name] = left
        return out or None
    if isinstance(value, list) and isinstance(node, List):
        out = []
        for item in value:
            gone = fields.get(element_step(node, item))
            if gone is None:
                out.append(item)
            elif not is_member(gone):
                left = without(node.item, item, gone)
                if left is not None:
                    out.append(left)
        return out or None
    return value


def merge(node: Node | None, live: Any, applied: Any) -> Any:
    """The live value with the configuration laid over it."""
    if is_leaf(node, applied if applied is not None else live):
        return applied
    if isinstance(node, List):
        if not live or not applied:
            return applied or live or applied
        return _merge_elements(node, live, applied)
    if not live or not applied or not isinstance(live, dict) or not isinstance(applied, dict):
        if isinstance(live, dict) and live and not applied:
            return live
        return applied
    out = dict(live)
    for name, item in applied.items():
        out[name] = merge(child_of(node, name)[0], live[name], item) if name in live else item
    return out


def _merge_elements(node: List, live: list[Any], applied: list[Any]) -> list[Any]:
    """Elements of both, in the order of the configuration, live ones staying where they were."""
    left = [(element_step(node, item), item) for item in live]
    right = [(element_step(node, item), item) for item in applied]
    in_live = dict(reversed(left))
    in_applied = dict(right)
    shared = [step for step, _ in right if step in in_live]
    done: set[str] = set()
    out: list[Any] = []
    i = j = 0
    while i < len(left) or j < len(right):
        both = i < len(left) and j < len(right)
        together = both and left[i][0] == right[j][0]
        if i < len(left) and not together:
            step, item = left[i]
            if step not in in_applied:
                out.append(item)
                i += 1
                continue
            if both and shared and shared[0] != step:
                i += 1  # it comes later in the configuration
                continue
            if step in done:
                i += 1
        if j < len(right):
            step, item = right[j]
            out.append(merge(node.item, in_live[step], item) if step in in_live else item)
            done.add(step)
            j += 1
            if together:
                i += 1
            if shared and shared[0] == step:
                shared.pop(0)
    return out


def child_of(node: Node | None, name: str) -> tuple[Node | None, bool]:
    """The node of an object's field, and whether a schema declares the field by its name."""
    if isinstance(node, Struct):
        field = node.fields.get(name)
        return (field.node, True) if field is not None else (None, False)
    return (node.value if isinstance(node, Map) else None), False


def is_leaf(node: Node | None, value: Any) -> bool:
    """Is the value owned as a whole?"""
    if node is None:
        return not isinstance(value, dict)
    if isinstance(node, Scalar):
        return True
    if isinstance(node, List):
        return node.list_type not in ("map", "set")
    return node.atomic


def element_step(node: List, item: Any) -> str:
    """The step to an element of a list of type map or set."""
    if node.list_type != "map" or not isinstance(item, dict):
        return value_key(item)
    return element_key(key_values(tuple(sorted(node.keys)), key_defaults(node), item))
