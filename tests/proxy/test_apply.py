from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from navarch.base.resource import ObjectKey
from navarch.proxy import apply
from navarch.proxy.apply import NoNftables, open_nft, prepare_sysctls
from navarch.proxy.conntrack import stale
from navarch.proxy.health import HealthServers
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network
from navarch.proxy.rules import HealthCheck, service_rules
from tests.proxy.build import HERE, ServicePort, endpoint, endpoint_slice, key, service


def test_sysctls_are_set_and_what_cannot_be_set_is_told(tmp_path: Path) -> None:
    forward = tmp_path / "net/ipv4/ip_forward"
    forward.parent.mkdir(parents=True)
    forward.write_text("0\n")
    problems = prepare_sysctls(tmp_path)
    assert forward.read_text() == "1"
    assert [p.split("=")[0] for p in problems] == [
        "cannot set net.ipv4.conf.all.route_localnet",
        "cannot set net.bridge.bridge-nf-call-iptables",
    ]


def test_without_nftables_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "LIBRARIES", ("libnftables-is-not-here.so",))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoNftables, match="install the package nftables"):
        open_nft()


def test_udp_flows_to_a_backend_that_goes_are_forgotten_and_tcp_connections_are_not() -> None:
    ports = (ServicePort(name="d", port=53, protocol="UDP"), ServicePort(name="t", port=53, protocol="TCP"))
    one = service(ports=ports)

    def slices(*ips: str) -> list[object]:
        ends = [endpoint(ip) for ip in ips]
        return [
            endpoint_slice(*ends, name=name, port_name=name, protocol=protocol)
            for name, protocol in (("d", "UDP"), ("t", "TCP"))
        ]

    ledger = Ledger(Network())
    ledger.replace(key("web"), service_rules(one, slices(), HERE))  # type: ignore[arg-type]
    ledger.take()
    forgotten = []
    for ips in (("10.1.0.1", "10.1.0.2"), ("10.1.0.2",), ("10.1.0.2", "10.1.0.3"), ()):
        ledger.replace(key("web"), service_rules(one, slices(*ips), HERE))  # type: ignore[arg-type]
        transaction = ledger.take()
        assert transaction is not None
        forgotten.append([" ".join(a) for a in dict.fromkeys(stale(transaction))])
    flow = "-D -p udp --orig-dst 10.96.0.9 --orig-port-dst 53"
    assert forgotten == [
        [flow],
        [f"{flow} --reply-src 10.1.0.1"],
        [],
        [f"{flow} --reply-src 10.1.0.2", f"{flow} --reply-src 10.1.0.3"],
    ]


async def test_health_checks_answer_on_their_port_while_they_stand() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    servers = HealthServers("127.0.0.1")
    for count, status in ((0, b"503"), (2, b"200")):
        await servers.update([HealthCheck(port, ObjectKey("default", "web"), count)])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert status in head.splitlines()[0]
        assert body == (
            b'{"service":{"namespace":"default","name":"web"},"localEndpoints":%d,"serviceProxyHealthy":true}' % count
        )
    await servers.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
