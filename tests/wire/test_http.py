"""The HTTP/1.1 server over real loopback sockets, on both event loops."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import trustme
import uvloop

from navarch.wire import limits
from navarch.wire.http import Handle, Server, serve
from navarch.wire.messages import Request, Response, Sink
from navarch.wire.shared_body import SharedBody

Run = Callable[[Coroutine[Any, Any, None]], None]
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def inner(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main, 20))

    return inner


async def echo(request: Request) -> Response:
    return Response(200, f"{request.method} {request.path} {request.query} ".encode() + request.body, "text/plain")


async def with_server(handle: Handle, talk: Callable[[Server, Pair], Awaitable[None]]) -> None:
    server = await serve(handle, None, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        await talk(server, (reader, writer))
    finally:
        writer.close()
        await server.close(1)


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until the other side's bytes have had their effect."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to hold")


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


def test_keep_alive_and_pipelining_answer_in_order(run: Run) -> None:
    async def handle(request: Request) -> Response:
        if request.path == "/slow":
            await asyncio.sleep(0.01)
        return await echo(request)

    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(
            b"".join(
                b"GET /%b?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % (p, i) for i, p in enumerate([b"slow", b"fast"] * 20)
            )
        )
        for i in range(40):
            status, _, body = await read_answer(reader)
            assert (status, body) == (200, f"GET /{'fast' if i % 2 else 'slow'} n={i} ".encode())

    run(with_server(handle, talk))


def test_chunked_body_encoded_path_and_repeated_headers(run: Run) -> None:
    seen: list[Request] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        return await echo(request)

    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(
            b"POST /a%20b/c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        await asyncio.sleep(0.01)
        writer.write(b"2\r\nde\r\n0\r\n\r\n")
        assert (await read_answer(reader))[2] == b"POST /a b/c  abcde"
        assert seen[0].headers["x-a"] == "1, 2"
        assert not seen[0].can_upgrade

    run(with_server(handle, talk))


def test_expect_100_continue(run: Run) -> None:
    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await read_answer(reader))[2] == b"PUT /  ok"

    run(with_server(echo, talk))


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_refused_with_a_status(run: Run, declared: bool) -> None:
    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        size = limits.MAX_BODY_BYTES + 1
        if declared:
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        else:
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size + b"x" * size)
        status, headers, body = await read_answer(reader)
        assert status == 413 and b'"reason":"RequestEntityTooLarge"' in body and headers["connection"] == "close"

    run(with_server(echo, talk))


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nX: " + b"y" * limits.MAX_HEAD_BYTES + b"yy", 431)],
)
def test_what_is_not_http_is_refused(run: Run, sent: bytes, status: int) -> None:
    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(sent)
        assert (await read_answer(reader))[0] == status

    run(with_server(echo, talk))


class Counting:
    """A stream of `n` numbers that then closes, or stays open when `n` is negative."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.stops = 0
        self.started = asyncio.Event()

    def start(self, sink: Sink) -> None:
        for i in range(abs(self.n)):
            sink.write(b"%d\n" % i)
        if self.n >= 0:
            sink.close()
        self.started.set()

    def stop(self) -> None:
        self.stops += 1


def test_a_stream_ends_cleanly_and_the_connection_goes_on(run: Run) -> None:
    async def main() -> None:
        stream = Counting(3)

        async def handle(request: Request) -> Response:
            return Response(stream=stream) if request.path == "/s" else await echo(request)

        async def talk(_server: Server, pair: Pair) -> None:
            reader, writer = pair
            writer.write(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_answer(reader))[2] == b"0\n1\n2\n"
            assert (await read_answer(reader))[2] == b"GET /next  "
            assert stream.stops == 1

        await with_server(handle, talk)

    run(main())


