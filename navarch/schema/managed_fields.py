"""managedFields: who set which field, kept on every write that is no apply.

The server calls `on_update` on the decoded and defaulted object, before admission and before the
kind's own preparation: what the server itself sets belongs to nobody. `apply.py` does the same for
server-side apply and shares the entries' rules from here.

Worked example: a manager creates a ConfigMap with one key and later changes it. Its one entry
{"manager": "m", "operation": "Update", "apiVersion": "v1", "time": ..., "fieldsType": "FieldsV1",
 "fieldsV1": {"f:data": {".": {}, "f:k": {}}}} stays as it is, but for its time.

Source: apimachinery `util/managedfields` (chain of managers, sort order, cap of updaters).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from navarch.base import times
from navarch.schema.field_set import FieldSet, difference, is_valid, union
from navarch.schema.types import Struct, Tree
from navarch.schema.versions import Comparison, Versions

#: More entries of updates than this are merged, the oldest first.
MAX_UPDATERS: Final = 10
ANCIENT: Final = "ancient-changes"
#: Owns what was there when a first apply met an object without managedFields.
BEFORE_FIRST_APPLY: Final = "before-first-apply"


class ManagerKey(NamedTuple):
    """What tells entries apart. An applier has one entry whatever version it applies in."""

    manager: str
    operation: str
    api_version: str
    subresource: str


class Owned(NamedTuple):
    """One entry: its fields, the version that they are written in, and when they were last taken."""

    fields: FieldSet
    api_version: str
    time: str


Managed = dict[ManagerKey, Owned]


def on_update(
    node: Struct,
    old: Tree | None,
    new: Tree,
    manager: str,
    api_version: str,
    time_text: str,
    subresource: str = "",
    *,
    reset: frozenset[str] | None = None,
    versions: Versions | None = None,
) -> None:
    """Set `new["metadata"]["managedFields"]` for a create (`old` None), update or patch.

    `reset` names the root fields that this endpoint does not write; by default `status` for the
    object itself and `spec` for its status. Without `versions` all entries count as of `api_version`.
    """
    metadata = new["metadata"]
    given = metadata.pop("managedFields", None)
    stored = old["metadata"].get("managedFields") if old is not None else None
    entries = _starting_point(given, stored, subresource)
    if not entries and old is not None:
        return  # an object that nobody tracks stays so until the first apply
    ignored = reset_fields(subresource) if reset is None else reset
    comparison = Comparison(node, api_version, old, new, ignored, versions)
    changed = comparison.changed
    if changed or comparison.removed or _has_gone(entries, api_version, versions):
        managed = decode(entries) or {}
        key = ManagerKey(manager or "unknown", "Update", api_version, subresource)
        give_up(managed, comparison, key)
        if changed:
            mine = managed.get(key)
            fields = union(mine.fields, changed) if mine is not None else changed
            managed[key] = Owned(fields, api_version, taken_at(subresource, mine, time_text))
            cap(managed)
        entries = encode(managed)
    if entries:
        metadata["managedFields"] = entries


def taken_at(subresource: str, before: Owned | None, now: str) -> str:
    """When a manager that writes now took its fields. Who writes a scale owns a field of another object:
    Kubernetes carries that over without its time."""
    if subresource != "scale":
        return now
    return before.time if before is not None else ""


def reset_fields(subresource: str) -> frozenset[str]:
    """The root fields that an endpoint ignores, and so does not own."""
    if not subresource:
        return frozenset({"status"})
    return frozenset({"spec"}) if subresource == "status" else frozenset()


def _has_gone(entries: Any, api_version: str, versions: Versions | None) -> bool:
    """Has anybody an entry in a version that there is no more?"""
    others = {entry.get("apiVersion", "") for entry in entries or ()} - {api_version}
    return versions is not None and any(versions.node(other) is None for other in others)


def give_up(managed: Managed, comparison: Comparison, writer: ManagerKey | None = None) -> None:
    """Take changed and removed fields from all who have them; who has none left, goes, and so does who wrote in a
    version that is gone. The writer, who is about to get the changed ones, keeps them: most writers change what is
    theirs already."""
    for key, owned in list(managed.items()):
        found = comparison.of(owned.api_version)
        if found is None:
            del managed[key]
            continue
        changed, removed = found
        fields = owned.fields if key == writer else difference(owned.fields, changed)
        fields = difference(fields, removed)
        if not fields:
            del managed[key]
        elif fields is not owned.fields:
            managed[key] = owned._replace(fields=fields)


def cap(managed: Managed) -> None:
    """Merge the oldest updates, by version, until no more than MAX_UPDATERS are left."""
    updaters = [key for key in managed if key.operation == "Update"]
    left = len(updaters)
    if left <= MAX_UPDATERS:
        return
    updaters.sort(key=lambda key: (_seconds(managed[key].time), key))
    first_of: dict[str, ManagerKey] = {}
    for key in updaters:
        if left <= MAX_UPDATERS:
            return
        owned = managed[key]
        first = first_of.setdefault(owned.api_version, key)
        if first == key:
            continue
        bucket = ManagerKey(ANCIENT, "Update", owned.api_version, "")
        if bucket not in managed:
            managed[bucket] = managed.pop(first)
        merged = union(managed[bucket].fields, owned.fields)
        del managed[key]
        managed[bucket] = Owned(merged, owned.api_version, owned.time)
        left -= 1


def decode(entries: Any) -> Managed | None:
    """The entries by their keys; None if one of them is malformed."""
    if not isinstance(entries, list):
        return None if entries else {}
    managed: Managed = {}
    for entry in entries:
        operation = entry.get("operation")
        api_version = entry.get("apiVersion", "")
        fields = entry.get("fieldsV1", {})
        if operation not in ("Apply", "Update") or not api_version or entry.get("fieldsType") != "FieldsV1":
            return None
        key = ManagerKey(
            entry.get("manager", ""),
            operation,
            "" if operation == "Apply" else api_version,
            entry.get("subresource", ""),
        )
        managed[key] = Owned(fields, api_version, entry.get("time") or "")
    return managed


def encode(managed: Managed) -> list[Tree]:
    """The entries in Kubernetes' order: applies first, then by time, then by name."""
    out: list[Tree] = []
    for key, owned in sorted(managed.items(), key=_order):
        entry: Tree = {"manager": key.manager, "operation": key.operation, "apiVersion": owned.api_version}
        if not key.manager:
            del entry["manager"]
        if owned.time:
            entry["time"] = owned.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = owned.fields
        if key.subresource:
            entry["subresource"] = key.subresource
        out.append(entry)
    return out


def _order(item: tuple[ManagerKey, Owned]) -> tuple[str, str, str, str, str]:
    key, owned = item
    # RFC 3339 in UTC sorts as text; an absent time is the epoch.
    return key.operation, owned.time, key.manager, owned.api_version, key.subresource


def _starting_point(given: Any, stored: Any, subresource: str) -> Any:
    """Whose managedFields to go on from: the request's if they are valid, else the stored ones.

    `[{}]` and `[]` in a request forget all owners.
    """
    if subresource or given is None or given == stored:
        return stored
    if given in ([], [{}]):
        return None
    return given if _is_wellformed(given) else stored


def _is_wellformed(entries: Any) -> bool:
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        return False
    return decode(entries) is not None and all(is_valid(e.get("fieldsV1", {})) for e in entries)


def _seconds(time_text: str) -> float:
    return times.parse(time_text) if time_text else 0.0
