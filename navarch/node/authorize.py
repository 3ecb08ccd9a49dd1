"""Who may ask the kubelet what: the API server by its certificate, others as the API server judges them.

A verified client certificate or a bearer token (TokenReview) says who asks; membership of system:masters or
a SubjectAccessReview on `nodes/<subresource>` says whether they may. Answers are kept for a short while.

Source: the kubelet's `server/auth.go` (which path needs which subresource of nodes).
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from navarch.base.errors import StatusError, forbidden, unauthorized
from navarch.base.resource import Resource
from navarch.client.contract import Client
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.wire.messages import Request, User

TOKEN_REVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False)
ACCESS_REVIEWS: Final = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False)
MASTERS: Final = "system:masters"
KEPT_S: Final = 120.0
_SUBRESOURCES: Final = {"stats": "stats", "metrics": "metrics", "logs": "log", "pods": "pods", "configz": "configz"}


def subresource(path: str) -> str:
    """The subresource of nodes that a path belongs to."""
    return _SUBRESOURCES.get(path.strip("/").split("/")[0], "proxy")


class Gate:
    """Lets requests through to the kubelet's server of `node`, or raises StatusError 401 or 403."""

    def __init__(self, client: Client, clock: Clock, node: str) -> None:
        self._client = client
        self._clock = clock
        self._node = node
        self._users: dict[str, tuple[float, User]] = {}
        self._allowed: dict[tuple[str, str, str], float] = {}

    async def check(self, request: Request) -> None:
        """Raises: StatusError."""
        user = await self._who(request)
        if MASTERS in user.groups:
            return
        verb = {"GET": "get", "HEAD": "get", "POST": "create"}.get(request.method, "get")
        key = (user.name, verb, subresource(request.path))
        if self._allowed.get(key, 0.0) > self._clock.now():
            return
        if not await self._may(user, verb, key[2]):
            text = f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource={key[2]})"
            raise StatusError(403, "Forbidden", text, forbidden("nodes", self._node, "").details)
        self._allowed[key] = self._clock.now() + KEPT_S

    async def _who(self, request: Request) -> User:
        if request.peer_certificate is not None:
            return certificate_user(request.peer_certificate)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        until, known = self._users.get(token, (0.0, None))
        if known is not None and until > self._clock.now():
            return known
        review = {"apiVersion": TOKEN_REVIEWS.api_version, "kind": "TokenReview", "spec": {"token": token}}
        status: Tree = msgspec.json.decode(await self._client.create(TOKEN_REVIEWS, review)).get("status", {})
        if not status.get("authenticated"):
            raise unauthorized()
        found = status["user"]
        user = User(found["username"], found.get("uid", ""), tuple(found.get("groups", ())))
        self._users = {t: held for t, held in self._users.items() if held[0] > self._clock.now()}
        self._users[token] = (self._clock.now() + KEPT_S, user)
        return user

    async def _may(self, user: User, verb: str, wanted: str) -> bool:
        spec: Tree = {
            "user": user.name,
            "groups": list(user.groups),
            "uid": user.uid,
            "resourceAttributes": {
                "verb": verb,
                "version": "v1",
                "resource": "nodes",
                "subresource": wanted,
                "name": self._node,
            },
        }
        review = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": "SubjectAccessReview", "spec": spec}
        answer: Tree = msgspec.json.decode(await self._client.create(ACCESS_REVIEWS, review))
        return bool(answer.get("status", {}).get("allowed"))


def certificate_user(der: bytes) -> User:
    """Common name and organisations of a certificate, as user and groups."""
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return User(str(names[0].value) if names else "", groups=tuple(str(g.value) for g in groups))
