"""Server-side apply: merging a manager's configuration by who owns which field.

    merged = live with the configuration laid over it
           - what this manager applied before, states no more, and nobody else owns
    conflict: the merge changes a field that another manager owns, and `force` is not set

Afterwards the manager owns exactly what its configuration states. The server then defaults,
admits and validates the result like any other write.

Source: KEP-555; structured-merge-diff `merge`; apimachinery `util/managedfields`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

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
from navarch.schema.versions import Comparison, Versions

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
    versions: Versions | None = None,
) -> Tree:
    """The object that results, with its managedFields. `live` is None for a create.

    `reset` names root fields that this endpoint does not write, as in `managed_fields.on_update`; so does `versions`
    know the others of the kind.

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
    form = _Form(node, api_version, ignored, versions)
    try:
        return _apply(form, before, managed, applied, key, time_text, force)
    except _ConflictError as error:
        conflicts = error.conflicts
    if manager == "kubectl":
        conflicts = _beyond_last_applied(node, before, conflicts)
        if not conflicts:
            return _apply(form, before, managed, applied, key, time_text, True)
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


class _Form(NamedTuple):
    """In what is applied: type, version, root fields that do not count, and the other versions."""

    node: Struct
    api_version: str
    ignored: frozenset[str]
    versions: Versions | None


def _apply(
    form: _Form, before: Tree, managed: Managed, applied: Tree, key: ManagerKey, time_text: str, force: bool
) -> Tree:
    node, api_version, ignored, versions = form
    stated = field_set(node, applied)
    for name in ignored:
        stated.pop("f:" + name, None)
    last = managed.get(key)
    others = {other: owned for other, owned in managed.items() if other != key}
    merged = merge(node, before, applied)
    if last is not None:
        merged = _pruned(form, merged, stated, last, others.values())
    if others:
        comparison = Comparison(node, api_version, before, merged, ignored, versions)
        conflicts: Conflicts = {}
        for other, owned in others.items():
            found = comparison.of(owned.api_version)
            if found is not None and (taken := intersection(owned.fields, found[0])):
                conflicts[other] = taken
        if conflicts and not force:
            raise _ConflictError(conflicts)
        give_up(others, comparison)
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


def _pruned(form: _Form, merged: Tree, stated: FieldSet, last: Owned, others: Iterable[Owned]) -> Tree:
    """Take out what only this manager's last configuration had, in the version in which it was."""
    versions, version = form.versions, last.api_version
    owned = {form.api_version: stated}
    for each in others:
        known = versions is None or each.api_version == form.api_version or versions.node(each.api_version) is not None
        if known:
            key = form.api_version if versions is None else each.api_version
            owned[key] = union(owned.get(key, {}), each.fields)
    if versions is None or version == form.api_version:
        node: Struct | None = form.node
        version = form.api_version
    else:
        node = versions.node(version)
        if node is None:
            return merged
        merged = versions.convert(merged, form.api_version, version)
    assert node is not None
    if not difference(last.fields, owned.get(version, {})):
        return merged if versions is None else versions.convert(merged, version, form.api_version)
    wanted = named_members(node, last.fields)
    left = without(node, merged, wanted) or {}
    for other, fields in owned.items():
        left = _given_back(form, merged, left, version, other, fields)
    # What this manager never applied is not its to remove.
    gone = intersection(difference(_members(node, merged), _members(node, left)), wanted)
    result: Tree = without(node, merged, gone) or {}
    return result if versions is None else versions.convert(result, version, form.api_version)


def _given_back(form: _Form, merged: Tree, left: Tree, version: str, other: str, owned: FieldSet) -> Tree:
    """`left` with what somebody owns in the version `other`, and the fields on the way there. Trees are of
    `version`."""
    versions = form.versions
    if versions is not None and other != version:
        whole, rest = (versions.convert(tree, version, other) for tree in (merged, left))
    else:
        whole, rest = merged, left
    node = form.node if versions is None or other == form.api_version else versions.node(other)
    assert node is not None
    kept = union(_members(node, rest), named_members(node, owned))
    found = without(node, whole, difference(_members(node, whole), kept)) or {}
    return found if versions is None or other == version else versions.convert(found, other, version)


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
