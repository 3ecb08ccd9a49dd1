"""What an authorizer is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from navarch.base.errors import Details, StatusError, forbidden
from navarch.server.request_info import parameter
from navarch.wire.messages import Request, User


class Attributes(NamedTuple):
    """One question: may `user` do `verb` to this resource or, if `path` is set, this path?"""

    user: User
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    #: Set for questions about paths outside the API.
    path: str = ""
    #: The raw field selector of a list or watch.
    field_selector: str = ""

    @property
    def combined(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Decision(NamedTuple):
    """`reason` explains either answer. Not allowed means that this authorizer has no opinion."""

    allowed: bool
    reason: str = ""


Authorize = Callable[[Attributes], Decision]

ALLOWED = Decision(True)
NO_OPINION = Decision(False)


def of_request(request: Request) -> Attributes:
    """The question that a request poses; `request.info` is set."""
    info = request.info
    assert info is not None
    if not info.is_resource:
        return Attributes(request.user, info.verb, path=request.path)
    selector = ""
    if info.verb in ("list", "watch", "deletecollection") and "fieldSelector" in request.query:
        selector = parameter(request.query, "fieldSelector") or ""
    return Attributes(
        request.user,
        info.verb,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace,
        info.name,
        field_selector=selector,
    )


def refusal(question: Attributes, reason: str = "") -> StatusError:
    """The 403 for a question that nobody answered with yes."""
    who = f'User "{question.user.name}" cannot'
    tail = f": {reason}" if reason else ""
    if question.path:
        text = f'forbidden: {who} {question.verb} path "{question.path}"{tail}'
        return StatusError(403, "Forbidden", text, Details())
    scope = f'in the namespace "{question.namespace}"' if question.namespace else "at the cluster scope"
    what = f'{question.verb} resource "{question.combined}" in API group "{question.group}" {scope}'
    return forbidden(question.resource, question.name, f"{who} {what}{tail}", question.group)
