"""Passing a request on to another HTTP server and its answer back: logs, exec, proxy subresources.

    upstream = Upstream("10.0.0.5", 10250, context)
    return await relay(request, upstream, "/exec/default/web/app?command=ls&stdout=true", headers)

Bodies are passed on as they come; an upgrade joins the two connections, byte for byte. A slow reader
on one side makes the other side wait.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import httptools

from navarch.base.errors import StatusError, service_unavailable
from navarch.wire.messages import Request, Response, Sink, Stream

CONNECT_TIMEOUT_S = 10.0

#: A body is not read from upstream while the client has this much still to take.
BUFFER_BYTES = 1 << 20
BUFFER_POLL_S = 0.02

#: Headers of one hop only. Source: RFC 9110, section 7.6.1.
_HOP_HEADERS = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where to connect. `server_name` is the name that the certificate must have, the host's by default."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""


async def relay(
    request: Request,
    upstream: Upstream,
    target: str,
    headers: Mapping[str, str],
    repeated: Sequence[tuple[str, str]] = (),
) -> Response:
    """Ask `upstream` for `target` (path and query) with the request's method, body and `headers` (lower
    case; hop-by-hop ones are replaced by what the request's own upgrade needs). `repeated` are further
    headers, whose names may come several times.

    Raises: StatusError 503 when it cannot be reached or breaks off before it has answered.
    """
    loop = asyncio.get_running_loop()
    name = (upstream.server_name or upstream.host) if upstream.tls else None
    dial = loop.create_connection(Answer, upstream.host, upstream.port, ssl=upstream.tls, server_hostname=name)
    try:
        _, answer = await asyncio.wait_for(dial, CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        raise _unreachable(upstream, str(error) or "timed out") from error
    answer.transport.write(_head(request, upstream, target, headers, repeated) + request.body)
    try:
        await answer.head
    except ConnectionError as error:
        raise _unreachable(upstream, str(error)) from error
    if answer.status == 101:
        return Response(101, headers=answer.headers, take_over=answer.join)
    kept = [(k, v) for k, v in answer.headers if k.lower() not in _HOP_HEADERS and k.lower() != "content-type"]
    content_type = next((v for k, v in answer.headers if k.lower() == "content-type"), "")
    return Response(answer.status, content_type=content_type, headers=kept, stream=answer)


class Answer(asyncio.Protocol, Stream):
    """The connection to upstream: parses the head, then is the response's stream, or one end of a join."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._early: list[bytes] = []
        self._is_complete = False
        self._sink: Sink | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._client: asyncio.Transport | None = None

    # --- the event loop's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._client is not None:
            self._client.write(data)
            return
        if self.status == 101 and self.head.done():
            self._early.append(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if rest := data[upgrade.args[0] :]:
                self._early.append(rest)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("closed the connection")
        if self._poll is not None:
            self._poll.cancel()
        if self._client is not None:
            self._client.close()
        elif self._sink is not None:
            self._sink.close()

    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.pause_reading()

    def resume_writing(self) -> None:
        if self._client is not None and not self._client.is_closing():
            self._client.resume_reading()

    # --- the parser's calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == 100:
            self.headers.clear()
            return
        self.status = status
        if not self.head.done():
            self.head.set_result(None)

    def on_body(self, data: bytes) -> None:
        if self._sink is None:
            self._early.append(data)
            self.transport.pause_reading()
            return
        self._sink.write(data)
        if self._poll is None and self._sink.buffered() > BUFFER_BYTES:
            self.transport.pause_reading()
            self._poll = asyncio.get_running_loop().call_later(BUFFER_POLL_S, self._resume)

    def on_message_complete(self) -> None:
        if self.status == 0 or self.status == 101:
            return
        self._is_complete = True
        self.transport.close()
        if self._sink is not None:
            self._sink.close()

    # --- the response's stream

    def start(self, sink: Sink) -> None:
        self._sink = sink
        for data in self._early:
            sink.write(data)
        self._early.clear()
        if self._is_complete or self.transport.is_closing():
            sink.close()
        else:
            self.transport.resume_reading()

    def stop(self) -> None:
        self._sink = None
        self.transport.close()

    # --- the join after an upgrade

    def join(self, client: asyncio.Transport, early: bytes) -> asyncio.Protocol:
        """Take over the client's connection; the protocol for its further bytes."""
        self._client = client
        for data in self._early:
            client.write(data)
        self._early.clear()
        if early:
            self.transport.write(early)
        return _ClientEnd(self.transport)

    def _resume(self) -> None:
        self._poll = None
        if self._sink is None or self.transport.is_closing():
            return
        if self._sink.buffered() > BUFFER_BYTES // 2:
            self._poll = asyncio.get_running_loop().call_later(BUFFER_POLL_S, self._resume)
        else:
            self.transport.resume_reading()

    def _fail(self, why: str) -> None:
        if not self.head.done():
            self.head.set_exception(ConnectionError(why))
            self.transport.close()


class _ClientEnd(asyncio.Protocol):
    """The client's side of a join."""

    def __init__(self, upstream: asyncio.Transport) -> None:
        self._upstream = upstream

    def data_received(self, data: bytes) -> None:
        self._upstream.write(data)

    def pause_writing(self) -> None:
        self._upstream.pause_reading()

    def resume_writing(self) -> None:
        if not self._upstream.is_closing():
            self._upstream.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream.close()


def _head(
    request: Request,
    upstream: Upstream,
    target: str,
    headers: Mapping[str, str],
    repeated: Sequence[tuple[str, str]],
) -> bytes:
    lines = {k: v for k, v in headers.items() if k not in _HOP_HEADERS and k != "host"}
    lines["host"] = f"{upstream.host}:{upstream.port}"
    if request.can_upgrade:
        lines |= {"connection": "Upgrade", "upgrade": request.headers.get("upgrade", "")}
    else:
        lines["connection"] = "close"
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines["content-length"] = str(len(request.body))
    fields = "".join(f"{name}: {value}\r\n" for name, value in (*lines.items(), *repeated))
    return f"{request.method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")


def _unreachable(upstream: Upstream, why: str) -> StatusError:
    return service_unavailable(f"error dialing backend: {upstream.host}:{upstream.port}: {why}")