def test_a_stream_is_stopped_once_when_the_peer_leaves(run: Run) -> None:
    async def main() -> None:
        stream = Counting(-1)

        async def handle(_request: Request) -> Response:
            return Response(stream=stream)

        async def talk(server: Server, pair: Pair) -> None:
            pair[1].write(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
            await stream.started.wait()
            pair[1].close()
            await until(lambda: not server.connections)
            assert stream.stops == 1

        await with_server(handle, talk)

    run(main())


def test_close_ends_streams_and_waits_for_running_requests(run: Run) -> None:
    async def main() -> None:
        stream = Counting(-2)
        release = asyncio.Event()

        async def handle(request: Request) -> Response:
            if request.path == "/s":
                return Response(stream=stream)
            await release.wait()
            return await echo(request)

        server = await serve(handle, None, "127.0.0.1", 0)
        one = await asyncio.open_connection("127.0.0.1", server.port)
        two = await asyncio.open_connection("127.0.0.1", server.port)
        one[1].write(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        two[1].write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.started.wait()
        await asyncio.sleep(0.01)
        closing = asyncio.ensure_future(server.close(5))
        assert (await read_answer(one[0]))[2] == b"0\n1\n"
        assert not closing.done()
        release.set()
        status, headers, _ = await read_answer(two[0])
        assert (status, headers["connection"]) == (200, "close")
        await closing
        for pair in (one, two):
            pair[1].close()

    run(main())


def test_an_upgrade_hands_the_connection_over_with_early_bytes(run: Run) -> None:
    class Upper(asyncio.Protocol):
        def __init__(self, transport: asyncio.Transport, early: bytes) -> None:
            self.transport = transport
            self.data_received(early)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data.upper())

    async def handle(request: Request) -> Response:
        if not request.can_upgrade:
            return await echo(request)
        return Response(101, headers=[("Connection", "Upgrade"), ("Upgrade", "upper")], take_over=Upper)

    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: upper\r\n\r\nearly")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(5) == b"EARLY"
        writer.write(b"later")
        assert await reader.readexactly(5) == b"LATER"

    run(with_server(handle, talk))


def test_an_upgrade_that_is_not_taken_is_answered_and_closed(run: Run) -> None:
    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"GET /n HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert (await read_answer(reader))[2] == b"GET /n  "
        assert await reader.read() == b""

    run(with_server(echo, talk))


def test_large_bodies_are_compressed_for_who_accepts_it(run: Run) -> None:
    body = b"navarch " * 20_000

    async def handle(_request: Request) -> Response:
        return Response(body=body)

    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        _, headers, packed = await read_answer(reader)
        assert headers["content-encoding"] == "gzip" and gzip.decompress(packed) == body
        _, headers, plain = await read_answer(reader)
        assert "content-encoding" not in headers and plain == body

    run(with_server(handle, talk))


def test_a_handler_that_raises_is_a_500_and_the_connection_goes_on(run: Run) -> None:
    async def handle(request: Request) -> Response:
        if request.path == "/later":
            await asyncio.sleep(0)
        raise ValueError("a bug")

    async def talk(_server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"GET /now HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(2):
            status, _, body = await read_answer(reader)
            assert status == 500 and b"a bug" not in body

    run(with_server(handle, talk))


def test_a_shared_body_is_held_for_as_long_as_it_is_written(run: Run) -> None:
    shared: list[weakref.ref[SharedBody]] = []

    async def handle(_request: Request) -> Response:
        body = SharedBody(b"x" * 30_000_000)
        shared.append(weakref.ref(body))
        return Response(body=body.plain, shared=body)

    async def talk(server: Server, pair: Pair) -> None:
        reader, writer = pair
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert shared[0]() is not None
        await reader.readexactly(30_000_000)
        await until(lambda: shared[0]() is None)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert shared[1]() is not None
        writer.transport.abort()
        await until(lambda: shared[1]() is None)

    run(with_server(handle, talk))


class Failing:
    """A stream that fails as it begins."""

    stops = 0

    def start(self, sink: Sink) -> None:
        raise ValueError("a bug")

    def stop(self) -> None:
        self.stops += 1


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_cannot_be_written_is_logged_once_and_ends_the_connection(
    run: Run, caplog: pytest.LogCaptureFixture, stream: bool, later: bool
) -> None:
    failing = Failing()

    async def handle(request: Request) -> Response:
        if later:
            await asyncio.sleep(0)
        if request.path == "/good":
            return await echo(request)
        return Response(stream=failing) if stream else Response(headers=[("X-No-Latin", "\u20ac")])

    async def talk(server: Server, pair: Pair) -> None:
        reader, writer = pair
        for path in (b"good", b"bad", b"good"):
            writer.write(b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
        assert (await read_answer(reader))[2] == b"GET /good  "
        rest = await reader.read()
        assert b"GET /good" not in rest
        await until(lambda: not server.connections)

    run(with_server(handle, talk))
    assert failing.stops == int(stream)
    assert [record.getMessage() for record in caplog.records] == ["path=/bad the answer could not be given"]


def test_slow_and_idle_peers_are_cut(run: Run) -> None:
    async def talk(server: Server, pair: Pair) -> None:
        pair[1].write(b"GET / HT")
        await until(lambda: any(c._reading for c in server.connections))
        conn = next(iter(server.connections))
        conn.expire(server.loop.time() + limits.READ_TIMEOUT_S - 1)
        assert not conn._transport.is_closing()
        conn.expire(server.loop.time() + limits.READ_TIMEOUT_S + 1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await pair[0].readexactly(1)

    run(with_server(echo, talk))


def test_tls_passes_the_client_certificate(run: Run) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    client = ssl.create_default_context()
    authority.configure_trust(client)
    authority.issue_cert("client@example.org").configure_cert(client)

    async def handle(request: Request) -> Response:
        return Response(body=b"%d" % len(request.peer_certificate or b""))

    async def main() -> None:
        server = await serve(handle, context, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=client, server_hostname="localhost"
        )
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert int((await read_answer(reader))[2]) > 100
        writer.close()
        await server.close(1)

    run(main())
