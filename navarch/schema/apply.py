"""Server-side apply: merging a manager's configuration by who owns which field.

    merged = live with the configuration laid over it
           - what this manager applied before, states no more, and nobody else owns
    conflict: the merge changes a field that another manager owns, and `force` is not set

Afterwards the manager owns exactly what its configuration states. The server then defaults,
admits and validates the result like any other write.

Source: KEP-555; structured-merge-diff `merge`; apimachinery `util/managedfields`.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from navarch.base.errors import Cause, Details, StatusError, bad_request
from navarch.schema.changes import compiled
from navarch.schema.field_set import FieldSet, difference, intersection, paths, union
from navarch.schema.managed_fields import (
    BEFORE_FIRST_APPLY,
    Managed,
    ManagerKey,
    Owned,
    decode,
    encode,
    give_up,
    reset_fields,
    taken_at,
)
from navarch.schema.ownable import field_set, merge, named_members, without
from navarch.schema.typed import errors_text, type_errors
from navarch.schema.types import Struct, Tree

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

#: What applying does not make anybody's: as sets, to be subtracted.
_UNOWNED: Final[FieldSet] = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:clusterName": {},
        "f:creationTimestamp": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:name": {},
        "f:namespace": {},
        "f:resourceVersion": {},
        "f:selfLink": {},
        "f:uid": {},
    },
}

Conflicts = dict[ManagerKey, FieldSet]


def apply(
    node: Struct,
    live: Tree | None,
    applied: Tree,
    manager: str,
    api_version: str,
    time_text: str,
    subresource: str = "",
    force: bool = False,
    *,
    reset: frozenset[str] | None = None,
) -> Tree:
    """The object that results, with its managedFields. `live` is None for a create.

    `reset` names root fields that this endpoint does not write, as in `managed_fields.on_update`.

    Raises: StatusError 409 with a cause for each conflict, 500 for a configuration that does not
    fit the type, 400 for one that states managedFields.
    """
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    if errors := type_errors(node, applied):
        raise StatusError(500, "", f"failed to create typed patch object ({_subject(applied)}): {errors_text(errors)}")
    ignored = reset_fields(subresource) if reset is None else reset
    before, managed = _live_state(node, live, api_version, time_text, subresource, ignored)
    key = ManagerKey(manager, "Apply", "", subresource)
    try:
        return _apply(node, before, managed, applied, key, api_version, time_text, force, ignored)
    except _ConflictError as error:
        conflicts = error.conflicts
    if manager == "kubectl":
        conflicts = _beyond_last_applied(node, before, conflicts)
        if not conflicts:
            return _apply(node, before, managed, applied, key, api_version, time_text, True, ignored)
    raise _conflict(conflicts)


class _ConflictError(Exception):
    """The fields, by manager, that the apply would take from others."""

    def __init__(self, conflicts: Conflicts) -> None:
        self.conflicts = conflicts


def _live_state(
    node: Struct, live: Tree | None, api_version: str, time_text: str, subresource: str, ignored: frozenset[str]
) -> tuple[Tree, Managed]:
    """The live object without its managedFields, and these. An untracked object has one owner at first."""
    if live is None:
        return {}, {}
    before = {**live, "metadata": dict(live.get("metadata") or {})}
    managed = decode(before["metadata"].pop("managedFields", None)) or {}
    if not managed:
        fields, _ = compiled(node).compare(None, before, ignored)
        if fields:
            key = ManagerKey(BEFORE_FIRST_APPLY, "Update", api_version, subresource)
            managed[key] = Owned(fields, api_version, time_text)
    return before, managed


def _apply(
    node: Struct,
    before: Tree,
    managed: Managed,
    applied: Tree,
    key: ManagerKey,
    api_version: str,
    time_text: str,
    force: bool,
    ignored: frozenset[str],
) -> Tree:
    stated = field_set(node, applied)
    for name in ignored:
        stated.pop("f:" + name, None)
    last = managed.get(key)
    others = {other: owned for other, owned in managed.items() if other != key}
    merged = merge(node, before, applied)
    if last is not None:
        merged = _pruned(node, merged, stated, last.fields, [owned.fields for owned in others.values()])
    if others:
        changed, removed = compiled(node).compare(before, merged, ignored)
        conflicts = {other: taken for other, o in others.items() if (taken := intersection(o.fields, changed))}
        if conflicts and not force:
            raise _ConflictError(conflicts)
        give_up(others, changed, removed)
    if merged != before:
        time = taken_at(key.subresource, last, time_text)
    else:
        time = last.time if last is not None else ""
    mine = difference(stated, _UNOWNED)
    if mine:
        others[key] = Owned(mine, api_version, time)
    result = {**merged, "metadata": dict(merged.get("metadata") or {})}
    if key.manager == "kubectl":
        _renew_last_applied(result, applied)
    result["metadata"]["managedFields"] = encode(others)
    if not others:
        del result["metadata"]["managedFields"]
    return result


def _pruned(node: Struct, merged: Tree, stated: FieldSet, last: FieldSet, others: list[FieldSet]) -> Tree:
    """Take out what only this manager's last configuration had."""
    if not difference(last, stated):
        return merged
    owned = stated
    for fields in others:
        owned = union(owned, fields)
    last = named_members(node, last)
    everything = named_members(node, field_set(node, merged))
    kept = union(_members(node, without(node, merged, last)), named_members(node, owned))
    # Fields that somebody owns come back, and with them the fields on the way to them.
    left = _members(node, without(node, merged, difference(everything, kept)))
    # What this manager never applied is not its to remove.
    gone = intersection(difference(everything, left), last)
    result: Tree | None = without(node, merged, gone)
    return result or {}


