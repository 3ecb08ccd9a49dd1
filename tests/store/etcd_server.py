"""A real etcd of one member for tests, that can be stopped and started again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

BINARY = shutil.which("etcd")

READY_WITHIN_S = 30
POLL_S = 0.02


class EtcdServer:
    """One etcd in `directory`, on ports of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._client_port, self._peer_port = _free_ports()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._client_port}"

    def start(self) -> None:
        assert BINARY is not None
        client, peer = f"http://{self.target}", f"http://127.0.0.1:{self._peer_port}"
        command = [BINARY, "--data-dir", str(self.directory / "data"), "--name", "one", "--log-level", "error"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"one={peer}"]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_WITHIN_S
        while not _healthy(client):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"etcd did not start:\n{(self.directory / 'log').read_text()}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


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
