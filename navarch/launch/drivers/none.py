"""The host itself as the only node: for machines that are dedicated to the cluster.

Network, container runtime and their configuration are the administrator's; the driver only looks
whether containerd answers and runs the node agent beside it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file
from navarch.launch.drivers import inside, process
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec, NodeState, Service

SOCKET = "/run/containerd/containerd.sock"


class NoneDriver:
    """Implements `contract.Driver`."""

    def open_network(self, network: ClusterNetwork, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)

    def close_network(self, network: ClusterNetwork, directory: Path) -> None:
        """There is none of ours."""

    def create(self, spec: NodeSpec) -> None:
        spec.logs.mkdir(parents=True, exist_ok=True)
        replace_file(spec.directory / "supervise", inside.SUPERVISE.encode())

    def start(self, spec: NodeSpec, peers: Sequence[NodeSpec] = ()) -> None:
        if peers:
            raise LaunchError("PROVIDER_NONE_NODES", "the none driver has one node: this host", "use another driver")
        self.create(spec)
        if self.status(spec) is not NodeState.RUNNING:
            raise LaunchError(
                "RUNTIME_NOT_RUNNING",
                f"containerd does not answer on {SOCKET}",
                "start it: systemctl start containerd",
            )

    def stop(self, spec: NodeSpec, grace_s: float = 2.0) -> None:
        for pid_file in spec.directory.glob("*.pid"):
            self.stop_service(spec, pid_file.stem)

    def delete(self, spec: NodeSpec, peers: Sequence[NodeSpec] = ()) -> None:
        self.stop(spec)

    def status(self, spec: NodeSpec) -> NodeState:
        if not (spec.directory / "supervise").exists():
            return NodeState.ABSENT
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(SOCKET)
            except OSError:
                return NodeState.STOPPED
        return NodeState.RUNNING

    def enter(self, spec: NodeSpec, command: Sequence[str]) -> list[str]:
        return list(command)

    def run(self, spec: NodeSpec, command: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(list(command), input=stdin, capture_output=True)

    def start_service(self, spec: NodeSpec, service: Service) -> None:
        self.stop_service(spec, service.name)
        log = spec.logs / f"{service.name}.log"
        supervised = ["sh", str(spec.directory / "supervise"), str(log), *service.command]
        started = process.start_daemon(supervised, service.environment, log, mark=str(log))
        process.save(spec.directory / f"{service.name}.pid", started)

    def stop_service(self, spec: NodeSpec, name: str, grace_s: float = 5.0) -> None:
        pid_file = spec.directory / f"{name}.pid"
        if loop := process.load(pid_file):
            services = process.children([loop.pid])
            loop.kill(signal.SIGKILL)
            for service in services:
                service.kill(signal.SIGTERM)
            process.wait_for(lambda: not any(service.alive for service in services), grace_s)
            for service in services:
                service.kill(signal.SIGKILL)
        pid_file.unlink(missing_ok=True)

    def service_running(self, spec: NodeSpec, name: str) -> bool:
        return process.load(spec.directory / f"{name}.pid") is not None

    def runtime_socket(self, spec: NodeSpec) -> str:
        return SOCKET
