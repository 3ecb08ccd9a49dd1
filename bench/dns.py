"""How many questions the DNS server answers per second of one core: `python -m bench.dns`.

Counts the server's CPU time, sockets and kernel included: the server runs in a process of its own, the client in
this one. The zone has 5,000 services; questions are what a pod asks for: names of services and, for each, the
search-path names that do not exist.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import struct
import time
from multiprocessing.connection import Connection

import uvloop

from navarch.api.views.meta import ObjectMeta
from navarch.api.views.service import Service, ServicePort, ServiceSpec
from navarch.base.resource import ObjectKey
from navarch.dns.chain import Chain
from navarch.dns.config import DnsConfig
from navarch.dns.records import service_records
from navarch.dns.serve import Listener
from navarch.dns.zone import Zone
from navarch.seams.real import RealClock

TARGET_PER_S = 40_000
SERVICES = 5_000
IN_FLIGHT = 32


def chain() -> Chain:
    zone = Zone()
    for n in range(SERVICES):
        ip = f"10.96.{n >> 8}.{n & 255}"
        spec = ServiceSpec(type="ClusterIP", clusterIP=ip, clusterIPs=(ip,), ports=(ServicePort(name="http", port=80),))
        service = Service(ObjectMeta(name=f"service-{n}", namespace="default"), spec)
        zone.replace(ObjectKey("default", f"service-{n}"), service_records(service, (), zone.domain))
    return Chain(zone, DnsConfig(), RealClock())


def questions(existing: bool) -> list[bytes]:
    suffix = "default.svc.cluster.local" if existing else "default.svc.cluster.local.svc.cluster.local"
    return [message(f"service-{n}.{suffix}") for n in range(0, SERVICES, 5)]


def message(name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


async def serve(pipe: Connection) -> None:
    async with asyncio.TaskGroup() as group:
        listener = Listener(chain(), DnsConfig(port=0), "127.0.0.1", group)
        await listener.open()
        pipe.send(listener.port)
        while True:
            await asyncio.sleep(0.2)
            if pipe.poll():
                pipe.send(time.process_time() if pipe.recv() else None)


def server(pipe: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(pipe))


def ask(port: int, messages: list[bytes], seconds: float) -> int:
    """Questions answered, with so many under way that the server always has one."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", port))
    client.settimeout(2)
    done = 0
    end = time.perf_counter() + seconds
    for n in range(IN_FLIGHT):
        client.send(messages[n % len(messages)])
    while time.perf_counter() < end:
        for _ in range(256):
            client.recv(4096)
            done += 1
            client.send(messages[done % len(messages)])
    return done


def measure(pipe: Connection, port: int, what: str, messages: list[bytes], seconds: float) -> None:
    ask(port, messages, 0.5)
    pipe.send(True)
    before = pipe.recv()
    answered = ask(port, messages, seconds)
    pipe.send(True)
    rate = answered / (pipe.recv() - before)
    verdict = "ok" if rate >= TARGET_PER_S else "MISSED"
    print(f"{what:<40} {rate:>9,.0f} per CPU second, target >= {TARGET_PER_S:,}  {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=server, args=(theirs,), daemon=True)
    process.start()
    port = mine.recv()
    print(f"{SERVICES} services, {os.cpu_count()} cores")
    measure(mine, port, "names of services over UDP", questions(True), options.seconds)
    measure(mine, port, "names that do not exist over UDP", questions(False), options.seconds)
    process.terminate()


if __name__ == "__main__":
    main()