def _members(node: Struct, tree: Tree | None) -> FieldSet:
    return named_members(node, field_set(node, tree or {}))


def _beyond_last_applied(node: Struct, before: Tree, conflicts: Conflicts) -> Conflicts:
    """The conflicts that remain when kubectl takes over what client-side apply had set and nobody changed."""
    annotations = before["metadata"].get("annotations") or {}
    try:
        config: Any = orjson.loads(annotations.get(LAST_APPLIED, ""))
    except orjson.JSONDecodeError:
        return conflicts
    if not isinstance(config, dict) or type_errors(node, config):
        return conflicts
    changed, removed = compiled(node).compare(config, before, frozenset())
    allowed = difference(difference(field_set(node, config), changed), removed)
    remaining = {key: difference(fields, allowed) for key, fields in conflicts.items()}
    return {key: fields for key, fields in remaining.items() if fields}


def _renew_last_applied(result: Tree, applied: Tree) -> None:
    """Keep client-side apply's annotation up to date for those who go back to it."""
    annotations = result["metadata"].get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return
    metadata = dict(applied.get("metadata") or {})
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != LAST_APPLIED}
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    result["metadata"]["annotations"] = {**annotations, LAST_APPLIED: text}


def _conflict(conflicts: Conflicts) -> StatusError:
    listed = [(_manager_text(key), path) for key in sorted(conflicts) for path in paths(conflicts[key])]
    causes = tuple(Cause("FieldManagerConflict", f"conflict with {text}", path) for text, path in listed)
    if len(listed) == 1:
        message = f"Apply failed with 1 conflict: conflict with {listed[0][0]}: {listed[0][1]}"
    else:
        lines: list[str] = []
        for key in sorted(conflicts):
            lines.append(f"conflicts with {_manager_text(key)}:")
            lines += [f"- {path}" for path in paths(conflicts[key])]
        message = f"Apply failed with {len(listed)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", message, Details(causes=causes))


def _manager_text(key: ManagerKey) -> str:
    text = orjson.dumps(key.manager).decode()
    if key.subresource:
        text += f' with subresource "{key.subresource}"'
    return f"{text} using {key.api_version}" if key.operation == "Update" else text


def _subject(tree: Tree) -> str:
    """`namespace/name; group/version, Kind=K`, the group empty for core types."""
    metadata = tree.get("metadata") or {}
    api_version = tree.get("apiVersion", "")
    version = api_version if "/" in api_version else f"/{api_version}"
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {version}, Kind={tree.get('kind', '')}"
