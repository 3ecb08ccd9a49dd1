"""A cluster driven as its user does it: by `navarch` and by the real `kubectl`, from outside.

    cluster = LiveCluster(Path("/tmp/x"), "live")
    cluster.start()
    cluster.kubectl("get", "nodes")

Everything of it is in its own NAVARCH_HOME with its own kubeconfig, so the user's clusters are left alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from navarch.launch.drivers import process

Tree = dict[str, Any]
T = TypeVar("T")

ROOT = Path(__file__).parents[2]
#: Our own command line, as `navarch kubectl --`.
NAVARCH = "navarch"
#: The Go kubectl; on a machine without it ours has to do.
KUBECTL = shutil.which("kubectl") or NAVARCH
#: What tutorials may use.
PROGRAMS = tuple(dict.fromkeys((KUBECTL, NAVARCH)))
#: For things that take a second or two on an idle machine.
PATIENCE_S = 60.0
POLL_S = 0.1
#: Never through a proxy: the cluster is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line: a table whose cells hold no spaces."""
        return [line.split() for line in self.lines]


def command_of(program: str) -> list[str]:
    """The words that call NAVARCH, or a kubectl at a path."""
    return [sys.executable, "-m", "navarch.app.main", "kubectl", "--"] if program == NAVARCH else [program]


def run(command: Iterable[str], environment: dict[str, str], text: str = "", timeout_s: float = 120) -> Ran:
    done = subprocess.run(
        list(command), input=text, capture_output=True, text=True, env=environment, timeout=timeout_s, cwd=ROOT
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def eventually(probe: Callable[[], T], timeout_s: float = PATIENCE_S) -> T:
    """The first true answer of `probe`, which is asked again until then, also when an assertion in it fails."""
    deadline = time.monotonic() + timeout_s
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            answer = probe()
            if answer:
                return answer
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s; last: {failure or repr(answer)}") from failure
        time.sleep(POLL_S)


def http(url: str, timeout_s: float = 5) -> str:
    """The body at `url`, over a connection of its own; empty when nothing answers."""
    try:
        with _OPENER.open(urllib.request.Request(url, headers={"Connection": "close"}), timeout=timeout_s) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


class LiveCluster:
    """One profile. `home` is its NAVARCH_HOME. `context`: what to tell kubectl, "" where the current one will do."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name, self.context = home, name, ""
        self.directory = home / "profiles" / name
        self.kubeconfig = home.with_name(home.name + ".kubeconfig")
        inherited = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        self.environment = {
            **inherited,
            "NAVARCH_HOME": str(home),
            "KUBECONFIG": str(self.kubeconfig),
            # kubectl keeps what servers answered below it, by their address.
            "HOME": str(home.parent),
            "PYTHONPATH": str(ROOT),
        }

    def navarch(self, *words: str, check: bool = True, text: str = "") -> Ran:
        """One command line of the launcher, for this profile."""
        ran = run((sys.executable, "-m", "navarch.app.main", "-p", self.name, *words), self.environment, text)
        assert ran.code == 0 or not check, (words, ran)
        return ran

    def kubectl(self, *words: str, check: bool = True, text: str = "", program: str = KUBECTL) -> Ran:
        chosen = [f"--context={self.context}"] if self.context else []
        ran = run((*command_of(program), *chosen, *words), self.environment, text)
        assert ran.code == 0 or not check, (words, ran)
        return ran

    def start(self, *words: str) -> None:
        self.navarch("start", "--no-install", *words)

    def delete(self) -> Ran:
        return self.navarch("delete", "--all", "--purge")

    def background(self, *words: str, program: str = KUBECTL) -> subprocess.Popen[str]:
        """A `kubectl` that goes on, with its output to read."""
        return subprocess.Popen(
            [*command_of(program), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            cwd=ROOT,
        )

    # --- nodes, from outside

    def node_name(self, index: int = 0) -> str:
        return self.name if index == 0 else f"{self.name}-m{index + 1:02d}"

    def node_ip(self, index: int = 0) -> str:
        return self.navarch("node", "list").rows[index][1]

    def kill_control_plane(self) -> None:
        """SIGKILL to the process and to what would start it again."""
        self._kill(self.directory / "control-plane.pid", group=True)

    def kill_agent(self) -> None:
        """SIGKILL to the node's agent alone."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The supervisor's words hold these too, further back.
            if words[1:4] == [b"-m", b"navarch.app.agent", str(self.directory).encode()]:
                os.kill(int(name), signal.SIGKILL)
                return
        raise AssertionError("no agent runs")

    def kill_node(self, index: int) -> None:
        """SIGKILL to the first process of a node, and so to all of them."""
        self._kill(self.directory / "nodes" / self.node_name(index) / "init.pid")

    def _kill(self, path: Path, group: bool = False) -> None:
        found = process.load(path)
        assert found is not None, f"nothing runs as {path} says"
        found.kill(signal.SIGKILL, group=group)
        assert process.wait_for(lambda: not found.alive, 10)


class Namespace:
    """One namespace of a cluster: `kubectl`, or another `program` like it, and pods made from Python."""

    def __init__(self, cluster: LiveCluster, name: str, program: str = KUBECTL) -> None:
        self.cluster, self.name, self.program = cluster, name, program

    def kubectl(self, *words: str, check: bool = True, text: str = "", program: str = "") -> Ran:
        chosen = program or self.program
        return self.cluster.kubectl("-n", self.name, *words, check=check, text=text, program=chosen)

    def background(self, *words: str) -> subprocess.Popen[str]:
        return self.cluster.background("-n", self.name, *words, program=self.program)

    def apply(self, *objects: Tree) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", text=json.dumps(listed))

    def get(self, kind: str, name: str = "", *words: str) -> Tree:
        """The object, or a list of them."""
        found: Tree = json.loads(self.kubectl("get", kind, *filter(None, [name]), *words, "-o", "json").out)
        return found

    def path(self, kind: str, name: str, jsonpath: str) -> str:
        return self.kubectl("get", kind, name, "-o", f"jsonpath={{{jsonpath}}}").out

    def sh(self, pod: str, script: str, container: str = "") -> str:
        """What `script` prints inside the pod, without its last line's end."""
        chosen = ["-c", container] if container else []
        return self.kubectl("exec", pod, *chosen, "--", "sh", "-c", script).out.strip()

    def wait_ready(self, *pods: str, timeout_s: float = PATIENCE_S) -> None:
        names = [f"pod/{pod}" for pod in pods]
        self.kubectl("wait", "--for=condition=Ready", f"--timeout={timeout_s:.0f}s", *names)

    def logs(self, pod: str, *words: str) -> str:
        return self.kubectl("logs", pod, *words).out


def pod(name: str, script: str = "sleep 3600", *, spec: Tree | None = None, **container: Any) -> Tree:
    """A pod of busybox whose only container runs `script`. It ends at once when it is told to."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [shell("main", script, **container)],
            **(spec or {}),
        },
    }


def shell(name: str, script: str, **container: Any) -> Tree:
    """A container of busybox that runs `script`."""
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **container}
