"""A real etcd for tests, of one member or of several, that can be stopped, frozen and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

BINARY = shutil.which("etcd")

READY_WITHIN_S = 30
POLL_S = 0.02


class EtcdServer:
    """One etcd in `directory`, on ports of its own. `others` are the members that it begins with."""

    def __init__(self, directory: Path, name: str = "one") -> None:
        self.directory = directory
        self.name = name
        self.others: tuple[EtcdServer, ...] = ()
        self._client_port, self._peer_port = _free_ports()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._client_port}"

    @property
    def peer(self) -> str:
        return f"http://127.0.0.1:{self._peer_port}"

    def start(self) -> None:
        self.launch()
        self.await_health()

    def launch(self) -> None:
        assert BINARY is not None
        client, peer = f"http://{self.target}", self.peer
        command = [BINARY, "--data-dir", str(self.directory / "data"), "--name", self.name, "--log-level", "error"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", ",".join(f"{each.name}={each.peer}" for each in (self, *self.others))]
        self.directory.mkdir(exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def await_health(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_WITHIN_S
        while not _healthy(f"http://{self.target}"):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"etcd did not start:\n{(self.directory / 'log').read_text()}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class EtcdCluster:
    """Three members."""

    def __init__(self, directory: Path) -> None:
        self.members = [EtcdServer(directory / name, name) for name in ("one", "two", "three")]
        for member in self.members:
            member.others = tuple(other for other in self.members if other is not member)

    @property
    def targets(self) -> list[str]:
        return [member.target for member in self.members]

    def start(self) -> None:
        for member in self.members:
            member.launch()
        for member in self.members:
            member.await_health()

    def stop(self) -> None:
        for member in self.members:
            member.stop()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
            return b'"true"' in answer.read()
    except OSError:
        return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
