"""CPU time of the wire per request: a trivial handler over TLS, keep-alive, client in another process.

    python -m bench.http_wire [--requests 50000] [--connections 8] [--loop uvloop|asyncio] [--http2 | --floor]

Prints the server process's CPU microseconds per request. What a handler does comes on top. With --floor nobody looks
at the request: what the kernel, the event loop and TLS take for as many bytes, and no server can do without.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import ssl
import time
from typing import cast

import aiofastnet
import trustme
import uvloop
from jh2._hazmat import Encoder

from navarch.wire.answer import whole_answer
from navarch.wire.head import head
from navarch.wire.http import serve
from navarch.wire.http2.frames import END_STREAM, HEADERS, PREFACE, frame, headers_frames, settings_frame
from navarch.wire.messages import Request, Response

REQUEST = (
    b"GET /api/v1/namespaces/default/pods/web HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n"
    b"Accept: application/json\r\nAuthorization: Bearer 0123456789abcdef\r\nAccept-Encoding: gzip\r\n\r\n"
)
ANSWER = Response(body=b"x" * 3400, headers=[("Audit-Id", "0"), ("Cache-Control", "no-cache, private")])


async def handle(_request: Request) -> Response:
    return ANSWER


FIELDS = (
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/api/v1/namespaces/default/pods/web"),
    (b":authority", b"localhost"),
    (b"user-agent", b"bench/1.0"),
    (b"accept", b"application/json"),
    (b"authorization", b"Bearer 0123456789abcdef"),
    (b"accept-encoding", b"gzip"),
)


async def ask_http2(port: int, authority: bytes, requests: int) -> None:
    """One request at a time on one connection, as the others; answers end with the END_STREAM flag."""
    context = ssl.create_default_context(cadata=authority.decode())
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(PREFACE + settings_frame({4: 1 << 30}) + frame(8, 0, 0, (1 << 30).to_bytes(4, "big")))
    encoder = Encoder()
    for number in range(requests):
        block = encoder.encode([(name, value, False) for name, value in FIELDS])
        writer.write(headers_frames(2 * number + 1, block, END_STREAM, 16384))
        while True:
            head = await reader.readexactly(9)
            await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] <= HEADERS and head[4] & END_STREAM:
                break
    writer.close()


async def ask(port: int, authority: bytes, requests: int) -> None:
    context = ssl.create_default_context(cadata=authority.decode())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    size = 0
    for _ in range(requests):
        writer.write(REQUEST)
        if not size:
            size = len(await reader.readuntil(b"\r\n\r\n")) + len(ANSWER.body)
            await reader.readexactly(len(ANSWER.body))
        else:
            await reader.readexactly(size)
    writer.close()


def client(port: int, authority: bytes, requests: int, connections: int, http2: bool) -> None:
    async def main() -> None:
        one = ask_http2 if http2 else ask
        await asyncio.gather(*[one(port, authority, requests // connections) for _ in range(connections)])

    uvloop.run(main())


class Floor(asyncio.Protocol):
    """Answers whatever comes with the same bytes."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self.answer)


async def measure_floor(requests: int, connections: int, context: ssl.SSLContext, authority: trustme.CA) -> float:
    fields, body = whole_answer(ANSWER, "GET", "")
    Floor.answer = head(200, fields) + body
    loop = asyncio.get_running_loop()
    server = await aiofastnet.create_server(loop, Floor, "127.0.0.1", 0, ssl=context)
    port = cast(asyncio.Server, server).sockets[0].getsockname()[1]
    each = await cpu_of_clients((port, authority.cert_pem.bytes(), requests, connections, False), requests)
    server.close()
    return each


async def cpu_of_clients(arguments: tuple[int, bytes, int, int, bool], requests: int) -> float:
    """CPU microseconds of this process per request while clients in another one ask."""
    process = multiprocessing.get_context("spawn").Process(target=client, args=arguments)
    process.start()
    cpu = time.process_time()
    while process.is_alive():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return (time.process_time() - cpu) / requests * 1e6


async def measure(requests: int, connections: int, http2: bool, floor: bool) -> float:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if floor:
        return await measure_floor(requests, connections, context, authority)
    server = await serve(handle, context, "127.0.0.1", 0)
    arguments = (server.port, authority.cert_pem.bytes(), requests, connections, http2)
    each = await cpu_of_clients(arguments, requests)
    await server.close(1)
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--http2", action="store_true")
    form.add_argument("--floor", action="store_true")
    options = parser.parse_args()
    # As in a server that has been up for a while: the allocator keeps what was freed up to this size, instead of
    # asking the kernel for a buffer with every read.
    del bytearray(1 << 22)[:]
    factory = uvloop.new_event_loop if options.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        each = runner.run(measure(options.requests, options.connections, options.http2, options.floor))
    print(f"{each:.1f} us CPU per request ({options.requests} requests, {options.connections} connections)")


if __name__ == "__main__":
    main()
