"""Proxy and DNS together in a node's namespace: a pod resolves names at 10.96.0.10, over UDP and TCP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.proxy.machines import PREFIX, Machines

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"), reason="needs root, iproute2, nftables"
    ),
]

RESOLVE = """
import sys, dns.message, dns.query
for name in sys.argv[1:]:
    for ask in (dns.query.udp, dns.query.tcp):
        answer = ask(dns.message.make_query(name, "A"), "10.96.0.10", timeout=3)
        print(dns.rcode.to_text(answer.rcode()), *[str(i) for r in answer.answer for i in r])
"""
#: One socket, one source port: what the connection table would keep with the first backend.
TALK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.connect(("10.96.0.7", 7))
print("up", flush=True)
for line in sys.stdin:
    try:
        s.send(b"?"); print(s.recv(9).decode(), flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
"""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 7777)); print("up", flush=True)
while True:
    _, peer = s.recvfrom(9); s.sendto(sys.argv[1].encode(), peer)
"""


class Agent:
    def __init__(self, machines: Machines) -> None:
        root = Path(__file__).parents[3]
        self.machines = machines
        command = [sys.executable, "-m", "tests.live.proxy.agent", "192.0.2.1"]
        self.process = machines.start("node", command, cwd=root)

    def endpoints(self, *ips: str) -> None:
        assert self.say(self.process, f"endpoints {' '.join(ips)}") == "done"

    def say(self, process: subprocess.Popen[str], line: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()


@pytest.fixture
def agent() -> Iterator[Agent]:
    machines = Machines()
    try:
        machines.build()
        yield Agent(machines)
    finally:
        machines.destroy()


def test_a_pod_resolves_names_and_udp_clients_follow_the_endpoints(agent: Agent) -> None:
    machines = agent.machines
    names = [
        "kube-dns.kube-system.svc.cluster.local",
        "nope.default.svc.cluster.local",
        "host.navarch.internal",
        "x.org",
    ]
    expected = ("NOERROR 10.96.0.10", "NXDOMAIN", "NOERROR 192.0.2.9", "SERVFAIL")
    for where in ("a", "node", "out"):
        command = ["nsenter", f"--net=/run/netns/{PREFIX}{where}", sys.executable, "-c", RESOLVE, *names]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        assert said == [answer for answer in expected for _ in range(2)], where

    for pod in "ab":
        machines.spawn(pod, ECHO, pod)
    assert agent.say(machines.spawn("a", TALK), "?") == "ConnectionRefusedError"
    talk = machines.spawn("out", TALK)
    assert "Error" in agent.say(talk, "?")
    agent.endpoints("10.77.0.2")
    assert agent.say(talk, "?") == "a"
    agent.endpoints("10.77.0.3")
    assert agent.say(talk, "?") == "b"
    agent.endpoints("10.77.0.2", "10.77.0.3")
    assert agent.say(talk, "?") == "b", "a flow stays with its backend while that is there"

    assert agent.say(agent.process, "") == "ended"
    listed = subprocess.run(
        ["nsenter", f"--net=/run/netns/{PREFIX}node", "nft", "list", "tables"], capture_output=True, text=True
    )
    assert "navarch" not in listed.stdout
