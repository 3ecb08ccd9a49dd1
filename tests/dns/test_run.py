from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import dns.asyncquery
import dns.message
import dns.rcode

from navarch.dns.answer import SRV, A
from navarch.dns.config import DnsConfig
from navarch.dns.run import Dns
from navarch.dns.service import ENDPOINTSLICES, SERVICES
from navarch.schema.types import Tree
from navarch.seams.real import real_seams
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

DB = "db.default.svc.cluster.local"


def headless_service(name: str = "db") -> Tree:
    spec = {"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"], "selector": {"app": name}}
    return {"metadata": {"name": name}, "spec": spec}


def slice_tree(*ips: str) -> Tree:
    return {
        "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips],
        "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
    }


def addresses(dns_: Dns, name: str = DB) -> list[object]:
    found = dns_.lookup(name, A)
    return [r.data for r in found.records] if found is not None else []


async def during(server: Dns, body: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(server.run())
    await server.ready.wait()
    try:
        await body()
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_the_zone_follows_services_and_slices() -> None:
    async def main() -> None:
        seams = seeded(1)
        api = FakeApi(seams)
        server = Dns(api, seams, DnsConfig())

        async def body() -> None:
            await api.create(ENDPOINTSLICES, slice_tree("10.244.0.5", "10.244.0.6"), "default")
            await asyncio.sleep(0.1)
            assert addresses(server) == []
            await api.create(SERVICES, headless_service(), "default")
            await asyncio.sleep(0.1)
            assert addresses(server) == ["10.244.0.5", "10.244.0.6"]
            found = server.lookup(f"_sql._tcp.{DB}", SRV)
            assert found is not None and len(found.records) == 2
            await api.delete(ENDPOINTSLICES, "db-1", "default")
            await asyncio.sleep(0.1)
            assert addresses(server) == []
            await api.delete(SERVICES, "db", "default")
            await asyncio.sleep(0.1)
            assert len(server.zone) == 0

        await during(server, body)

    run(main())


def test_its_own_service_is_made_and_repaired() -> None:
    async def main() -> None:
        seams = seeded(1)
        api = FakeApi(seams)
        server = Dns(api, seams, DnsConfig("n1"))

        async def body() -> None:
            await asyncio.sleep(1)
            service = api.tree(SERVICES, "kube-dns", "kube-system")
            assert service is not None and service["spec"]["clusterIP"] == "10.96.0.10"
            assert [p["name"] for p in service["spec"]["ports"]] == ["dns", "dns-tcp", "metrics"]
            assert addresses(server, "kube-dns.kube-system.svc.cluster.local") == ["10.96.0.10"]
            await api.delete(SERVICES, "kube-dns", "kube-system")
            await asyncio.sleep(61)
            assert api.tree(SERVICES, "kube-dns", "kube-system") is not None

        await during(server, body)

    run(main())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_on_real_sockets_over_udp_and_tcp_with_its_slice_and_pages() -> None:
    seams = real_seams()
    api = FakeApi(seams)
    await api.create(SERVICES, headless_service(), "default")
    await api.create(ENDPOINTSLICES, slice_tree(*(f"10.244.0.{n}" for n in range(60))), "default")
    metrics_port = free_port()
    config = DnsConfig("n1", listen=("127.0.0.1",), port=0, metrics_port=metrics_port)
    server = Dns(api, seams, config)

    async def body() -> None:
        port = server.listeners[0].port
        query = dns.message.make_query(DB, "A")
        over_udp = await dns.asyncquery.udp(query, "127.0.0.1", port=port, timeout=5)
        assert not over_udp.answer, "too long, and cut"
        over_tcp = await dns.asyncquery.tcp(query, "127.0.0.1", port=port, timeout=5)
        assert len(over_tcp.answer[0]) == 60
        outside = await dns.asyncquery.udp(dns.message.make_query("x.org", "A"), "127.0.0.1", port=port, timeout=5)
        assert outside.rcode() == dns.rcode.SERVFAIL

        reader, writer = await asyncio.open_connection("127.0.0.1", metrics_port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = (await reader.read()).decode()
        writer.close()
        assert 'navarch_dns_requests_total{proto="udp"} 2' in page
        assert 'navarch_dns_responses_total{rcode="SERVFAIL"} 1' in page

        own = api.tree(ENDPOINTSLICES, "kube-dns-n1-ipv4", "kube-system")
        assert own is not None and own["endpoints"][0]["addresses"] == ["127.0.0.1"]

    await during(server, body)


async def test_forwarding_takes_only_the_right_answer_and_rests_after_silence() -> None:
    loop = asyncio.get_running_loop()
    asked: list[bytes] = []

    class Resolver(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            asked.append(data)
            answer = dns.message.make_response(dns.message.from_wire(data)).to_wire()
            (id_,) = struct.unpack_from("!H", data)
            self.transport.sendto(struct.pack("!H", id_ ^ 1) + answer[2:3] + b"\x83" + answer[4:], addr)
            self.transport.sendto(answer, addr)

    transport, _ = await loop.create_datagram_endpoint(Resolver, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    seams = real_seams()
    config = DnsConfig(upstreams=(f"127.0.0.1#{free_port()}", f"127.0.0.1#{port}"), upstream_timeout_s=5)
    server = Dns(FakeApi(seams), seams, config)
    query = dns.message.make_query("x.org", "A")
    for _ in range(2):
        answer = dns.message.from_wire(await server.chain.later(query.to_wire()))
        assert answer.rcode() == dns.rcode.NOERROR
        assert query.is_response(answer)
    assert len(asked) == 2
    transport.close()
    failing = Dns(FakeApi(seams), seams, DnsConfig(upstreams=(f"127.0.0.1#{free_port()}",), upstream_timeout_s=5))
    for _ in range(3):
        answer = dns.message.from_wire(await failing.chain.later(query.to_wire()))
        assert answer.rcode() == dns.rcode.SERVFAIL
