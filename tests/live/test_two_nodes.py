"""Two nodes on one machine: pods talk across them, and a node that dies loses its pods to the other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch.launch.images.layout import Layout, StoredImage, save
from tests.live.cluster import LiveCluster, Namespace, Tree, eventually, http, pod
from tests.live.conftest import running
from tests.live.machine import inventory, needs_machine

pytestmark = [pytest.mark.live, needs_machine]


@pytest.fixture(scope="module")
def pair() -> Iterator[LiveCluster]:
    with running(f"pair-{os.getpid()}", "--nodes", "2") as started:
        yield started


@pytest.fixture(scope="module")
def default(pair: LiveCluster) -> Namespace:
    return Namespace(pair, "default")


def on_node(name: str, node: str, script: str = "sleep 3600") -> Tree:
    made = pod(name, script)
    made["spec"]["nodeName"] = node
    return made


def test_both_are_ready(pair: LiveCluster) -> None:
    first, second = pair.navarch("node", "list").rows
    assert (first[0], second[0]) == (pair.name, f"{pair.name}-m02")
    rows = pair.kubectl("get", "nodes", "-o", "wide", "--no-headers").rows
    assert [(row[0], row[1], row[5]) for row in rows] == [(node, "Ready", ip) for node, ip in (first, second)]
    assert pair.navarch("status").out.count("kubelet: Running") == 2
    assert pair.navarch("ssh", "-n", second[0], "--", "hostname").out == f"{second[0]}\n"


def test_pods_talk_across_nodes(pair: LiveCluster, default: Namespace) -> None:
    first, second = pair.node_name(0), pair.node_name(1)
    serve = "echo $HOSTNAME > /tmp/name; httpd -f -p 8000 -h /tmp"
    default.apply(on_node("here", first, serve), on_node("there", second, serve))
    default.wait_ready("here", "there")
    for asks, answers in (("here", "there"), ("there", "here")):
        ip = default.path("pod", answers, ".status.podIP")
        assert default.sh(asks, f"wget -qO- http://{ip}:8000/name") == answers
    default.kubectl("expose", "pod", "there", "--name=far", "--port=80", "--target-port=8000", "--type=NodePort")
    # The name server is on the first node only.
    assert eventually(lambda: default.sh("here", "wget -qO- http://far/name || true")) == "there"
    assert default.sh("there", "wget -qO- http://far/name") == "there"
    port = default.path("service", "far", ".spec.ports[0].nodePort")
    for index in (0, 1):
        assert http(f"http://{pair.node_ip(index)}:{port}/name") == "there\n"
    assert default.logs("there") == ""


def test_a_dead_node_loses_its_pods(pair: LiveCluster, default: Namespace) -> None:
    soon = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
        for key in ("not-ready", "unreachable")
    ]
    template = pod("moves")
    template["spec"] |= {"tolerations": soon}
    second = pair.node_name(1)
    default.kubectl("cordon", pair.node_name(0))
    default.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "moves"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "moves"}},
                "template": {"metadata": {"labels": {"app": "moves"}}, "spec": template["spec"]},
            },
        }
    )
    default.kubectl("rollout", "status", "deployment/moves", "--timeout=60s")
    default.kubectl("uncordon", pair.node_name(0))

    def homes() -> list[str]:
        listed = default.get("pods", "", "-l", "app=moves")["items"]
        return [p["spec"].get("nodeName", "") for p in listed if "deletionTimestamp" not in p["metadata"]]

    assert homes() == [second, second]
    pair.kill_node(1)
    status = pair.navarch("status", check=False)
    assert status.code != 0
    eventually(lambda: homes() == [pair.node_name(0)] * 2, 120)
    rows = {row[0]: row[1] for row in default.kubectl("get", "nodes", "--no-headers").rows}
    assert rows == {pair.node_name(0): "Ready", second: "NotReady"}
    default.kubectl("rollout", "status", "deployment/moves", "--timeout=60s")

    # The next start brings it back.
    pair.start()
    eventually(lambda: [row[1] for row in default.kubectl("get", "nodes", "--no-headers").rows] == ["Ready", "Ready"])
    eventually(lambda: len(default.get("pods", "", "-l", "app=moves")["items"]) == 2)


def test_an_archive_is_loaded_into_every_node(pair: LiveCluster, default: Namespace, tmp_path: Path) -> None:
    layout = Layout(Path(shutil.copytree(pair.home / "images", tmp_path / "images")))
    busybox = next(image for image in layout.images() if image.name.endswith("/busybox:latest"))
    layout.write_index([StoredImage("docker.io/library/own:v1", busybox.digest, busybox.size)])
    save(layout, ["docker.io/library/own:v1"], tmp_path / "own.tar")
    ran = pair.navarch("image", "load", str(tmp_path / "own.tar"))
    nodes = [pair.node_name(0), pair.node_name(1)]
    assert [line.split("  ")[-1] for line in ran.lines] == [f"docker.io/library/own:v1 is in {node}" for node in nodes]
    for node in nodes:
        made = on_node(f"own-{node}", node)
        made["spec"]["containers"][0]["image"] = "own:v1"
        default.apply(made)
    default.wait_ready(*(f"own-{node}" for node in nodes))
    wrong = tmp_path / "wrong.tar"
    wrong.write_text("no archive")
    for path, said in ((wrong, "cannot be loaded"), (tmp_path / "nothing.tar", "is no file")):
        ran = pair.navarch("image", "load", str(path), check=False)
        assert (ran.code, said in ran.err, "Traceback" in ran.err) == (80, True, False)


def test_a_node_is_added_and_deleted(pair: LiveCluster, default: Namespace) -> None:
    before = inventory(pair.name, pair.directory)
    assert "Successfully added" in pair.navarch("node", "add").out
    third = pair.node_name(2)
    row = default.kubectl("get", "node", third, "--no-headers", "--show-labels").rows[0]
    assert row[1] == "Ready"

    def labelled() -> bool:
        labels: dict[str, str] = default.get("node", third)["metadata"]["labels"]
        return labels.get("minikube.k8s.io/name") == pair.name and labels["minikube.k8s.io/primary"] == "false"

    eventually(labelled)
    late = on_node("late", third, "echo late > /tmp/name; httpd -f -p 8000 -h /tmp")
    # It has the archive that was loaded before it came, and so nobody has to be asked for its image.
    late["spec"]["containers"][0] |= {"image": "own:v1", "imagePullPolicy": "Never"}
    default.apply(late)
    default.wait_ready("late")
    ip = default.path("pod", "late", ".status.podIP")
    default.apply(on_node("asks-late", pair.node_name(0)))
    default.wait_ready("asks-late")
    assert default.sh("asks-late", f"wget -qO- http://{ip}:8000/name") == "late"

    again = pair.navarch("node", "add", third, check=False)
    assert again.code == 80 and "already" in again.err
    assert "was successfully deleted" in pair.navarch("node", "delete", third).out
    assert [row[0] for row in pair.navarch("node", "list").rows] == [pair.node_name(0), pair.node_name(1)]
    assert default.kubectl("get", "node", third, check=False).code == 1
    # Its pods go with it.
    eventually(lambda: default.kubectl("get", "pod", "late", check=False).code == 1)
    default.kubectl("delete", "pod", "asks-late", "--now")
    after = inventory(pair.name, pair.directory)
    assert (after.interfaces, after.mounts, after.routes) == (before.interfaces, before.mounts, before.routes)
    assert not any(third in each for each in after.processes)
    for wrong, said in ((pair.node_name(0), "cannot be deleted alone"), ("nobody", "there is no node")):
        ran = pair.navarch("node", "delete", wrong, check=False)
        assert ran.code in (80, 85) and said in ran.err
