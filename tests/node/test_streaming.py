"""The kubelet's end of exec: what a client's channels become, seen from a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from navarch.base.errors import NavarchError
from navarch.node.runtime.contract import Streams
from navarch.node.streaming import Wanted, command
from navarch.wire.channels import exit_status, failure_status
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response
from tests.wire.test_channels import WebClient, websocket_head


async def shell(streams: Streams) -> int:
    """Echoes input, then says which sizes the terminal had."""
    assert streams.stdout is not None
    if streams.stdin is not None:
        async for chunk in streams.stdin:
            await streams.stdout(chunk)
    if streams.resizes is not None:
        async for size in streams.resizes:
            await streams.stdout(f"{size.width}x{size.height};".encode())
    if streams.stderr is not None:
        await streams.stderr(b"err")
    return 0


async def broken(_streams: Streams) -> int:
    raise NavarchError("no such container")


TTY = Wanted(stdin=True, stdout=True, stderr=True, tty=True)
PLAIN = Wanted(stdin=False, stdout=True, stderr=True, tty=False)


@pytest.mark.parametrize(
    ("wanted", "sent", "expected"),
    [
        (
            TTY,
            [b"\x00hi", b"\xff\x00", b'\x04{"Width":80,"Height":24}', b"\x04junk", b"\xff\x04"],
            [b"\x01hi", b"\x0180x24;", b"\x03" + exit_status(0)],
        ),
        (PLAIN, [], [b"\x02err", b"\x03" + exit_status(0)]),
    ],
    ids=["tty", "plain"],
)
async def test_streams_of_a_process(wanted: Wanted, sent: list[bytes], expected: list[bytes]) -> None:
    assert await conversation(wanted, shell, sent) == [b"\x01", *expected]


async def test_a_runtime_error_reaches_the_client() -> None:
    assert await conversation(PLAIN, broken, []) == [b"\x01", b"\x03" + failure_status("no such container")]


async def conversation(wanted: Wanted, run: Callable[[Streams], Awaitable[int]], sent: list[bytes]) -> list[bytes]:
    async def handle(request: Request) -> Response:
        return command(request, wanted, run)

    server = await serve(handle, None, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(websocket_head("/exec", "v5.channel.k8s.io").replace("\n", "\r\n").encode())
    await reader.readuntil(b"\r\n\r\n")
    client = WebClient((reader, writer))
    for message in sent:
        client.send(message)
    messages = await asyncio.wait_for(client.messages(), 5)
    writer.close()
    await server.close(1)
    return messages
