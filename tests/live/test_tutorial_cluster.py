"""The tutorials' first steps: what `navarch` and `kubectl` say of a cluster that runs."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.live.cluster import LiveCluster, Namespace
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


def test_status(cluster: LiveCluster) -> None:
    assert cluster.navarch("status").out == (
        f"{cluster.name}\ntype: Control Plane\nhost: Running\nkubelet: Running\napiserver: Running\n"
        "kubeconfig: Configured\n\n"
    )
    shown = json.loads(cluster.navarch("status", "-o", "json").out)
    assert (shown["Name"], shown["Host"], shown["APIServer"], shown["Worker"]) == (
        cluster.name,
        "Running",
        "Running",
        False,
    )


def test_an_unknown_profile_is_named(cluster: LiveCluster) -> None:
    ran = LiveCluster(cluster.home, "nobody").navarch("status", check=False)
    assert ran.code == 85
    assert 'Profile "nobody" not found' in ran.out + ran.err
    assert "navarch start -p nobody" in ran.out + ran.err


def test_a_second_start_changes_nothing(cluster: LiveCluster) -> None:
    before = cluster.kubeconfig.read_text()
    pid = (cluster.directory / "control-plane.pid").read_text()
    ran = cluster.navarch("start", "--force", "--driver=docker", "--image-mirror-country=cn")
    assert "runs already" in ran.out
    assert "--force has no effect" in ran.out
    assert ran.lines[-1].endswith(
        f'Done! kubectl is now configured to use "{cluster.name}" cluster and "default" namespace by default'
    )
    assert cluster.kubeconfig.read_text() == before
    assert (cluster.directory / "control-plane.pid").read_text() == pid


def test_node_list_and_version(cluster: LiveCluster) -> None:
    assert re.fullmatch(rf"{cluster.name}\t192\.168\.\d+\.2\n", cluster.navarch("node", "list").out)
    assert re.fullmatch(r"navarch version: v\S+\ncommit: \S+\n", cluster.navarch("version").out)


def test_ssh(cluster: LiveCluster) -> None:
    assert cluster.navarch("ssh", "--", "hostname").out == f"{cluster.name}\n"
    assert cluster.navarch("ssh", "--", "exit 7", check=False).code == 7
    assert cluster.navarch("ssh", text="echo inside $((6 * 7))\n").out.endswith("inside 42\n")
    assert "navarch.app.agent" in cluster.navarch("ssh", "--", "ps -ef | grep kubelet").out


def test_logs(cluster: LiveCluster) -> None:
    shown = cluster.navarch("logs", "-n", "3").lines
    assert {"==> control-plane <==", "==> agent <==", "==> containerd <=="} <= set(shown)


def test_kubectl_passes_words_and_exit_code_through(cluster: LiveCluster) -> None:
    assert cluster.navarch("kubectl", "--", "get", "nodes", "-o", "name").out == f"node/{cluster.name}\n"
    ran = cluster.navarch("kubectl", "--", "get", "pod", "nobody", check=False)
    assert (ran.code, ran.err) == (1, 'Error from server (NotFound): pods "nobody" not found\n')


def test_services_not_found_and_without_a_node_port(cluster: LiveCluster) -> None:
    ran = cluster.navarch("service", "hello-world", check=False)
    assert ran.code == 115
    assert "SVC_NOT_FOUND: Service 'hello-world' was not found in 'default' namespace." in ran.err
    assert "'navarch service list'" in ran.err
    ran = cluster.navarch("service", "kubernetes", "--url", check=False)
    assert ran.code == 119
    assert "no node port" in ran.err


def test_a_deployment_without_a_service_is_hinted_at(cluster: LiveCluster, namespace: Namespace) -> None:
    namespace.kubectl("create", "deployment", "alone", "--image=nginx:alpine", "--replicas=0")
    ran = cluster.navarch("service", "alone", "-n", namespace.name, check=False)
    assert ran.code == 115
    assert f"kubectl expose deployment alone --type=NodePort --port=PORT -n {namespace.name}" in ran.err


def test_cluster_info_and_version(cluster: LiveCluster) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", cluster.kubectl("cluster-info").out)
    assert re.match(
        r"Kubernetes control plane is running at https://192\.168\.\d+\.1:8443\nCoreDNS is running at ", plain
    )
    assert "Server Version: v1.36" in cluster.kubectl("version").out


def test_cluster_info_dump(cluster: LiveCluster) -> None:
    dump = cluster.kubectl("cluster-info", "dump", "-o", "json").out
    assert '"kind": "NodeList"' in dump
    assert f"START logs for container kube-apiserver of pod kube-system/kube-apiserver-{cluster.name}" in dump


def test_nodes(cluster: LiveCluster) -> None:
    header, node = cluster.kubectl("get", "node").rows
    assert header == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert node[:3] == [cluster.name, "Ready", "control-plane"]
    server = json.loads(cluster.kubectl("version", "-o", "json").out)["serverVersion"]["gitVersion"]
    assert node[4] == server
    described = cluster.kubectl("describe", "node", cluster.name).out
    for heading in (
        "Roles:",
        "Conditions:",
        "Addresses:",
        "Capacity:",
        "System Info:",
        "Non-terminated Pods:",
        "Events:",
    ):
        assert f"\n{heading}" in described


def test_components_are_visible_with_logs(cluster: LiveCluster) -> None:
    rows = cluster.kubectl("get", "pods", "-n", "kube-system", "--no-headers").rows
    for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert [f"{component}-{cluster.name}", "1/1", "Running", "0"] in [row[:4] for row in rows]
    for prefix in ("coredns-", "kube-proxy-"):
        assert [row[1:3] for row in rows if row[0].startswith(prefix)] == [["1/1", "Running"]]
    proxy = next(row[0] for row in rows if row[0].startswith("kube-proxy-"))
    for name in (f"kube-apiserver-{cluster.name}", proxy):
        assert cluster.kubectl("logs", "-n", "kube-system", name).out


def test_completion_is_bash(cluster: LiveCluster) -> None:
    script = cluster.kubectl("completion", "bash").out
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert cluster.name in cluster.kubectl("__complete", "get", "nodes", "").lines


def test_other_versions_of_kubectl(cluster: LiveCluster, namespace: Namespace, kubectl_version: str) -> None:
    """Exec and logs changed their transport between these versions."""
    namespace.kubectl("run", "old", "--image=busybox", "--", "sleep", "3600", program=kubectl_version)
    namespace.wait_ready("old")
    assert namespace.kubectl("exec", "old", "--", "echo", "hello", program=kubectl_version).out == "hello\n"
    ran = namespace.kubectl("exec", "-i", "old", "--", "cat", text="through\n", program=kubectl_version)
    assert ran.out == "through\n"
    assert namespace.kubectl("exec", "old", "--", "sh", "-c", "exit 3", program=kubectl_version, check=False).code == 3
    namespace.kubectl("delete", "pod", "old", "--now", program=kubectl_version)
