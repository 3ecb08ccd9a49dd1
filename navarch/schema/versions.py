"""Ownership across the versions of a kind: each manager's fields are judged in the version that it wrote in.

Paths differ between versions, so a write is compared once per version that managers have entries of, on objects
converted into it. A manager whose version is gone owns nothing any more.

Worked example: v1 has `spec.hostPort`, v2 `spec.host` and `spec.port`. A manager of v1 owns `f:hostPort`. A write of
`spec.port` in v2 changes `spec.hostPort` as v1 sees it: so the manager of v1 loses it, or an apply conflicts with it.

Called by managed_fields.py and apply.py. Pure.

Source: structured-merge-diff `merge/update.go`.
"""

from __future__ import annotations

from typing import Protocol

from navarch.schema.changes import compiled
from navarch.schema.field_set import FieldSet
from navarch.schema.types import Struct, Tree


class Versions(Protocol):
    """The versions of one kind."""

    def node(self, api_version: str) -> Struct | None:
        """The type in a version; None for one that there is not."""

    def convert(self, tree: Tree, source: str, target: str) -> Tree:
        """An object in another version. The tree given stays as it is."""


class Comparison:
    """What a write changes and removes, as each version sees it. `old` and `new` are of `api_version`."""

    def __init__(
        self,
        node: Struct,
        api_version: str,
        old: Tree | None,
        new: Tree,
        ignored: frozenset[str],
        versions: Versions | None = None,
    ) -> None:
        self.changed, self.removed = compiled(node).compare(old, new, ignored)
        self._own, self._old, self._new = api_version, old, new
        self._ignored = ignored
        self._versions = versions
        self._found: dict[str, tuple[FieldSet, FieldSet] | None] = {api_version: (self.changed, self.removed)}

    def of(self, api_version: str) -> tuple[FieldSet, FieldSet] | None:
        """(changed, removed) in a version, None for one that there is not."""
        if api_version not in self._found:
            self._found[api_version] = self._judge(api_version)
        return self._found[api_version]

    def _judge(self, api_version: str) -> tuple[FieldSet, FieldSet] | None:
        if self._versions is None:
            return self.changed, self.removed
        node = self._versions.node(api_version)
        if node is None:
            return None
        if not self.changed and not self.removed:
            return {}, {}
        old, new = (
            None if tree is None else self._versions.convert(tree, self._own, api_version)
            for tree in (self._old, self._new)
        )
        assert new is not None
        return compiled(node).compare(old, new, self._ignored)
