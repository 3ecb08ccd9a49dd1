"""Kept connections, against a server of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from navarch.wire.collect import AnswerTooLong
from navarch.wire.kept import MAX_IDLE, KeptConnections
from navarch.wire.relay import Upstream

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """Answers each request as `answer` says; None closes the connection instead."""

    def __init__(self) -> None:
        self.opened = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.requests: list[bytes] = []
        self.answer: Callable[[int], bytes | None] = lambda _: OK
        self.upstream = Upstream("127.0.0.1", 0)
        self.kept = KeptConnections()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                answer = self.answer(len(self.requests))
                if answer is None:
                    return
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def post(self, body: bytes = b"{}", limit: int = 100) -> tuple[int, bytes]:
        return await self.kept.post(self.upstream, "/ask?x=1", {"host": "h"}, body, limit)


@asynccontextmanager
async def started() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.upstream = Upstream("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield peer
    finally:
        peer.kept.close()
        server.close()
        await asyncio.sleep(0.01)


async def test_calls_one_after_the_other_share_a_connection() -> None:
    async with started() as peer:
        for _ in range(5):
            assert await peer.post(b"abc") == (200, b"ok")
        assert peer.opened == 1
        assert peer.requests[0] == b"POST /ask?x=1 HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc"


async def test_calls_at_the_same_time_have_their_own_and_some_are_kept() -> None:
    async with started() as peer:
        await asyncio.gather(*(peer.post() for _ in range(MAX_IDLE + 4)))
        opened = peer.opened
        assert opened == MAX_IDLE + 4
        await asyncio.gather(*(peer.post() for _ in range(MAX_IDLE)))
        assert peer.opened == opened


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with started() as peer:
        await peer.post()
        peer.answer = lambda count: None if count == 2 else OK
        assert await peer.post() == (200, b"ok")
        assert (peer.opened, len(peer.requests)) == (2, 3)
        # On a new connection it is an error.
        peer.answer = lambda _: None
        with pytest.raises(ConnectionError):
            await peer.post()


async def test_what_says_that_it_closes_is_not_kept() -> None:
    async with started() as peer:
        peer.answer = lambda _: b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        assert await peer.post() == (503, b"")
        assert await peer.post() == (503, b"")
        assert peer.opened == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"no http at all\r\n\r\n", ConnectionError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + b"x" * 500, AnswerTooLong),
    ],
)
async def test_answers_that_are_none(answer: bytes, error: type[Exception]) -> None:
    async with started() as peer:
        peer.answer = lambda _: answer
        with pytest.raises(error):
            await peer.post()
        peer.answer = lambda _: OK
        assert await peer.post() == (200, b"ok")


async def test_a_call_that_is_given_up_leaves_no_connection() -> None:
    async with started() as peer:
        peer.answer = lambda count: b"" if count == 1 else OK
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peer.post()
        assert await peer.post() == (200, b"ok")
        assert peer.opened == 2


async def test_nothing_is_kept_of_a_server_without_connections() -> None:
    async with started() as peer:
        await peer.post()
        for _ in range(3):
            async with started() as other:
                await peer.kept.post(other.upstream, "/", {}, b"", 100)
                assert peer.kept.upstreams == {peer.upstream, other.upstream}
                other.answer = lambda _: None
                # It answers no more, and closes: the connection is replaced, then given up.
                with pytest.raises(ConnectionError):
                    await peer.kept.post(other.upstream, "/", {}, b"", 100)
                assert peer.kept.upstreams == {peer.upstream}


async def test_a_connection_that_the_server_closes_is_forgotten() -> None:
    async with started() as peer:
        await peer.post()
        (writer,) = peer.writers
        writer.close()
        for _ in range(10_000):
            if not peer.kept.upstreams:
                break
            await asyncio.sleep(0)
        assert not peer.kept.upstreams
        assert await peer.post() == (200, b"ok")
        assert (peer.opened, len(peer.requests)) == (2, 2)
