"""Strategic merge patch: making one, as `kubectl apply`, `edit` and `patch --local` need it.

Worked example: the live object has more than the user ever wrote, and only what the user wrote
before and dropped is deleted.
    three_way(node, original={"a": 1, "b": 1}, modified={"a": 2}, current={"a": 1, "b": 1, "c": 1})
    gives {"a": 2, "b": None}

Source: apimachinery `util/strategicpatch` (two-way and three-way patches).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from navarch.schema.strategic import (
    DELETE_FROM_PRIMITIVES,
    DIRECTIVE,
    RETAIN_KEYS,
    SET_ELEMENT_ORDER,
    Merger,
    field_of,
    item_of,
    patch_error,
    strategy_of,
)
from navarch.schema.types import Field, Node, Tree


def diff(node: Node, original: Tree, modified: Tree) -> Tree:
    """The patch that makes `modified` of `original`."""
    return _diff_object(node, original, modified, _Options())


def three_way(node: Node, original: Tree, modified: Tree, current: Tree) -> Tree:
    """The patch that brings `modified` to the live object `current`: its additions and changes,
    and the deletion of what `original`, the last applied form, had and `modified` has no more."""
    changes = _diff_object(node, current, modified, _Options(deletions=False, order=True))
    deletions = _diff_object(node, original, modified, _Options(changes=False, order=True))
    return Merger(parallel=False).object(node, deletions, changes)


@dataclass(frozen=True, slots=True)
class _Options:
    """Which differences count. `order`: write the order of merged lists; `retain`: write $retainKeys."""

    changes: bool = True
    deletions: bool = True
    order: bool = False
    retain: bool = False


def _diff_object(node: Node | None, original: Tree, modified: Tree, options: _Options) -> Tree:
    patch: Tree = {}
    for key, value in modified.items():
        if key not in original:
            if options.changes:
                patch[key] = value
            continue
        field, before = field_of(node, key), original[key]
        if isinstance(value, dict) and isinstance(before, dict):
            _diff_field_object(patch, key, field, before, value, options)
        elif isinstance(value, list) and isinstance(before, list) and strategy_of(field)[0] == "merge":
            assert field is not None
            _diff_field_list(patch, key, field, before, value, options)
        elif before != value and options.changes:
            patch[key] = value
    if options.deletions:
        patch.update({key: None for key in original if key not in modified})
    if options.retain:
        keep = sorted(key for key, value in modified.items() if value is not None)
        if keep and (patch or any(key not in original for key in modified)):
            patch[RETAIN_KEYS] = keep
    return patch


def _diff_field_object(
    patch: Tree, key: str, field: Field | None, before: Tree, value: Tree, options: _Options
) -> None:
    strategy, retain = strategy_of(field)
    if strategy == "replace":
        if options.changes and before != value:
            patch[key] = value
        return
    inner = _diff_object(field.node if field is not None else None, before, value, replace(options, retain=retain))
    if inner:
        patch[key] = inner


def _diff_field_list(
    patch: Tree, key: str, field: Field, before: list[Any], value: list[Any], options: _Options
) -> None:
    if not before:
        if value and options.changes:
            patch[key] = value
        return
    if not isinstance(before[0], dict):
        added = [item for item in value if item not in before] if options.changes else []
        gone = [item for item in before if item not in value] if options.deletions else []
        order = value
        moved = before != value
    else:
        added, gone = _diff_elements(field, before, value, options), []
        merge_key = field.patch_merge_key
        order = [{merge_key: item[merge_key]} for item in value]
        moved = [item.get(merge_key) for item in before] != [item[merge_key] for item in value]
    if added:
        patch[key] = added
    if gone:
        patch[DELETE_FROM_PRIMITIVES + key] = gone
    if options.order and order and (added or gone or moved):
        patch[SET_ELEMENT_ORDER + key] = order


def _diff_elements(field: Field, before: list[Any], value: list[Any], options: _Options) -> list[Any]:
    """Changed and new elements in the order of `value`, then directives for those that are gone."""
    key = field.patch_merge_key
    if not key:
        raise patch_error("cannot merge lists without merge key")
    options = replace(options, retain=strategy_of(field)[1])
    old = {_known(item, key): item for item in before}
    new = {_known(item, key): item for item in value}
    out: list[Any] = []
    for name, item in new.items():
        if name not in old:
            if options.changes:
                out.append(item)
        elif inner := _diff_object(item_of(field), old[name], item, options):
            out.append({**inner, key: name})
    if options.deletions:
        out += [{DIRECTIVE: "delete", key: name} for name in old if name not in new]
    return out


def _known(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise patch_error(f"map: {item} does not contain declared merge key: {key}")
    return item[key]
