"""A node, two pods and an outsider, each in a network namespace of its own.

    outsider 192.0.2.9 --- node 192.0.2.1 | 10.77.0.1 --- bridge --- pods 10.77.0.2 and 10.77.0.3

Each pod answers on TCP 8080 with its name and the client's address.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PREFIX = f"nvp{os.getpid()}"
POD_A, POD_B = "10.77.0.2", "10.77.0.3"

SERVER = """
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 8080)); s.listen(128); print("up", flush=True)
while True:
    c, peer = s.accept(); c.sendall(f"{sys.argv[1]} {peer[0]}".encode()); c.close()
"""


def sh(command: str) -> None:
    subprocess.run(["sh", "-ec", command], check=True, capture_output=True, text=True)


class Machines:
    """Also the processes started in them."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def spawn(self, where: str, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Run Python code, which prints `up` when it is ready."""
        return self.start(where, [sys.executable, "-c", script, *arguments])

    def start(self, where: str, argv: Sequence[str], cwd: Path | None = None) -> subprocess.Popen[str]:
        command = ["nsenter", f"--net=/run/netns/{PREFIX}{where}", *argv]
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        return process

    def build(self) -> None:
        node = f"ip -n {PREFIX}node"
        for name in ("node", "a", "b", "out"):
            sh(f"ip netns add {PREFIX}{name}; ip -n {PREFIX}{name} link set lo up")
        sh(f"{node} link add br0 type bridge; {node} addr add 10.77.0.1/24 dev br0; {node} link set br0 up")
        for name, address in (("a", POD_A), ("b", POD_B)):
            pod = f"ip -n {PREFIX}{name}"
            sh(f"{node} link add v{name} type veth peer name eth0 netns {PREFIX}{name}")
            sh(f"{node} link set v{name} master br0 up; bridge -n {PREFIX}node link set dev v{name} hairpin on")
            sh(f"{pod} addr add {address}/24 dev eth0; {pod} link set eth0 up; {pod} route add default via 10.77.0.1")
        out = f"ip -n {PREFIX}out"
        sh(f"{node} link add vout type veth peer name eth0 netns {PREFIX}out; {node} addr add 192.0.2.1/24 dev vout")
        sh(f"{node} link set vout up; {node} route add default via 192.0.2.9")
        sh(f"{out} addr add 192.0.2.9/24 dev eth0; {out} link set eth0 up; {out} route add 10.96.0.0/12 via 192.0.2.1")
        sh(f"{out} route add 198.51.100.0/24 via 192.0.2.1; {out} route add 10.77.0.0/24 via 192.0.2.1")
        inside = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"
        sh(f"nsenter --net=/run/netns/{PREFIX}node sh -ec '{inside}'")
        self.spawn("a", SERVER, "a")
        self.spawn("b", SERVER, "b")

    def destroy(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        for name in ("node", "a", "b", "out"):
            subprocess.run(["ip", "netns", "del", PREFIX + name], capture_output=True)
