"""Nobody grants what they do not have: roles and bindings are checked against the writer's own rights.

Kubernetes does this in the storage of these kinds, not in admission; it runs first of all here.

Source: RBAC documentation, privilege escalation prevention.
"""

from __future__ import annotations

from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

_GROUP = "rbac.authorization.k8s.io"
_BUCKETS = tuple(f"{plural}.{_GROUP}" for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings"))


def validate(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403, 404 for a binding to a role that there is not."""
    world.check_grant(attributes.served.kind.kind, attributes.tree, attributes.old, attributes.user)


PLUGIN = Plugin("RoleEscalation", (CREATE, UPDATE), _BUCKETS, validate=validate)
