"""Many watchers to whom nothing happens: what each costs the server, and what the others notice of them.

    python -m bench.watch_idle [--watchers 10000] [--busy 100] [--creates 500] [--http2 [--connections 100]]

First only connections are made, each with one request answered: that is the socket, with its TLS. Then each
carries a watch of ConfigMaps in a namespace where nothing happens. Last, busy watchers hear of creates in
another namespace. With --http2 the watchers share connections. Goal: 200 bytes for a watch beyond its
socket, all held, and the busy ones served as if they were alone.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import ssl
import tempfile
from pathlib import Path

import aiofastnet
import httptools
import psutil
import uvloop

from bench.api import CONFIG_MAPS, own_server
from bench.http2 import Http2Streams
from bench.serving import TOKEN
from navarch.client.http import http_client
from navarch.client.rest import RestClient

IDLE = (
    "/api/v1/namespaces/kube-system/configmaps?watch=1&resourceVersion={}&allowWatchBookmarks=true&timeoutSeconds=3000"
)
BUSY = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion={}"
GOAL_BYTES = 200

#: Connections that are being made at a time.
AT_A_TIME = 50


class Http1(asyncio.Protocol):
    """One connection, one request at a time. `lines` counts what a watch brings."""

    def __init__(self) -> None:
        self.lines = 0
        self.lost = False
        self._parser: httptools.HttpResponseParser | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get(self, target: str) -> asyncio.Future[None]:
        """Ask; done when the answer's head has come."""
        self._head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        self._transport.write(head.encode())  # type: ignore[attr-defined]
        return self._head

    def data_received(self, data: bytes) -> None:
        assert self._parser is not None
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        self._head.set_result(None)

    def on_body(self, data: bytes) -> None:
        self.lines += data.count(b"\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Server:
    """The server's process."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def memory_bytes(self) -> int:
        return int(self._process.memory_full_info().uss)

    def cpu_s(self) -> float:
        return float(sum(self._process.cpu_times()[:2]))


async def connect(count: int, port: int, ca: str) -> list[Http1]:
    loop, tls = asyncio.get_running_loop(), ssl.create_default_context(cafile=ca)
    made: list[Http1] = []

    async def some() -> None:
        while len(made) < count:
            made.append(connection := Http1())
            await aiofastnet.create_connection(loop, lambda: connection, "127.0.0.1", port, ssl=tls)
            await connection.get("/version")

    await asyncio.gather(*[some() for _ in range(AT_A_TIME)])
    return made


async def watch_http2(count: int, connections: int, port: int, ca: str, server: Server, idle: str) -> int:
    """Open the watches on shared connections; what the watches cost."""
    tls = ssl.create_default_context(cafile=ca)
    streams = [await Http2Streams.connect("127.0.0.1", port, tls, TOKEN) for _ in range(connections)]
    await ask_all(streams, len(streams), "/version")
    before = server.memory_bytes()
    await ask_all(streams, count, idle)
    return server.memory_bytes() - before


async def ask_all(streams: list[Http2Streams], count: int, target: str) -> None:
    """`count` requests, spread over the connections; until all heads have come."""
    left = count
    done = asyncio.get_running_loop().create_future()

    def on_head() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    for number in range(count):
        streams[number % len(streams)].get(target, on_head, lambda _: None)
    await done


async def run(url: str, ca: str, server: Server, options: argparse.Namespace) -> None:
    client = http_client(url, ssl.create_default_context(cafile=ca), token=TOKEN)
    port = int(url.rpartition(":")[2])
    page = await client.list(CONFIG_MAPS, "default")
    idle, busy = IDLE.format(page.revision), BUSY.format(page.revision)
    alone = await serve_busy(client, port, ca, server, busy, options, "alone")
    count = options.watchers
    if options.http2:
        added = await watch_http2(count, options.connections, port, ca, server, idle)
        print(f"{count} idle watches on {options.connections} HTTP/2 connections")
    else:
        before = server.memory_bytes()
        connections = await connect(count, port, ca)
        sockets = server.memory_bytes()
        print(f"{len(connections)} idle TLS connections: {(sockets - before) / len(connections):,.0f} bytes each")
        await asyncio.gather(*[connection.get(idle) for connection in connections])
        added = server.memory_bytes() - sockets
    print(f"a watch on them: {added / count:,.0f} bytes more (goal {GOAL_BYTES})")
    beside = await serve_busy(client, port, ca, server, busy, options, "beside")
    print(f"the busy cost {beside / alone:.2f} times what they cost alone")
    cpu = server.cpu_s()
    await asyncio.sleep(10)
    print(f"idle CPU with all of them: {(server.cpu_s() - cpu) * 10:.1f} % of a core")
    if not options.http2:
        lost = sum(connection.lost for connection in connections)
        print(f"lost: {lost}")
    await client.close()


async def serve_busy(
    client: RestClient, port: int, ca: str, server: Server, busy: str, options: argparse.Namespace, name: str
) -> float:
    """CPU seconds of the server while busy watchers hear of creates."""
    watchers = await connect(options.busy, port, ca)
    for watcher in watchers:
        watcher.lines = 0
    await asyncio.gather(*[watcher.get(busy) for watcher in watchers])
    cpu = server.cpu_s()
    for number in range(options.creates):
        await client.create(CONFIG_MAPS, {"metadata": {"name": f"{name}-{number}"}}, "default")
    while any(watcher.lines < options.creates for watcher in watchers):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    cpu = server.cpu_s() - cpu
    each = cpu / (options.creates * options.busy) * 1e6
    print(f"{options.busy} busy watchers, {options.creates} creates one by one, {name}: {each:.1f} us per event")
    for watcher in watchers:
        watcher._transport.close()
    return cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=10_000)
    parser.add_argument("--busy", type=int, default=100)
    parser.add_argument("--creates", type=int, default=500)
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--connections", type=int, default=100, help="of HTTP/2, which the watchers share")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory, own_server(Path(directory)) as (pid, url):
        uvloop.run(run(url, f"{directory}/ca.pem", Server(pid), options))


if __name__ == "__main__":
    main()
