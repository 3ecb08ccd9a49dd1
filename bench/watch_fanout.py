"""Watch fan-out: what a write costs when many watch, how late they hear of it, and in which order.

    python -m bench.watch_fanout [--watchers 100] [--creates 2000] [--writers 8] [--http2 [--connections 1]]

A server with a durable store, the watchers and the writers are three processes. ConfigMaps of 1 KB are created as
fast as the writers can; each says when its writer sent it, so lag counts from there to the bytes' arrival
at a watcher. All watchers must get the same bytes. Goal: 100,000 events/s delivered, lag p99 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import ssl
import tempfile
import time
import zlib
from pathlib import Path

import httptools
import orjson
import psutil
import uvloop

from bench.api import CONFIG_MAPS, own_server
from bench.http2 import Http2Streams
from bench.serving import TOKEN
from navarch.client.http import http_client

PATH = "/api/v1/namespaces/default/configmaps?watch=1"
GOAL_RATE, GOAL_LAG_MS = 100_000, 50.0


class Watcher:
    """One watch. `arrivals` are (time, events so far); with `keep` the bytes themselves are kept."""

    def __init__(self, *, keep: bool = False) -> None:
        self.count = 0
        self.crc = 0
        self.arrivals: list[tuple[float, int]] = []
        self.kept: list[bytes] | None = [] if keep else None
        self.started = asyncio.get_running_loop().create_future()

    def on_headers_complete(self) -> None:
        self.started.set_result(None)

    def on_body(self, data: bytes) -> None:
        """Lines end with a line break, and contain none."""
        if self.kept is not None:
            self.kept.append(data)
        self.crc = zlib.crc32(data, self.crc)
        self.count += data.count(b"\n")
        self.arrivals.append((time.monotonic(), self.count))


class Http1Watch(asyncio.Protocol):
    """A watcher's own connection."""

    def __init__(self, watcher: Watcher) -> None:
        self._parser = httptools.HttpResponseParser(watcher)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        head = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        transport.write(head.encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)


def write(url: str, ca: str, creates: int, writers: int) -> None:
    """The writers' process."""

    async def main() -> None:
        client = http_client(url, ssl.create_default_context(cafile=ca), token=TOKEN)
        numbers = iter(range(creates))

        async def writer() -> None:
            for i in numbers:
                data = {"t": str(time.monotonic()), "k": "x" * 850}
                await client.create(CONFIG_MAPS, {"metadata": {"name": f"c{i}"}, "data": data}, "default")

        await asyncio.gather(*[writer() for _ in range(writers)])
        await client.close()

    uvloop.run(main())


async def run(url: str, ca: str, server: psutil.Process, options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    watchers = [Watcher(keep=n == 0) for n in range(options.watchers)]
    host, port = "127.0.0.1", int(url.rpartition(":")[2])
    tls = ssl.create_default_context(cafile=ca)
    if options.http2:
        streams = [await Http2Streams.connect(host, port, tls, TOKEN) for _ in range(options.connections)]
        for number, watcher in enumerate(watchers):
            streams[number % len(streams)].get(PATH, watcher.on_headers_complete, watcher.on_body)
    else:
        for watcher in watchers:
            await loop.create_connection(lambda w=watcher: Http1Watch(w), host, port, ssl=tls)
    await asyncio.gather(*[watcher.started for watcher in watchers])
    before = {watcher: watcher.count for watcher in watchers}
    arguments = (url, ca, options.creates, options.writers)
    process = multiprocessing.get_context("spawn").Process(target=write, args=arguments)
    cpu = sum(server.cpu_times()[:2])
    process.start()
    deadline = time.monotonic() + 120
    while any(w.count - before[w] < options.creates for w in watchers) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    cpu = sum(server.cpu_times()[:2]) - cpu
    process.join()
    report(watchers, before, cpu, options.creates)


def report(watchers: list[Watcher], before: dict[Watcher, int], cpu_s: float, creates: int) -> None:
    first = watchers[0]
    assert first.kept is not None
    lines = b"".join(first.kept).splitlines()[before[first] :]
    sent = [float(orjson.loads(line)["object"]["data"]["t"]) for line in lines]
    lags = []
    for watcher in watchers:
        known = before[watcher]
        for moment, count in watcher.arrivals:
            lags += [moment - sent[n - before[watcher]] for n in range(known, count)]
            known = max(known, count)
    lags.sort()
    delivered = sum(w.count - before[w] for w in watchers)
    wall = max(w.arrivals[-1][0] for w in watchers) - min(sent)
    order = "the same bytes for all" if len({w.crc for w in watchers}) == 1 else "WATCHERS DIFFER"
    print(f"{len(watchers)} watchers, {creates} creates: {delivered} events in {wall:.2f} s, {order}")
    print(f"{delivered / wall:,.0f} events/s delivered (goal {GOAL_RATE:,})")
    p50, p99 = lags[len(lags) // 2] * 1e3, lags[len(lags) * 99 // 100] * 1e3
    print(f"lag p50 {p50:.0f} ms, p99 {p99:.0f} ms (goal {GOAL_LAG_MS:.0f} ms)")
    each = f"{cpu_s / delivered * 1e6:.1f} us per event, {cpu_s / creates * 1e6:.0f} us per create"
    print(f"server CPU, creates included: {cpu_s:.2f} s: {each}; {delivered / cpu_s:,.0f} events per CPU second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--creates", type=int, default=2000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--connections", type=int, default=1, help="of HTTP/2, which the watchers share")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory, own_server(Path(directory)) as (pid, url):
        uvloop.run(run(url, f"{directory}/ca.pem", psutil.Process(pid), options))


if __name__ == "__main__":
    main()
