"""Pods on real containers: how they live and end. Probes, restarts, grace, images that are not there."""

from __future__ import annotations

import time

import pytest

from tests.live.cluster import Namespace, Tree, eventually, pod, shell
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

STATUS = ".status.containerStatuses[0]"
QUICK: Tree = {"periodSeconds": 1, "failureThreshold": 1}


def restarts(namespace: Namespace, name: str) -> int:
    return int(namespace.path("pod", name, f"{STATUS}.restartCount") or 0)


def test_readiness_by_each_kind_of_probe(namespace: Namespace) -> None:
    serve = "httpd -p 8000 -h /tmp; sleep 3600"
    namespace.apply(
        pod("by-exec", readinessProbe={"exec": {"command": ["test", "-e", "/tmp/ready"]}, **QUICK}),
        pod("by-http", serve, readinessProbe={"httpGet": {"path": "/ready", "port": 8000}, **QUICK}),
        pod("by-tcp", "sleep 1; httpd -f -p 8000", readinessProbe={"tcpSocket": {"port": 8000}, **QUICK}),
    )
    namespace.wait_ready("by-tcp")
    for name in ("by-exec", "by-http"):
        eventually(lambda name=name: namespace.path("pod", name, ".status.phase") == "Running")
        assert namespace.path("pod", name, f"{STATUS}.ready") == "false"
        eventually(lambda name=name: "Readiness probe failed" in namespace.kubectl("describe", "pod", name).out)
        namespace.sh(name, "touch /tmp/ready")
    namespace.wait_ready("by-exec", "by-http")
    namespace.sh("by-exec", "rm /tmp/ready")
    eventually(lambda: namespace.path("pod", "by-exec", f"{STATUS}.ready") == "false")


def test_a_failed_liveness_probe_restarts(namespace: Namespace) -> None:
    alive = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, **QUICK}
    startup = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    namespace.apply(pod("lives", livenessProbe=alive, startupProbe=startup))
    namespace.wait_ready("lives")
    namespace.sh("lives", "touch /tmp/sick")
    eventually(lambda: restarts(namespace, "lives") == 1)
    described = namespace.kubectl("describe", "pod", "lives").out
    assert "Liveness probe failed" in described
    assert "Container main failed liveness probe, will be restarted" in described


def test_init_containers_that_fail_hold_the_pod_back(namespace: Namespace) -> None:
    spec = {
        "restartPolicy": "Never",
        "initContainers": [shell("breaks", "exit 4")],
        "containers": [shell("main", "echo never")],
    }
    namespace.apply(pod("held", spec=spec))
    eventually(lambda: namespace.path("pod", "held", ".status.phase") == "Failed")
    assert namespace.path("pod", "held", ".status.initContainerStatuses[0].state.terminated.exitCode") == "4"
    assert namespace.kubectl("get", "pod", "held", "--no-headers").rows[0][2] == "Init:Error"


def test_restart_policies(namespace: Namespace) -> None:
    def ends(name: str, code: int, policy: str) -> Tree:
        return pod(name, spec={"restartPolicy": policy, "containers": [shell("main", f"echo ran; exit {code}")]})

    namespace.apply(
        ends("never-0", 0, "Never"),
        ends("never-3", 3, "Never"),
        ends("failure-0", 0, "OnFailure"),
        ends("failure-3", 3, "OnFailure"),
        ends("always-0", 0, "Always"),
    )

    def shown() -> dict[str, str]:
        return {row[0]: row[2] for row in namespace.kubectl("get", "pods", "--no-headers").rows}

    done = {"never-0": "Completed", "never-3": "Error", "failure-0": "Completed"}
    eventually(lambda: done.items() <= shown().items())
    for name in ("failure-3", "always-0"):
        eventually(lambda name=name: restarts(namespace, name) >= 1)
        eventually(lambda name=name: shown()[name] == "CrashLoopBackOff")
        assert "Back-off restarting failed container main" in namespace.kubectl("describe", "pod", name).out
        assert namespace.logs(name, "--previous") == "ran\n"
    assert [restarts(namespace, name) for name in done] == [0, 0, 0]
    assert namespace.path("pod", "never-3", f"{STATUS}.state.terminated.exitCode") == "3"


def test_grace(namespace: Namespace) -> None:
    """A container that ends on SIGTERM gets time to; one that ignores it is killed when the time is over."""
    polite = "trap 'echo bye > /h/said; exit 0' TERM; while :; do sleep 0.1; done"
    mount = [{"name": "h", "mountPath": "/h"}]
    volumes = [{"name": "h", "hostPath": {"path": f"/tmp/{namespace.name}", "type": "DirectoryOrCreate"}}]
    namespace.apply(
        pod("polite", spec={"volumes": volumes, "containers": [shell("main", polite, volumeMounts=mount)]}),
        pod(
            "stubborn",
            spec={
                "terminationGracePeriodSeconds": 2,
                "containers": [shell("main", "trap '' TERM; while :; do sleep 0.1; done")],
            },
        ),
    )
    namespace.wait_ready("polite", "stubborn")
    began = time.monotonic()
    namespace.kubectl("delete", "pod", "stubborn", "polite", "--wait=false")
    assert namespace.kubectl("get", "pod", "stubborn", "--no-headers").rows[0][2] == "Terminating"
    namespace.kubectl("wait", "--for=delete", "pod/polite", "--timeout=20s")
    namespace.kubectl("wait", "--for=delete", "pod/stubborn", "--timeout=20s")
    assert 2 <= time.monotonic() - began < 15
    said = namespace.cluster.navarch("ssh", "--", f"cat /tmp/{namespace.name}/said; rm -r /tmp/{namespace.name}")
    assert said.out == "bye\n"


def test_lifecycle_hooks(namespace: Namespace) -> None:
    started = {"exec": {"command": ["sh", "-c", "echo started > /tmp/hook"]}}
    namespace.apply(pod("hooked", lifecycle={"postStart": started}))
    namespace.wait_ready("hooked")
    assert namespace.sh("hooked", "cat /tmp/hook") == "started"


def test_an_image_that_is_not_there(namespace: Namespace) -> None:
    namespace.kubectl("run", "lost", "--image=no-such-image:v9")

    def status() -> str:
        return namespace.kubectl("get", "pod", "lost", "--no-headers").rows[0][2]

    seen = [eventually(lambda: status() if "Pull" in status() else "")]
    assert seen[0] in ("ErrImagePull", "ImagePullBackOff")
    eventually(lambda: status() == "ImagePullBackOff")
    described = namespace.kubectl("describe", "pod", "lost").out
    assert 'Failed to pull image "no-such-image:v9"' in described
    assert 'Back-off pulling image "no-such-image:v9"' in described


def test_a_command_that_is_not_there(namespace: Namespace) -> None:
    namespace.kubectl("run", "wrong", "--image=busybox", "--restart=Never", "--command", "--", "no-such-command")
    ended = f"{STATUS}.state.terminated"
    assert eventually(lambda: namespace.path("pod", "wrong", f"{ended}.reason")) == "StartError"
    assert "no-such-command" in namespace.path("pod", "wrong", f"{ended}.message")


def test_a_job_runs_to_its_end(namespace: Namespace) -> None:
    namespace.kubectl("create", "job", "sums", "--image=busybox", "--", "sh", "-c", "echo $((6 * 7))")
    namespace.kubectl("wait", "--for=condition=Complete", "job/sums", "--timeout=60s")
    assert namespace.logs("job/sums") == "42\n"
