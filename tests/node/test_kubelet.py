"""The kubelet as a whole on the virtual loop: what the API shows after this and that happened."""

from __future__ import annotations

import asyncio

from navarch.node.runtime.script import Process, Script
from navarch.node.statuses import PODS
from tests.node.cluster import Node, container, pod, simulate


def test_pod_becomes_ready() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        status = node.status("web")
        assert status["phase"] == "Running"
        assert status["podIP"] == "10.244.0.2"
        assert status["hostIP"] == "192.168.49.2"
        assert {c["type"]: c["status"] for c in status["conditions"]} == {
            "PodReadyToStartContainers": "True",
            "Initialized": "True",
            "Ready": "True",
            "ContainersReady": "True",
            "PodScheduled": "True",
        }
        assert node.container("web")["ready"] is True
        assert [line.split(":")[0] for line in node.notes.lines] == [
            "Starting",
            "Pulling",
            "Pulled",
            "Created",
            "Started",
        ]

    simulate(scenario)


def test_a_pod_that_just_runs_costs_nothing() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        writes = [line for line in node.api.log if "pods/" in line]
        await asyncio.sleep(3600)
        assert [line for line in node.api.log if "pods/" in line] == writes
        assert len(writes) <= 2

    simulate(scenario)


def test_a_container_that_cannot_start_and_will_not_be_tried_again_has_ended() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("wrong:1", Script(start_error="no such program"))
        await node.run_pod(pod("once", container("c", "wrong:1"), restartPolicy="Never"))
        await node.run_pod(pod("again", container("c", "wrong:1")))
        await asyncio.sleep(1)
        assert node.status("once")["phase"] == "Failed"
        assert node.container("once")["state"]["terminated"]["reason"] == "StartError"
        assert node.container("again")["state"]["waiting"]["reason"] in ("RunContainerError", "CrashLoopBackOff")

    simulate(scenario)


def test_crash_loop() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("flaky:1", Script(exit_after_s=1, exit_code=3))
        await node.run_pod(pod("web", container("c", "flaky:1")))
        await asyncio.sleep(4)
        shown = node.container("web")
        assert shown["restartCount"] == 1
        assert shown["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert shown["state"]["waiting"]["message"].startswith(
            "back-off 10s restarting failed container=c pod=web_default("
        )
        assert shown["lastState"]["terminated"]["exitCode"] == 3
        assert node.status("web")["phase"] == "Running"
        await asyncio.sleep(600)
        assert 4 <= node.container("web")["restartCount"] <= 7
        assert len(await node.runtime.list_containers()) == 2

    simulate(scenario)


def test_deletion_removes_everything_then_the_object() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("nginx:1.27", Script(stop_s=5))
        await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        await node.api.delete(PODS, "web", "default")
        await asyncio.sleep(3)
        assert node.api.has_pod("web")
        assert await node.runtime.list_containers()
        await asyncio.sleep(3)
        assert not node.api.has_pod("web")
        assert not await node.runtime.list_containers()
        assert not await node.runtime.list_sandboxes()
        assert "Killing: Stopping container web" in node.notes.lines
        assert not [p for p in node.host.files if "uid-" in p]

    simulate(scenario)


def test_adopted_after_kill() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("flaky:1", Script(exit_after_s=1, exit_code=1, exit_times=1))
        await node.run_pod(pod("web", container("c", "flaky:1")))
        await asyncio.sleep(5)
        before = node.container("web")
        assert before["restartCount"] == 1
        await node.kill()
        await asyncio.sleep(60)
        await node.start()
        await asyncio.sleep(5)
        assert node.container("web") == before
        assert len(await node.runtime.list_sandboxes()) == 1

    simulate(scenario)


def test_deleted_while_no_kubelet_ran() -> None:
    async def scenario(node: Node) -> None:
        tree = await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        await node.kill()
        await node.api._commit("DELETED", ("pods", "default", "web"), tree)
        await node.start()
        await asyncio.sleep(1)
        assert not await node.runtime.list_sandboxes()

    simulate(scenario)


def test_init_containers_run_in_order_and_sidecars_stay() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("setup:1", Script(exit_after_s=2))
        tree = pod(
            "web",
            initContainers=[
                container("side", "proxy:1", restartPolicy="Always"),
                container("first", "setup:1"),
                container("second", "setup:1"),
            ],
        )
        await node.run_pod(tree)
        await asyncio.sleep(1)
        assert node.status("web")["phase"] == "Pending"
        assert node.container("web")["state"]["waiting"]["reason"] == "PodInitializing"
        await asyncio.sleep(5)
        assert node.status("web")["phase"] == "Running"
        init = node.status("web")["initContainerStatuses"]
        assert [s["ready"] for s in init] == [True, True, True]
        assert "running" in init[0]["state"]

    simulate(scenario)


