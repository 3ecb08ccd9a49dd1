"""What writes of some kinds do beside being stored: addresses and ports of Services.

A reaction sees an object between admission and validation. What it took is given back by `abandon`
if the write does not happen, and when the object's deletion shows in the index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from navarch.schema.types import Tree

if TYPE_CHECKING:
    from navarch.server.pipeline import Write


class Reaction(Protocol):
    """The reaction of one bucket. All calls are synchronous."""

    bucket: str

    def before_create(self, tree: Tree, *, dry_run: bool) -> None: ...

    def before_update(self, tree: Tree, old: Tree, *, dry_run: bool) -> None: ...

    def abandon(self, tree: Tree, old: Tree | None) -> None:
        """The write did not happen. Called at most once for each of the calls above."""

    def settle(self, tree: Tree) -> None:
        """The write happened and shows in the index."""


class Reactions:
    """All reactions of a server, by bucket."""

    def __init__(self, *reactions: Reaction) -> None:
        self._by_bucket = {reaction.bucket: reaction for reaction in reactions}

    def before_create(self, write: Write, tree: Tree) -> None:
        if reaction := self._by_bucket.get(write.served.bucket):
            reaction.before_create(tree, dry_run=write.options.dry_run)

    def before_update(self, write: Write, tree: Tree, old: Tree) -> None:
        reaction = self._by_bucket.get(write.served.bucket)
        if reaction is not None and not write.subresource:
            reaction.before_update(tree, old, dry_run=write.options.dry_run)

    def settle(self, write: Write, tree: Tree) -> None:
        if reaction := self._by_bucket.get(write.served.bucket):
            reaction.settle(tree)

    def abandon(self, write: Write, tree: Tree, old: Tree | None) -> None:
        reaction = self._by_bucket.get(write.served.bucket)
        if reaction is not None and not write.subresource:
            reaction.abandon(tree, old)
