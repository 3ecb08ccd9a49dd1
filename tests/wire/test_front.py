"""The front before several servers: who gets a connection, and what happens when a server goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
import uvloop

from navarch.wire.front import BUFFER_BYTES, Address, Front, Health


class Echo:
    """A server that sends its letter, and then back what it hears."""

    def __init__(self, letter: bytes) -> None:
        self.letter = letter
        self.address: Address = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, *self.address)
        self.address = ("127.0.0.1", self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.letter)
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Setup:
    def __init__(self) -> None:
        self.servers = [Echo(b"a"), Echo(b"b"), Echo(b"c")]
        self.stack = AsyncExitStack()
        self.port = 0

    async def __aenter__(self) -> Setup:
        for server in self.servers:
            await server.start()
            self.stack.callback(server.stop)
        self.front = Front([server.address for server in self.servers])
        self.port = await self.front.listen("127.0.0.1", 0)
        self.stack.callback(self.front.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def connect(self) -> tuple[bytes, Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.stack.callback(writer.close)
        return await reader.read(1), (reader, writer)


async def test_connections_go_round() -> None:
    async with Setup() as setup:
        assert sorted([(await setup.connect())[0] for _ in range(6)]) == [b"a", b"a", b"b", b"b", b"c", b"c"]


async def test_a_server_that_is_gone_is_passed_over_and_its_clients_are_told() -> None:
    async with Setup() as setup:
        letter, (reader, _) = await setup.connect()
        number = b"abc".index(letter)
        setup.servers[number].stop()
        setup.front.mark(number, Health.GONE)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert setup.front.connections(number) == 0
        assert letter not in [(await setup.connect())[0] for _ in range(6)]


async def test_one_that_nobody_knows_to_be_gone_costs_a_refusal_only() -> None:
    async with Setup() as setup:
        setup.servers[0].stop()
        assert b"" not in [(await setup.connect())[0] for _ in range(6)]


async def test_one_that_is_not_ready_keeps_its_connections_and_gets_no_more() -> None:
    async with Setup() as setup:
        letter, (reader, writer) = await setup.connect()
        setup.front.mark(b"abc".index(letter), Health.UNREADY)
        writer.write(b"still")
        assert await reader.readexactly(5) == b"still"
        assert letter not in [(await setup.connect())[0] for _ in range(4)]


async def test_when_none_is_ready_all_are_tried() -> None:
    async with Setup() as setup:
        for number in range(3):
            setup.front.mark(number, Health.UNREADY)
        assert (await setup.connect())[0] in (b"a", b"b", b"c")
        for server in setup.servers:
            server.stop()
        letter, _ = await setup.connect()
        assert letter == b""


async def test_much_data_arrives_in_order_and_half_closed_connections_work() -> None:
    async with Setup() as setup:
        _, (reader, writer) = await setup.connect()
        sent = bytes(range(256)) * (BUFFER_BYTES // 32)

        async def send() -> None:
            writer.write(sent)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        assert await reader.read(-1) == sent
        await sending


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_a_client_says_before_the_server_is_reached_is_not_lost(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        async with Setup() as setup:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", setup.port)
                writer.write(b"at once")
                assert (await reader.readexactly(8))[1:] == b"at once"
                writer.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
