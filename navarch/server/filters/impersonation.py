"""Acting as someone else: the Impersonate-* headers.

Whoever holds the verb `impersonate` on the user, every group, the uid and every extra value may do
anything as them. Others may still be allowed single verbs through `impersonate-on:<mode>:<verb>`.

Source: user impersonation documentation; KEP-5284 (constrained impersonation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

from navarch.base.errors import bad_request
from navarch.server.authn.authenticate import AUTHENTICATED
from navarch.server.authn.tokens import service_account_groups
from navarch.server.authz.attributes import Attributes, Authorize, of_request
from navarch.server.authz.chain import require
from navarch.server.authz.node import NODE_PREFIX, NODES_GROUP
from navarch.server.filters.security import Security
from navarch.wire.messages import ANONYMOUS, Request, User

_EXTRA = "impersonate-extra-"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_UNAUTHENTICATED = "system:unauthenticated"
_GROUP = "authentication.k8s.io"


def impersonate(request: Request, security: Security) -> None:
    """Replace `request.user` by whom it asks to be.

    Raises: StatusError 400 for headers without a user, 403 without permission.
    """
    asked = _asked(request.headers)
    if asked is None:
        return
    if not asked.name:
        raise bad_request(f"requested {_show(asked)} without impersonating a user name")
    actor = request.user
    if not all(security.authorize(question).allowed for question in _questions(actor, asked, "impersonate", "")):
        _require_constrained(request, actor, asked, security.authorize)
    request.actor, request.user = actor, _complete(asked)


def _asked(headers: dict[str, str]) -> User | None:
    """The identity that the headers describe, None without any. The wire joins repeated headers with
    commas; groups are taken apart there."""
    if "impersonate-" not in "\n".join(headers):
        return None
    name = headers.get("impersonate-user", "")
    uid = headers.get("impersonate-uid", "")
    groups = tuple(g for g in headers.get("impersonate-group", "").split(", ") if g)
    extra = {
        unquote(header[len(_EXTRA) :]).lower(): tuple(value.split(", "))
        for header, value in headers.items()
        if header.startswith(_EXTRA)
    }
    if not (name or uid or groups or extra):
        return None
    return User(name, uid, groups, extra)


def _require_constrained(request: Request, actor: User, asked: User, authorize: Authorize) -> None:
    """The actor needs the verb on this very request, and to be allowed to act as the identity."""
    mode = _mode(asked)
    question = of_request(request)
    require(authorize, question._replace(verb=f"impersonate-on:{mode}:{question.verb}"))
    for identity in _questions(actor, asked, f"impersonate:{mode}", _GROUP):
        require(authorize, identity)


def _mode(asked: User) -> str:
    if _service_account(asked.name) is not None:
        return "serviceaccount"
    if asked.name.startswith(NODE_PREFIX) and NODES_GROUP in asked.groups:
        return "arbitrary-node"
    return "user-info"


def _questions(actor: User, asked: User, verb: str, group: str) -> Iterator[Attributes]:
    """One question for every part of the identity that is asked for."""
    account = _service_account(asked.name)
    if account is not None:
        yield Attributes(actor, verb, group, "v1", "serviceaccounts", namespace=account[0], name=account[1])
    else:
        yield Attributes(actor, verb, group, "v1", "users", name=asked.name)
    for name in asked.groups:
        yield Attributes(actor, verb, group, "v1", "groups", name=name)
    if asked.uid:
        yield Attributes(actor, verb, _GROUP, "v1", "uids", name=asked.uid)
    for key, values in sorted(asked.extra.items()):
        for value in values:
            yield Attributes(actor, verb, _GROUP, "v1", "userextras", key, name=value)


def _service_account(name: str) -> tuple[str, str] | None:
    parts = name.removeprefix(_SERVICE_ACCOUNT).split(":")
    return (parts[0], parts[1]) if name.startswith(_SERVICE_ACCOUNT) and len(parts) == 2 and all(parts) else None


def _complete(asked: User) -> User:
    """The identity with the groups that come with its name."""
    groups = asked.groups
    account = _service_account(asked.name)
    if account is not None and not groups:
        groups = service_account_groups(account[0])
    implied = _UNAUTHENTICATED if asked.name == ANONYMOUS.name else AUTHENTICATED
    if implied not in groups:
        groups = (*groups, implied)
    return replace(asked, groups=groups, extra=dict(sorted(asked.extra.items())))


def _show(user: User) -> str:
    """The identity as the message prints it."""

    def strings(values: tuple[str, ...]) -> str:
        return "[]string{" + ", ".join(f'"{v}"' for v in values) + "}"

    groups = strings(user.groups) if user.groups else "[]string(nil)"
    entries = ", ".join(f'"{key}":{strings(values)}' for key, values in sorted(user.extra.items()))
    extra = f"map[string][]string{{{entries}}}" if entries else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"{user.name}", UID:"{user.uid}", Groups:{groups}, Extra:{extra}}}'
