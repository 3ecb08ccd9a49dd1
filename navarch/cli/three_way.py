"""The patch that `apply` sends: made of the last applied, the new, and the live object.

Built-in kinds have merge keys and get a strategic merge patch; custom kinds get a JSON merge patch.

Source: apimachinery `util/jsonmergepatch` and `util/strategicpatch`; kubectl `cmd/apply/patcher.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from navarch.cli.errors import CliError
from navarch.cli.resources import Resource
from navarch.cli.writes import LAST_APPLIED, MERGE, STRATEGIC

if TYPE_CHECKING:
    from navarch.schema.types import Node, Struct, Tree


def patch_for(resource: Resource, modified: Tree, current: Tree) -> tuple[Tree, str]:
    """The patch and its content type; an empty patch if nothing is to be changed."""
    original = _last_applied(current)
    if _says_the_same(original, modified, current):
        return {}, STRATEGIC
    struct = _struct(resource)
    if struct is None:
        return _merge_patch(original, modified, current), MERGE
    from navarch.schema.strategic_diff import three_way

    return three_way(struct, original, modified, current), STRATEGIC


def refuse_conflicts(resource: Resource, modified: Tree, current: Tree) -> None:
    """`--overwrite=false`: raise CliError if the file changes what others have changed since the last apply."""
    struct = _struct(resource)
    if struct is None:
        return
    from navarch.schema.strategic_diff import diff

    original = _last_applied(current)
    wanted, changed = diff(struct, original, modified), diff(struct, original, current)
    if _collide(struct, wanted, changed):
        from navarch.cli.output import yaml

        raise CliError(
            f"patch:\n{yaml.dump(wanted)}\nconflicts with changes made from original to current:\n{yaml.dump(changed)}"
        )


def _collide(node: Node | None, one: Tree, other: Tree) -> bool:
    """Whether two patches of one object want different values in one place."""
    from navarch.schema.strategic import field_of, item_of, strategy_of

    for key in one.keys() & other.keys() - {"annotations"}:
        mine, theirs, field = one[key], other[key], field_of(node, key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            if _collide(field.node if field is not None else None, mine, theirs):
                return True
        elif field is not None and strategy_of(field)[0] == "merge" and field.patch_merge_key:
            by = field.patch_merge_key
            known = {item.get(by): item for item in theirs or ()}
            if any(item.get(by) in known and _collide(item_of(field), item, known[item[by]]) for item in mine or ()):
                return True
        elif mine != theirs:
            return True
    return False


def patched(resource: Resource, current: Tree, body: Tree, content_type: str) -> Tree:
    """What the patch would make of the object, computed here."""
    if content_type == STRATEGIC and (struct := _struct(resource)) is not None:
        from navarch.schema.strategic import merge

        return merge(struct, current, body)
    from navarch.base.patch import apply_merge_patch

    merged: Tree = apply_merge_patch(current, body)
    return merged


def builtin(resource: Resource) -> bool:
    """Whether the type is known here, with its merge keys."""
    return _struct(resource) is not None


def _struct(resource: Resource) -> Struct | None:
    """The fields of a built-in type, None for custom ones."""
    if "." in resource.group and not resource.group.endswith(".k8s.io"):
        return None
    from navarch.schema.facts import load

    facts = load()
    name = facts.type_name(resource.api_version, resource.kind)
    return facts.type(name) if name else None


def _last_applied(current: Tree) -> Tree:
    annotations = (current.get("metadata") or {}).get("annotations") or {}
    try:
        tree = orjson.loads(annotations.get(LAST_APPLIED) or "{}")
    except orjson.JSONDecodeError:
        tree = {}
    return tree if isinstance(tree, dict) else {}


def _says_the_same(original: Tree, modified: Tree, current: Tree) -> bool:
    """Whether the file is what was applied before and the live object still has every word of it.

    This is what `apply` finds most of the time; it spares loading the types.
    """
    said, kept = ((tree.get("metadata") or {}).get("annotations") or {} for tree in (modified, current))
    if not original or kept.get(LAST_APPLIED) != said.get(LAST_APPLIED):
        return False
    return _contains(current, modified)


def _contains(live: Any, said: Any) -> bool:
    """Whether `live` has all of `said`; lists must be as long, and alike item by item."""
    if isinstance(said, dict):
        return isinstance(live, dict) and all(key in live and _contains(live[key], said[key]) for key in said)
    if isinstance(said, list):
        return (
            isinstance(live, list)
            and len(live) == len(said)
            and all(_contains(a, b) for a, b in zip(live, said, strict=True))
        )
    return type(live) is type(said) and bool(live == said)


def _merge_patch(original: Tree, modified: Tree, current: Tree) -> Tree:
    """Additions and changes against the live object, deletions against the last applied one."""
    patch = _changes(current, modified)
    return _with_deletions(patch, original, modified, current)


def _changes(current: Tree, modified: Tree) -> Tree:
    patch: Tree = {}
    for key, value in modified.items():
        if key not in current:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(current[key], dict):
            inner = _changes(current[key], value)
            if inner:
                patch[key] = inner
        elif value != current[key]:
            patch[key] = value
    return patch


def _with_deletions(patch: Tree, original: Tree, modified: Tree, current: Tree) -> Tree:
    for key, value in original.items():
        if key not in modified:
            if key in current:
                patch[key] = None
        elif isinstance(value, dict) and isinstance(modified[key], dict):
            inner = _with_deletions(dict(patch.get(key) or {}), value, modified[key], current.get(key) or {})
            if inner:
                patch[key] = inner
    return patch


def two_way(resource: Resource, before: Tree, after: Tree) -> tuple[Tree, str]:
    """The patch that makes `after` of `before`, and its content type."""
    struct = _struct(resource)
    if struct is None:
        return _with_deletions(_changes(before, after), before, after, before), MERGE
    from navarch.schema.strategic_diff import diff

    return diff(struct, before, after), STRATEGIC
