"""Writes of roles and bindings: nobody grants what they do not hold."""

from __future__ import annotations

from navarch.schema.types import Tree
from navarch.server.authz.attributes import Authorize
from navarch.server.authz.escalation import GROUP, check
from navarch.server.authz.rbac import Rbac
from navarch.server.pipeline import Write
from navarch.server.reactions import Reaction


class Granting(Reaction):
    """Refuses roles and bindings that would give the user's rights away and more (see
    `authz/escalation.py`)."""

    buckets = tuple(f"{plural}.{GROUP}" for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings"))

    def __init__(self, rbac: Rbac, authorize: Authorize) -> None:
        self._rbac = rbac
        self._authorize = authorize

    def before_create(self, write: Write, tree: Tree) -> None:
        """Raises: StatusError 403, 404."""
        check(write.served.kind.kind, tree, None, write.user, self._rbac, self._authorize)

    def before_update(self, write: Write, tree: Tree, old: Tree) -> None:
        """Raises: StatusError 403, 404."""
        check(write.served.kind.kind, tree, old, write.user, self._rbac, self._authorize)
