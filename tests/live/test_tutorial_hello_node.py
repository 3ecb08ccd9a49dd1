"""The tutorials' hello-node: a life from the first pod to an update and back, with a load balancer."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from tests.live.cluster import PROGRAMS, Namespace, command_of, eventually, http
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


@pytest.fixture(params=PROGRAMS, ids=os.path.basename)
def namespace(namespace: Namespace, request: pytest.FixtureRequest) -> Namespace:
    """A namespace, with one of the command lines."""
    namespace.program = request.param
    return namespace


def pods(namespace: Namespace) -> list[list[str]]:
    return namespace.kubectl("get", "pods", "--no-headers").rows


def test_run_makes_a_pod(namespace: Namespace) -> None:
    assert namespace.kubectl("run", "ngx", "--image=nginx:alpine").out == "pod/ngx created\n"
    namespace.wait_ready("ngx")
    assert [row[:4] for row in pods(namespace)] == [["ngx", "1/1", "Running", "0"]]
    assert namespace.kubectl("get", "pod", "ngx", "--show-labels").rows[1][5] == "run=ngx"


def test_a_life(namespace: Namespace) -> None:
    """Create, expose, look, scale, update, undo, label, delete: in the tutorial's order."""
    kubectl = namespace.kubectl
    kubectl("create", "deployment", "hello-node", "--image=hello-node:v1", "--port=8080")
    kubectl("rollout", "status", "deployment/hello-node", "--timeout=60s")

    assert kubectl("expose", "deployment", "hello-node", "--type=LoadBalancer").out == "service/hello-node exposed\n"
    address = eventually(lambda: namespace.path("service", "hello-node", ".status.loadBalancer.ingress[0].ip"))
    assert eventually(lambda: http(f"http://{address}:8080")) == "Hello World!"
    _, row = kubectl("get", "services").rows
    assert (row[1], row[3]) == ("LoadBalancer", address)
    described = kubectl("describe", "service", "hello-node").out
    for line in (r"Type: +LoadBalancer", r"Session Affinity: +None", r"External Traffic Policy: +Cluster"):
        assert re.search(f"^{line}$", described, re.M)

    name = pods(namespace)[0][0]
    assert "Received request for URL: /" in eventually(lambda: namespace.logs(name))

    assert kubectl("scale", "deployments/hello-node", "--replicas=4").out == "deployment.apps/hello-node scaled\n"
    eventually(lambda: [row[1] for row in pods(namespace)] == ["1/1"] * 4)

    assert kubectl("set", "image", "deployment/hello-node", "hello-node=hello-node:v2").out == (
        "deployment.apps/hello-node image updated\n"
    )
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/hello-node", "--timeout=60s").out
    # A pod that ends may still take a connection or two.
    eventually(lambda: http(f"http://{address}:8080") == "Hello World Again!")
    assert [row[0] for row in kubectl("rollout", "history", "deployment/hello-node").rows[2:] if row] == ["1", "2"]

    assert kubectl("rollout", "undo", "deployment/hello-node").out == "deployment.apps/hello-node rolled back\n"
    kubectl("rollout", "status", "deployment/hello-node", "--timeout=60s")
    # A pod that ends may still take a connection or two.
    eventually(lambda: http(f"http://{address}:8080") == "Hello World!")
    assert [row[0] for row in kubectl("rollout", "history", "deployment/hello-node").rows[2:] if row] == ["2", "3"]

    kubectl("label", "deployment", "hello-node", "tier=web")
    assert kubectl("get", "deployment", "-l", "tier=web", "-o", "name").out == "deployment.apps/hello-node\n"

    kubectl("delete", "service/hello-node", "deployment/hello-node")
    eventually(lambda: not pods(namespace))
    assert kubectl("get", "pods").err == f"No resources found in {namespace.name} namespace.\n"
    eventually(lambda: not http(f"http://{address}:8080", timeout_s=1))


def test_expose_inside_the_cluster(namespace: Namespace) -> None:
    namespace.kubectl("run", "ngx", "--image=nginx:alpine", "--port=80", "--expose")
    namespace.kubectl("run", "client", "--image=busybox", "--", "sleep", "3600")
    namespace.wait_ready("ngx", "client")
    assert namespace.path("service", "ngx", ".spec.type") == "ClusterIP"
    assert "Welcome to nginx!" in eventually(lambda: namespace.sh("client", "wget -qO- http://ngx || true"))


def test_logs_follow_until_the_pod_ends(namespace: Namespace) -> None:
    script = "for i in 1 2 3; do echo line $i; sleep 0.3; done"
    namespace.kubectl("run", "talk", "--image=busybox", "--restart=Never", "--", "sh", "-c", script)
    eventually(lambda: namespace.path("pod", "talk", ".status.phase") in ("Running", "Succeeded"))
    assert namespace.logs("talk", "-f").splitlines() == ["line 1", "line 2", "line 3"]
    assert namespace.logs("talk", "--tail=1") == "line 3\n"


def test_run_attached_and_removed(namespace: Namespace) -> None:
    # What a program prints before anybody is attached is in its logs only, here as in any Kubernetes.
    program = ("sh", "-c", "sleep 2; echo done; sleep 1")
    ran = namespace.kubectl("run", "once", "--image=busybox", "--rm", "-i", "--restart=Never", "--", *program)
    assert "done" in ran.lines
    assert not pods(namespace)


def test_exec(namespace: Namespace) -> None:
    namespace.kubectl("run", "shell", "--image=busybox", "--", "sleep", "3600")
    namespace.wait_ready("shell")
    assert (
        namespace.kubectl("exec", "-i", "shell", "--", "sh", text="echo $((6 * 7)) >&2; exit 5", check=False).code == 5
    )
    big = "0123456789abcdef" * 20_000
    assert namespace.kubectl("exec", "-i", "shell", "--", "cat", text=big).out == big
    ran = namespace.kubectl("exec", "shell", "--", "no-such-program", check=False)
    assert ran.code != 0
    assert "no-such-program" in ran.err


def test_exec_with_a_terminal(namespace: Namespace) -> None:
    namespace.kubectl("run", "shell", "--image=busybox", "--", "sleep", "3600")
    namespace.wait_ready("shell")
    ours, theirs = pty.openpty()
    script = "tty; stty size; read a; echo got $a"
    command = [*command_of(namespace.program), "-n", namespace.name, "exec", "-it", "shell", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=namespace.cluster.environment) as it:
        os.close(theirs)
        os.write(ours, b"words\n")
        said = b""
        while b"got words" not in said:
            said += os.read(ours, 4096)
        assert it.wait(20) == 0
    os.close(ours)
    assert b"/dev/pts/" in said


def test_get_watch(namespace: Namespace) -> None:
    with namespace.background("get", "pods", "-w", "--no-headers") as watch:
        lines = watch.stdout
        assert lines is not None
        try:
            namespace.kubectl("run", "seen", "--image=busybox", "--", "sleep", "3600")
            states = [lines.readline().split()[2]]
            while states[-1] != "Running":
                states.append(lines.readline().split()[2])
            # How many of them it sees depends on when its watch began.
            assert set(states) <= {"Pending", "ContainerCreating", "Running"}
            namespace.kubectl("delete", "pod", "seen", "--now", "--wait=false")
            eventually(lambda: lines.readline().split()[2] == "Terminating")
        finally:
            watch.terminate()
