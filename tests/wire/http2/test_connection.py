"""HTTP/2 over real TLS connections, on both event loops, with clients of others."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trustme
import uvloop
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from navarch.wire.http import Handle, Server, serve
from navarch.wire.http2.frames import DATA, END_STREAM, GOAWAY, INTERNAL_ERROR
from navarch.wire.limits import IDLE_TIMEOUT_S, MAX_BODY_BYTES, READ_TIMEOUT_S
from navarch.wire.messages import Request, Response, Sink
from navarch.wire.shared_body import SharedBody
from tests.wire.http2.client import connect

Run = Callable[[Coroutine[Any, Any, None]], None]

AUTHORITY = trustme.CA()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def inner(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main, 30))

    return inner


async def echo(request: Request) -> Response:
    said = f"{request.method} {request.path} {request.query} {request.headers.get('x-a', '')} ".encode()
    return Response(200, said + request.body, "text/plain", headers=[("X-Answer", "yes")])


@asynccontextmanager
async def served(handle: Handle) -> AsyncIterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = await serve(handle, context, "localhost", 0)
    try:
        yield server
    finally:
        await server.close(1)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def client_of(server: Server, *, http1: bool = False) -> httpx.AsyncClient:
    url = f"https://localhost:{server.port}"
    return httpx.AsyncClient(base_url=url, verify=trusting(), http2=not http1, trust_env=False)


@asynccontextmanager
async def talking(handle: Handle) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    async with served(handle) as server, client_of(server) as client:
        yield server, client


def test_tls_chooses_the_version(run: Run) -> None:
    async def main() -> None:
        async with talking(echo) as (server, client), client_of(server, http1=True) as old:
            for asked, version in ((client, "HTTP/2"), (old, "HTTP/1.1")):
                answer = await asked.post("/a%20b?q=1", content=b"body", headers={"X-A": "1"})
                assert (answer.http_version, answer.status_code) == (version, 200)
                assert answer.content == b"POST /a b q=1 1 body"
                assert answer.headers["x-answer"] == "yes" and answer.headers["content-type"] == "text/plain"
                assert "date" in answer.headers

    run(main())


def test_many_requests_at_once_and_a_slow_one_holds_up_nobody(run: Run) -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def handle(request: Request) -> Response:
            if request.path == "/slow":
                await release.wait()
            return await echo(request)

        async with talking(handle) as (server, client):
            slow = asyncio.ensure_future(client.get("/slow"))
            answers = await asyncio.gather(*[client.get(f"/{n}") for n in range(200)])
            assert [a.content for a in answers] == [b"GET /%d   " % n for n in range(200)]
            assert len(server.connections) == 1 and not slow.done()
            release.set()
            assert (await slow).content == b"GET /slow   "

    run(main())


def test_large_bodies_go_both_ways(run: Run) -> None:
    async def main() -> None:
        async with talking(echo) as (_, client):
            large = b"x" * MAX_BODY_BYTES
            answer = await client.post("/", content=large, headers={"accept-encoding": "identity"})
            assert answer.content.endswith(large)

    run(main())


def test_a_body_over_the_limit_is_refused_before_it_is_sent(run: Run) -> None:
    async def main() -> None:
        async with served(echo) as server:
            client = await connect(server.port, trusting())
            asked = client.post("/", MAX_BODY_BYTES + 1)
            head = await client.expect(ResponseReceived, asked)
            assert dict(head.headers or ())[b":status"] == b"413"
            assert b'"reason":"RequestEntityTooLarge"' in ((await client.expect(DataReceived, asked)).data or b"")
            assert (await client.expect(StreamReset, asked)).error_code == 0
            client.get("/next")
            assert (await client.expect(DataReceived)).data == b"GET /next   "
            client.close()

    run(main())


def test_large_answers_are_compressed_for_who_accepts_it(run: Run) -> None:
    async def main() -> None:
        body = b"navarch " * 20_000

        async def handle(_request: Request) -> Response:
            return Response(body=body)

        async with talking(handle) as (_, client), client.stream("GET", "/") as answer:
            assert answer.headers["content-encoding"] == "gzip"
            packed = b"".join([piece async for piece in answer.aiter_raw()])
            assert gzip.decompress(packed) == body

    run(main())


def test_head_and_bodiless_answers(run: Run) -> None:
    async def main() -> None:
        async def handle(request: Request) -> Response:
            return Response(204 if request.path == "/204" else 200, b"body")

        async with talking(handle) as (_, client):
            head = await client.head("/")
            assert (head.content, head.headers["content-length"]) == (b"", "4")
            assert (await client.get("/204")).content == b""

    run(main())


def test_a_handler_that_raises_is_a_500(run: Run) -> None:
    async def main() -> None:
        async def handle(_request: Request) -> Response:
            raise ValueError("a bug")

        async with talking(handle) as (_, client):
            answer = await client.get("/")
            assert answer.status_code == 500 and b"a bug" not in answer.content

    run(main())


class Feed:
    """A stream that a test writes to."""

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.stops = 0

    def start(self, sink: Sink) -> None:
        self.sink = sink
        sink.write(b"first\n")

    def stop(self) -> None:
        self.stops += 1


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until the other side's bytes have had their effect."""
    for _ in range(100_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to hold")


def test_a_stream_comes_line_by_line_beside_other_requests(run: Run) -> None:
    async def main() -> None:
        feed = Feed()

        async def handle(request: Request) -> Response:
            return Response(stream=feed) if request.path == "/watch" else await echo(request)

        async with talking(handle) as (server, client):
            async with client.stream("GET", "/watch") as answer:
                lines = answer.aiter_lines()
                assert await anext(lines) == "first"
                assert feed.sink is not None
                feed.sink.write(b"second\n")
                assert await anext(lines) == "second"
                assert (await client.get("/x")).status_code == 200
                feed.sink.close()
                assert [line async for line in lines] == []
            assert (feed.stops, len(server.connections)) == (1, 1)

    run(main())


def test_a_stream_is_stopped_once_when_its_reader_leaves(run: Run) -> None:
    async def main() -> None:
        feed, lost = Feed(), Feed()

        async def handle(request: Request) -> Response:
            return Response(stream=feed if request.path == "/watch" else lost)

        async with served(handle) as server:
            client = await connect(server.port, trusting())
            watch, other = client.get("/watch"), client.get("/lost")
            await client.expect(DataReceived, other)
            client.reset(watch)
            await until(lambda: feed.stops == 1)
            assert feed.sink is not None and lost.stops == 0
            feed.sink.write(b"to nobody")
            feed.sink.close()
            client.close()
            await until(lambda: lost.stops == 1)
        assert (feed.stops, lost.stops) == (1, 1)

    run(main())


def test_a_reader_that_does_not_read_is_seen_by_who_writes(run: Run) -> None:
    async def main() -> None:
        feed = Feed()

        async def handle(request: Request) -> Response:
            return Response(stream=feed) if request.path == "/watch" else await echo(request)

        async with talking(handle) as (_, client), client.stream("GET", "/watch"):
            assert feed.sink is not None
            written = 40 << 20
            feed.sink.write(b"x" * written)
            assert feed.sink.buffered() > written // 2
            assert (await client.get("/x")).status_code == 200
            feed.sink.close()

    run(main())


def test_close_ends_streams_and_waits_for_running_requests(run: Run) -> None:
    async def main() -> None:
        feed, release = Feed(), asyncio.Event()

        async def handle(request: Request) -> Response:
            if request.path == "/watch":
                return Response(stream=feed)
            await release.wait()
            return await echo(request)

        async with served(handle) as server:
            client = await connect(server.port, trusting())
            running, watch = client.get("/running"), client.get("/watch")
            await client.expect(DataReceived, watch)
            closing = asyncio.ensure_future(server.close(10))
            await until(lambda: feed.stops == 1)
            assert not closing.done()
            release.set()
            frames = await client.rest()
            await closing
            assert (DATA, END_STREAM, watch, b"") in frames
            assert (DATA, END_STREAM, running, b"GET /running   ") in frames
            assert [payload[:4] for kind, _, _, payload in frames if kind == GOAWAY] == [
                b"\x7f\xff\xff\xff",
                b"\0\0\0\x03",
            ]
            assert feed.stops == 1 and not server.connections

    run(main())


def test_idle_connections_are_cut(run: Run) -> None:
    async def main() -> None:
        async with talking(echo) as (server, client):
            await client.get("/")
            (connection,) = server.connections
            now = server.loop.time()
            connection.expire(now + READ_TIMEOUT_S + 1)
            await client.get("/")
            assert server.connections == {connection}
            connection.expire(now + IDLE_TIMEOUT_S + 10)
            await until(lambda: not server.connections)

    run(main())


def test_bytes_that_break_the_rules_get_a_goaway_and_the_end(run: Run) -> None:
    async def main() -> None:
        async with served(echo) as server:
            trust = trusting()
            trust.set_alpn_protocols(["h2"])
            reader, writer = await asyncio.open_connection("localhost", server.port, ssl=trust)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"no HTTP/2 preface" in await reader.read()
            writer.close()

    run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_cannot_be_given_resets_its_stream_and_harms_no_other(
    run: Run, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    class Failing:
        stops = 0

        def start(self, sink: Sink) -> None:
            raise ValueError("a bug")

        def stop(self) -> None:
            self.stops += 1

    failing = Failing()

    async def handle(request: Request) -> Response:
        if request.path == "/good":
            return await echo(request)
        return Response(stream=failing) if stream else Response(headers=[("X-No-Latin", "\u20ac")])

    async def main() -> None:
        async with served(handle) as server:
            client = await connect(server.port, trusting())
            bad, good = client.get("/bad"), client.get("/good")
            assert (await client.expect(StreamReset, bad)).error_code == INTERNAL_ERROR
            assert (await client.expect(DataReceived, good)).data == b"GET /good   "
            client.close()

    run(main())
    assert failing.stops == int(stream)
    assert [record.getMessage() for record in caplog.records] == ["path=/bad the answer could not be given"]


def test_a_shared_body_is_held_for_as_long_as_it_is_written(run: Run) -> None:
    shared: list[weakref.ref[SharedBody]] = []

    async def handle(_request: Request) -> Response:
        body = SharedBody(b"x" * 100_000)
        shared.append(weakref.ref(body))
        return Response(body=body.plain, shared=body)

    async def main() -> None:
        async with served(handle) as server:
            client = await connect(server.port, trusting())
            asked, given_up = client.get("/"), client.get("/")
            await client.expect(DataReceived, asked)
            assert [body() is not None for body in shared] == [True, True]
            client.reset(given_up)
            client.h2.increment_flow_control_window(100_000)
            client.h2.increment_flow_control_window(100_000, asked)
            client.flush()
            await client.expect(StreamEnded, asked)
            assert [body() for body in shared] == [None, None]
            client.close()

    run(main())