def test_job_pod_succeeds() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("job:1", Script(exit_after_s=3, log=("done",)))
        await node.run_pod(pod("job", container("c", "job:1"), restartPolicy="Never"))
        await asyncio.sleep(5)
        assert node.status("job")["phase"] == "Succeeded"
        ended = node.container("job")["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
        ready = next(c for c in node.status("job")["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")

    simulate(scenario)


def test_image_that_cannot_be_pulled() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("gone:1", Script(pull_error="not found"))
        await node.run_pod(pod("web", container("c", "gone:1")))
        await asyncio.sleep(1)
        assert node.container("web")["state"]["waiting"] == {"reason": "ErrImagePull", "message": "not found"}
        await asyncio.sleep(5)
        assert node.container("web")["state"]["waiting"] == {
            "reason": "ImagePullBackOff",
            "message": 'Back-off pulling image "gone:1": ErrImagePull: not found',
        }
        node.scripts.image("gone:1", Script())
        await asyncio.sleep(30)
        assert node.status("web")["phase"] == "Running"

    simulate(scenario)


def test_deleted_while_pulling() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("slow:1", Script(pull_s=1000))
        await node.run_pod(pod("web", container("c", "slow:1")))
        await asyncio.sleep(1)
        await node.api.delete(PODS, "web", "default")
        await asyncio.sleep(2)
        assert not node.api.has_pod("web")

    simulate(scenario)


def test_probes() -> None:
    async def scenario(node: Node) -> None:
        node.scripts.image("app:1", Script(ready_after_s=12, dead_after_s=60))
        probe = {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 5, "failureThreshold": 2}
        await node.run_pod(pod("web", container("c", "app:1", readinessProbe=probe, livenessProbe=probe)))
        await asyncio.sleep(11)
        assert node.container("web")["ready"] is False
        await asyncio.sleep(6)
        assert node.container("web")["ready"] is True
        await asyncio.sleep(55)
        assert node.container("web")["restartCount"] == 1
        assert any(line.startswith("Killing: Container c failed liveness probe, will be") for line in node.notes.lines)
        assert "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503" in node.notes.lines

    simulate(scenario)


def test_active_deadline() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web", activeDeadlineSeconds=20, restartPolicy="Never"))
        await asyncio.sleep(25)
        status = node.status("web")
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")

    simulate(scenario)


def test_refused_for_lack_of_cpu() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("big", container("c", resources={"requests": {"cpu": "100"}})))
        await asyncio.sleep(1)
        status = node.status("big")
        assert (status["phase"], status["reason"]) == ("Failed", "OutOfcpu")
        assert not await node.runtime.list_sandboxes()

    simulate(scenario)


def test_volumes_follow_their_config_map() -> None:
    async def scenario(node: Node) -> None:
        meta = {"name": "settings", "namespace": "default"}
        tree = pod(
            "web",
            container("c", volumeMounts=[{"name": "v", "mountPath": "/etc/app"}]),
            volumes=[{"name": "v", "configMap": {"name": "settings"}}],
        )
        await node.run_pod(tree)
        await asyncio.sleep(2)
        assert node.status("web")["phase"] == "Pending"
        assert 'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "settings" not found' in (
            node.notes.lines
        )
        await node.api.put("configmaps", {"metadata": dict(meta), "data": {"a": "1"}})
        await asyncio.sleep(1)
        assert node.status("web")["phase"] == "Running"
        (path,) = [p for p in node.host.files if p.endswith("/v/a")]
        assert node.host.read_file(path) == b"1"
        await node.api.put("configmaps", {"metadata": dict(meta), "data": {"a": "2"}})
        await asyncio.sleep(1)
        assert node.host.read_file(path) == b"2"

    simulate(scenario)


def test_python_function_as_container() -> None:
    async def main(process: Process) -> int:
        process.print("hello from", process.pod)
        await asyncio.sleep(5)
        return 7

    async def scenario(node: Node) -> None:
        node.scripts.image("mine", run=main)
        await node.run_pod(pod("web", container("c", "mine"), restartPolicy="Never"))
        await asyncio.sleep(10)
        assert node.container("web")["state"]["terminated"]["exitCode"] == 7
        (log,) = [p for p in node.host.files if p.endswith("/c/0.log")]
        assert node.host.read_file(log).endswith(b"stdout F hello from web\n")

    simulate(scenario)


def test_static_pod_and_its_mirror() -> None:
    manifest = {"metadata": {"name": "etcd", "namespace": "kube-system"}, "spec": {"containers": [container("etcd")]}}

    async def scenario(node: Node) -> None:
        await asyncio.sleep(1)
        mirror = node.api.pod("etcd-n1", "kube-system")
        assert mirror["status"]["phase"] == "Running"
        assert mirror["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
        (owner,) = mirror["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Node", node.api.objects["nodes", "", "n1"]["metadata"]["uid"])
        await node.api._commit("DELETED", ("pods", "kube-system", "etcd-n1"), mirror)
        await asyncio.sleep(25)
        assert node.api.pod("etcd-n1", "kube-system")["status"]["phase"] == "Running"
        assert len(await node.runtime.list_sandboxes()) == 1

    simulate(scenario, static_pods=(manifest,))


def test_containers_are_restarted_while_the_api_is_down() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        node.api.down = True
        node.runtime.crash("default", "web")
        await asyncio.sleep(5)
        running = [c for c in await node.runtime.list_containers() if c.phase.value == "RUNNING"]
        assert len(running) == 1
        node.api.down = False
        await asyncio.sleep(60)
        assert node.container("web")["restartCount"] == 1

    simulate(scenario)


def test_node_is_registered_and_lives() -> None:
    async def scenario(node: Node) -> None:
        await asyncio.sleep(1)
        tree = node.api.objects["nodes", "", "n1"]
        assert tree["metadata"]["labels"]["kubernetes.io/hostname"] == "n1"
        ready = next(c for c in tree["status"]["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")
        first = node.api.objects["leases", "kube-node-lease", "n1"]["spec"]["renewTime"]
        await asyncio.sleep(15)
        assert node.api.objects["leases", "kube-node-lease", "n1"]["spec"]["renewTime"] > first

    simulate(scenario)


def test_token_root_ca_and_name_in_one_volume() -> None:
    async def scenario(node: Node) -> None:
        await node.api.put(
            "configmaps", {"metadata": {"name": "kube-root-ca.crt", "namespace": "default"}, "data": {"ca.crt": "CA"}}
        )
        sources = [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ]
        mount = {"name": "v", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
        await node.run_pod(
            pod("web", container("c", volumeMounts=[mount]), volumes=[{"name": "v", "projected": {"sources": sources}}])
        )
        await asyncio.sleep(1)
        files = {p.rsplit("/", 1)[1]: bytes(d) for p, d in node.host.files.items() if "/v/" in p and d is not None}
        assert files == {"token": b"token-of-default", "ca.crt": b"CA", "namespace": b"default"}

    simulate(scenario)


def test_ephemeral_container_is_added_to_a_running_pod() -> None:
    async def scenario(node: Node) -> None:
        tree = await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        spec = {**tree["spec"], "ephemeralContainers": [container("debug", "busybox:1", targetContainerName="web")]}
        now = node.api.pod("web")
        await node.api.put("pods", {**now, "spec": spec, "metadata": {**now["metadata"], "generation": 2}})
        await asyncio.sleep(1)
        (shown,) = node.status("web")["ephemeralContainerStatuses"]
        assert "running" in shown["state"]
        assert node.container("web")["restartCount"] == 0

    simulate(scenario)


def test_another_image_replaces_the_container() -> None:
    async def scenario(node: Node) -> None:
        tree = await node.run_pod(pod("web"))
        await asyncio.sleep(1)
        now = node.api.pod("web")
        spec = {**tree["spec"], "containers": [container("web", "nginx:1.28")]}
        await node.api.put("pods", {**now, "spec": spec, "metadata": {**now["metadata"], "generation": 2}})
        await asyncio.sleep(2)
        shown = node.container("web")
        assert (shown["image"], shown["restartCount"]) == ("nginx:1.28", 1)
        assert "Killing: Container web definition changed, will be restarted" in node.notes.lines

    simulate(scenario)


def test_a_failed_prestop_hook_does_not_stop_the_end() -> None:
    async def scenario(node: Node) -> None:
        hook = {"preStop": {"exec": {"command": ["bye"]}}, "postStart": {"sleep": {"seconds": 2}}}
        node.scripts.image("app:1", Script(exec={"bye": ("", 1)}))
        await node.run_pod(pod("web", container("c", "app:1", lifecycle=hook)))
        await asyncio.sleep(1)
        assert node.container("web")["started"] is False
        await asyncio.sleep(2)
        assert node.container("web")["ready"] is True
        await node.api.delete(PODS, "web", "default")
        await asyncio.sleep(2)
        assert not node.api.has_pod("web")
        assert "FailedPreStopHook: PreStopHook failed" in node.notes.lines

    simulate(scenario)
