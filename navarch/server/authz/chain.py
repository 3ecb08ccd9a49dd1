"""The authorizers in order: superusers, nodes, RBAC. The first that allows decides."""

from __future__ import annotations

from navarch.server.authz.attributes import ALLOWED, NO_OPINION, Attributes, Authorize, Decision, refusal
from navarch.wire.messages import User

SUPERUSERS = "system:masters"


def superusers(question: Attributes) -> Decision:
    """Members of system:masters may do everything, whatever RBAC says."""
    return ALLOWED if SUPERUSERS in question.user.groups else NO_OPINION


class Chain:
    """An `Authorize` made of several. Reasons of those without an opinion are joined."""

    def __init__(self, authorizers: tuple[Authorize, ...]) -> None:
        self._authorizers = authorizers

    def __call__(self, question: Attributes) -> Decision:
        reasons = []
        for authorize in self._authorizers:
            decision = authorize(question)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(False, "\n".join(reasons)) if reasons else NO_OPINION


def require(authorize: Authorize, question: Attributes) -> None:
    """Raises: StatusError 403 unless the question is answered with yes."""
    decision = authorize(question)
    if not decision.allowed:
        raise refusal(question, decision.reason)


def may(authorize: Authorize, user: User, verb: str, group: str, resource: str, namespace: str, name: str) -> bool:
    """A question of admission or escalation checks, beside the request's own."""
    question = Attributes(user, verb, group, "v1", resource, "", namespace, name)
    return authorize(question).allowed
