"""The product as a user has it: `navarch start`, the real kubectl, hello-world, faults, and no trace afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from navarch.launch.drivers import process
from navarch.launch.drivers.process import wait_for
from tests.live.machine import inventory, needs_machine

pytestmark = [
    pytest.mark.live,
    needs_machine,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl"),
]

PROFILE = f"live{os.getpid()}"
ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "docs" / "hello-world.yaml"


class Launcher:
    """The command line, with a home and a kubeconfig of its own."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.kubeconfig = directory / "kubeconfig"
        self.environment = {
            **os.environ,
            "NAVARCH_HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def directory(self) -> Path:
        return self.home / "profiles" / PROFILE

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "navarch.app.main", "-p", PROFILE, *words]
        return self._run(command, check)

    def kubectl(self, *words: str, check: bool = True, stdin: str = "") -> str:
        done = self._run(["kubectl", "--request-timeout=20s", *words], check, stdin)
        return done.stdout + ("" if check else done.stderr)

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def pods(self, selector: str = "app=hello-world") -> list[Any]:
        """The pods that are not about to go."""
        items = self.get("pods", "-l", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, count: int) -> bool:
        pods = self.pods()
        return len(pods) == count and all(is_ready(pod) for pod in pods)

    def _run(self, command: list[str], check: bool, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self.environment, input=stdin, capture_output=True, text=True, timeout=150, cwd=ROOT
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done


def is_ready(pod: Any) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def answer(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        body: bytes = response.read()
    return body.decode()


def eventually(condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    assert wait_for(condition, timeout_s), f"not in {timeout_s:.0f} s: {what}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path_factory.mktemp("cluster"))
    before = inventory(PROFILE, launcher.directory)
    launcher.run("start")
    try:
        yield launcher
    finally:
        launcher.run("delete", "--all", "--purge")
        assert inventory(PROFILE, launcher.directory) == before
        assert not launcher.home.exists()
        assert PROFILE not in launcher.kubeconfig.read_text()


@pytest.fixture(scope="module")
def url(cluster: Launcher) -> str:
    """Where hello-world answers."""
    cluster.kubectl("apply", "-f", str(MANIFEST))
    eventually(lambda: cluster.ready(3), "three pods of hello-world")
    return cluster.run("service", "hello-world", "--url").stdout.strip()


def test_the_cluster_shows_itself(cluster: Launcher) -> None:
    nodes = cluster.get("nodes")["items"]
    assert [node["metadata"]["name"] for node in nodes] == [PROFILE] and is_ready(nodes[0])
    wanted = {"coredns", "etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"}

    def shown() -> set[str]:
        items = cluster.get("pods", "-n", "kube-system")["items"]
        return {pod["spec"]["containers"][0]["name"] for pod in items if pod["status"]["phase"] == "Running"}

    eventually(lambda: shown() >= wanted, "the components as pods")
    assert "starting" in cluster.kubectl("logs", "-n", "kube-system", f"kube-controller-manager-{PROFILE}")
    assert "apiserver: Running" in cluster.run("status").stdout
    assert cluster.run("node", "list").stdout.startswith(f"{PROFILE}\t192.168.")


def test_a_second_start_changes_nothing(cluster: Launcher) -> None:
    assert "runs already" in cluster.run("start").stdout


def test_hello_world_answers_from_every_pod(cluster: Launcher, url: str) -> None:
    names = {pod["metadata"]["name"] for pod in cluster.pods()}
    seen: set[str] = set()

    def all_seen() -> bool:
        seen.add(answer(url).split("Server name: ")[1].split()[0])
        return seen == names

    eventually(all_seen, "an answer of every pod")
    port = url.rpartition(":")[2]
    assert "Server name" in answer(f"http://127.0.0.1:{port}")


def test_logs_exec_and_names(cluster: Launcher, url: str) -> None:
    answer(url)
    name = cluster.pods()[0]["metadata"]["name"]
    assert "start worker process" in cluster.kubectl("logs", name)
    assert cluster.kubectl("exec", name, "--", "hostname").strip() == name
    assert cluster.kubectl("exec", "-i", name, "--", "cat", stdin="through\n") == "through\n"
    assert "Server name" in cluster.kubectl("exec", name, "--", "wget", "-qO-", "http://hello-world")
    failed = cluster.kubectl("exec", name, "--", "sh", "-c", "exit 7", check=False)
    assert "exit code 7" in failed


def test_scaling(cluster: Launcher, url: str) -> None:
    cluster.kubectl("scale", "deployment/hello-world", "--replicas=5")
    eventually(lambda: cluster.ready(5), "five pods")
    cluster.kubectl("scale", "deployment/hello-world", "--replicas=3")
    eventually(lambda: cluster.ready(3), "three pods again")


def test_a_rolling_update_fails_no_request(cluster: Launcher, url: str) -> None:
    results: list[str] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            try:
                body = answer(url)
                results.append("" if "Server name" in body or "nginx" in body else f"odd answer {body!r}")
            except OSError as error:
                results.append(str(error))

    readers = [threading.Thread(target=load) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        # As long as connections may still be on their way to a pod that ends, it goes on answering.
        hook = {"preStop": {"exec": {"command": ["sleep", "1"]}}}
        probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1}
        container = {"name": "hello-world", "image": "nginx:alpine", "lifecycle": hook, "readinessProbe": probe}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        cluster.kubectl("patch", "deployment", "hello-world", "-p", json.dumps(patch))
        cluster.kubectl("rollout", "status", "deployment/hello-world", "--timeout=90s")
        eventually(lambda: cluster.ready(3), "three new pods")
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert len(results) > 50 and [r for r in results if r] == []


def test_a_killed_container_is_started_again(cluster: Launcher, url: str) -> None:
    name = cluster.pods()[0]["metadata"]["name"]
    cluster.kubectl("exec", name, "--", "sh", "-c", "kill -QUIT 1", check=False)

    def restarted() -> bool:
        pod = cluster.get("pod", name)
        return bool(pod["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(pod))

    eventually(restarted, "the container to run again")


def test_a_deleted_pod_is_replaced(cluster: Launcher, url: str) -> None:
    gone = cluster.pods()[0]["metadata"]["name"]
    cluster.kubectl("delete", "pod", gone, "--wait=false")
    eventually(lambda: cluster.ready(3) and gone not in {p["metadata"]["name"] for p in cluster.pods()}, "another pod")


def killed(cluster: Launcher, module: str) -> None:
    """SIGKILL to our own process that runs `module` for this profile."""
    found = [
        each
        for each in process.with_argument([module])
        if str(cluster.directory) in Path(f"/proc/{each.pid}/cmdline").read_text().split("\0")
        and Path(f"/proc/{each.pid}/comm").read_text().startswith("python")
    ]
    assert len(found) == 1, found
    found[0].kill(signal.SIGKILL)


def test_a_killed_control_plane_loses_nothing(cluster: Launcher, url: str) -> None:
    cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b")
    killed(cluster, "navarch.app.control_plane")
    assert "html" in answer(url)
    eventually(
        lambda: "b" in cluster.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}", check=False),
        "the object",
    )
    assert cluster.ready(3)


def test_a_killed_agent_leaves_containers_running(cluster: Launcher, url: str) -> None:
    before = {pod["status"]["containerStatuses"][0]["containerID"] for pod in cluster.pods()}
    killed(cluster, "navarch.app.agent")
    assert "html" in answer(url)
    name = cluster.pods()[0]["metadata"]["name"]

    def adopted() -> bool:
        return cluster.kubectl("exec", name, "--", "hostname", check=False).strip() == name

    eventually(adopted, "the new agent to serve")
    assert {pod["status"]["containerStatuses"][0]["containerID"] for pod in cluster.pods()} == before


def test_a_service_that_is_not_there(cluster: Launcher) -> None:
    done = cluster.run("service", "nothing", check=False)
    assert done.returncode == 115 and "SVC_NOT_FOUND" in done.stderr


def test_a_stopped_cluster_comes_back(cluster: Launcher, url: str) -> None:
    cluster.run("stop")
    assert cluster.run("status", check=False).returncode == 7
    cluster.run("start")
    eventually(lambda: cluster.ready(3), "the pods to run again")
    assert "html" in answer(url)
