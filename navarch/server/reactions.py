"""What writes of some kinds need beside their declaration: the store, the clock or the user.

A reaction sees an object between admission and validation: addresses of Services, the requester of a
certificate, the rights that a role would grant. What it took is given back by `abandon` if the write
does not happen, and when the object's deletion shows in the index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from navarch.schema.types import Tree

if TYPE_CHECKING:
    from navarch.server.pipeline import Write


class Reaction:
    """The reaction of some buckets; does nothing unless told otherwise. All calls are synchronous."""

    buckets: tuple[str, ...] = ()

    def before_create(self, write: Write, tree: Tree) -> None:
        """Change or refuse a new object. Raises: StatusError."""

    def before_update(self, write: Write, tree: Tree, old: Tree) -> None:
        """Change or refuse a change, of a subresource too. Raises: StatusError."""

    def abandon(self, tree: Tree) -> None:
        """The write did not happen. Called at most once for each of the calls above."""

    def settle(self, tree: Tree) -> None:
        """The write happened and shows in the index."""


_NOTHING = Reaction()


class Reactions:
    """All reactions of a server, by bucket."""

    def __init__(self, *reactions: Reaction) -> None:
        self._by_bucket = {bucket: reaction for reaction in reactions for bucket in reaction.buckets}

    def of(self, write: Write) -> Reaction:
        """The reaction to a write."""
        return self._by_bucket.get(write.served.bucket, _NOTHING)
