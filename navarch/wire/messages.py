"""Requests and responses as the API server sees them, whatever carried them.

The wire (`wire/http.py`) and the direct client both build a `Request`, pass it to
`ApiServer.handle`, and carry the `Response` away. Handlers never see a socket, except through
`Upgrade` for the protocols that take the connection over (WebSocket, SPDY).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from navarch.wire.shared_body import SharedBody


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity. `extra` values are lists, as in UserInfo."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What the path and the method ask for; requests for the same share it. `verb` is get, list, watch,
    create, update, patch, delete, deletecollection, or for other paths the method in lower case."""

    verb: str
    is_resource: bool
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    #: What follows the subresource (`proxy/` paths), with its leading slash, else empty.
    tail: str = ""


class Sink(Protocol):
    """Where a stream writes to: the peer of one long answer."""

    __slots__ = ()

    def write(self, data: bytes) -> None: ...

    def buffered(self) -> int:
        """Bytes written and not yet taken by the peer. A stream that sees too many ends itself."""

    def close(self) -> None:
        """End the answer cleanly (the terminating chunk, or END_STREAM)."""


class Stream(Protocol):
    """A body that comes over time. Both calls happen on the event loop, neither blocks."""

    def start(self, sink: Sink) -> None:
        """The head has been sent: write now and later."""

    def stop(self) -> None:
        """The peer is gone, or the server ends. Called exactly once, also after `Sink.close`."""


#: Takes the connection over after a 101: (transport, bytes already received) -> the protocol that
#: gets all further data.
TakeOver = Callable[[asyncio.Transport, bytes], asyncio.Protocol]


@dataclass(slots=True)
class Request:
    """`path` is decoded, without the query; `query` is the raw string behind the `?`.
    Header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: DER of the verified client certificate, None without one.
    peer_certificate: bytes | None = None
    peer_address: str = ""
    #: True when the connection could be taken over (HTTP/1.1 with an Upgrade header).
    can_upgrade: bool = False
    # --- filled in by the filters
    user: User = ANONYMOUS
    info: RequestInfo | None = None
    audit_id: str = ""
    warnings: list[str] = field(default_factory=list)
    #: Who acts as `user`, where that is somebody else.
    actor: User | None = None
    #: What the audit log adds to the request's entry; None where nobody keeps one.
    annotations: dict[str, str] | None = None


@dataclass(slots=True)
class Response:
    """A complete answer, or the head of a stream. `headers` come in wire form, names as sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Stream | None = None
    #: Set when others may be given the same body: held for as long as it is being written.
    shared: SharedBody | None = None
    #: Set with status 101: who takes the connection over.
    take_over: TakeOver | None = None
