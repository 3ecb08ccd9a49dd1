"""Self-healing, seen from outside: what is killed comes back, and what runs goes on meanwhile."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.live.cluster import LiveCluster, Namespace, Tree, eventually, pod
from tests.live.cluster import http as fetch
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

#: Connections per second of the steady load.
RATE = 60


@dataclass(slots=True)
class Load:
    """Requests at a steady rate, each over a new connection, from a thread of their own."""

    host: str
    port: int
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def go(self) -> None:
        while not self.over.wait(1 / RATE):
            connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
            try:
                connection.request("GET", "/")
                self.answers.append(connection.getresponse().read().decode())
            except OSError as error:
                self.failures.append(f"after {len(self.answers)}: {error!r}")
            except http.client.HTTPException as error:
                self.failures.append(f"after {len(self.answers)}: {error!r}")
            finally:
                connection.close()


@contextmanager
def load(host: str, port: int) -> Iterator[Load]:
    made = Load(host, port)
    thread = threading.Thread(target=made.go)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        thread.join()


@pytest.fixture
def served(namespace: Namespace) -> tuple[str, int]:
    """Where three pods of hello-node:v1 answer, from outside."""
    namespace.kubectl("create", "deployment", "web", "--image=hello-node:v1", "--replicas=3", "--port=8080")
    namespace.kubectl("expose", "deployment", "web", "--type=NodePort")
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    host, port = namespace.cluster.node_ip(), int(namespace.path("service", "web", ".spec.ports[0].nodePort"))
    eventually(lambda: fetch(f"http://{host}:{port}"))
    return host, port


def containers(namespace: Namespace) -> dict[str, tuple[str, int, bool]]:
    """Of each pod: its container's id, its restarts, whether it is ready."""
    found: dict[str, tuple[str, int, bool]] = {}
    for item in namespace.get("pods")["items"]:
        for status in item["status"].get("containerStatuses", ()):
            found[item["metadata"]["name"]] = (status.get("containerID", ""), status["restartCount"], status["ready"])
    return found


def test_a_killed_process_is_started_again(namespace: Namespace) -> None:
    namespace.apply(pod("victim", "echo alive; sleep 7171"))
    namespace.wait_ready("victim")
    (before,) = containers(namespace).values()
    namespace.cluster.navarch("ssh", "--", "pkill -9 -f '^sleep 7171' || pkill -9 -f 'sleep 7171'", check=False)

    def restarted() -> bool:
        (now,) = containers(namespace).values()
        return now[0] != before[0] and now[1:] == (1, True)

    eventually(restarted)
    row = namespace.kubectl("get", "pod", "victim", "--no-headers").rows[0]
    assert row[1:4] == ["1/1", "Running", "1"]
    ended: Tree = namespace.get("pod", "victim")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert ended["exitCode"] == 137


def test_a_rolling_update_fails_no_request(namespace: Namespace, served: tuple[str, int]) -> None:
    with load(*served) as requests:
        eventually(lambda: len(requests.answers) > 20)
        namespace.kubectl("set", "image", "deployment/web", "hello-node=hello-node:v2")
        namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        namespace.kubectl("scale", "deployment", "web", "--replicas=5")
        namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        namespace.kubectl("scale", "deployment", "web", "--replicas=1")
        eventually(lambda: len(containers(namespace)) == 1)
        before = len(requests.answers)
        eventually(lambda: len(requests.answers) > before + 20)
    assert requests.failures == []
    assert set(requests.answers) == {"Hello World!", "Hello World Again!"}
    assert set(requests.answers[-20:]) == {"Hello World Again!"}


def test_a_killed_control_plane(cluster: LiveCluster, namespace: Namespace, served: tuple[str, int]) -> None:
    """Pods serve on meanwhile; after the next start nothing that was acknowledged is missing."""
    before = containers(namespace)
    with load(*served) as requests:
        for number in range(3):
            namespace.kubectl("create", "configmap", f"kept-{number}", f"--from-literal=number={number}")
        cluster.kill_control_plane()
        assert cluster.navarch("status", check=False).code == 2
        refused = namespace.kubectl("get", "pods", check=False)
        assert refused.code == 1
        assert "refused" in refused.err
        already = len(requests.answers)
        eventually(lambda: len(requests.answers) > already + 30)
        cluster.start()
        eventually(lambda: namespace.kubectl("get", "nodes", "--no-headers", check=False).rows[0][1] == "Ready")
    assert requests.failures == []
    for number in range(3):
        assert namespace.path("configmap", f"kept-{number}", ".data.number") == str(number)
    assert containers(namespace) == before
    namespace.kubectl("scale", "deployment", "web", "--replicas=4")
    eventually(lambda: [ready for _, _, ready in containers(namespace).values()] == [True] * 4)


def test_a_killed_agent(cluster: LiveCluster, namespace: Namespace, served: tuple[str, int]) -> None:
    """Containers live on and are taken up again under the same ids; the agent is started again by itself."""
    before = containers(namespace)
    with load(*served) as requests:
        cluster.kill_agent()
        name = f"marker-{time.monotonic_ns()}"
        namespace.apply(pod(name))
        namespace.wait_ready(name)
        already = len(requests.answers)
        eventually(lambda: len(requests.answers) > already + 30)
    assert requests.failures == []
    after = containers(namespace)
    del after[name]
    assert after == before
    assert "Hello" not in namespace.logs(next(iter(after)), "--tail=1")


def test_stop_and_start(cluster: LiveCluster, namespace: Namespace, served: tuple[str, int]) -> None:
    """A stopped cluster forgets nothing: the same pods run again, in new containers."""
    before = containers(namespace)
    assert "Machine stopped" in cluster.navarch("stop").out
    stopped = cluster.navarch("status", check=False)
    assert (stopped.code, stopped.out.count("Stopped")) == (7, 3)
    assert fetch(f"http://{served[0]}:{served[1]}", timeout_s=1) == ""
    cluster.start()
    eventually(lambda: fetch(f"http://{served[0]}:{served[1]}") == "Hello World!")

    def all_back() -> bool:
        now = containers(namespace)
        return set(now) == set(before) and all(ready and restarts for _, restarts, ready in now.values())

    eventually(all_back)
