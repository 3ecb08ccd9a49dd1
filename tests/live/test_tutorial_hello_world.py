"""The tutorials' hello-world: a Deployment of three pods behind a NodePort, reached from the host."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.live.cluster import PROGRAMS, LiveCluster, Namespace, eventually, http
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

MANIFEST = "docs/hello-world.yaml"
SAFE = "[bcdfghjklmnpqrstvwxz2456789]"


@pytest.fixture(scope="module", params=PROGRAMS, ids=os.path.basename)
def hello(cluster: LiveCluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace where hello-world runs, made and looked at with one of the command lines."""
    name = f"hello-{os.path.basename(request.param)}"
    cluster.kubectl("create", "namespace", name)
    hello = Namespace(cluster, name, request.param)
    ran = hello.kubectl("create", "-f", MANIFEST)
    assert ran.out == "deployment.apps/hello-world created\nservice/hello-world created\n"
    hello.kubectl("rollout", "status", "deployment/hello-world", "--timeout=60s")
    yield hello
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def node_port(hello: Namespace) -> int:
    return int(hello.path("service", "hello-world", ".spec.ports[0].nodePort"))


def answering(url: str) -> str:
    """The pod that answers there."""
    return "".join(re.findall(r"^Server name: (\S+)$", http(url), re.MULTILINE))


def test_creating_it_twice_fails(hello: Namespace) -> None:
    ran = hello.kubectl("create", "-f", MANIFEST, check=False)
    assert ran.code == 1
    assert (
        f'Error from server (AlreadyExists): error when creating "{MANIFEST}": '
        'deployments.apps "hello-world" already exists\n'
    ) in ran.err


def test_applying_it_again_changes_nothing(hello: Namespace) -> None:
    hello.kubectl("apply", "-f", MANIFEST)
    assert hello.kubectl("apply", "-f", MANIFEST).out == (
        "deployment.apps/hello-world unchanged\nservice/hello-world unchanged\n"
    )


def test_pods_wide(hello: Namespace) -> None:
    ran = hello.kubectl("get", "pod", "-o", "wide")
    assert re.split(r"\s{2,}", ran.lines[0].strip()) == [
        *("NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES")
    ]
    assert len(ran.rows) == 4
    for name, ready, status, restarts, _, ip, node, *none in ran.rows[1:]:
        assert re.fullmatch(rf"hello-world-{SAFE}+-{SAFE}{{5}}", name)
        assert (ready, status, restarts, node, none) == ("1/1", "Running", "0", hello.cluster.name, ["<none>"] * 2)
        assert re.fullmatch(r"10\.2\d\d\.0\.\d+", ip)


def test_service_wide(hello: Namespace) -> None:
    _, row = hello.kubectl("get", "service", "-o", "wide").rows
    assert (row[0], row[1], row[3], row[6]) == ("hello-world", "NodePort", "<none>", "app=hello-world")
    assert row[4] == f"80:{node_port(hello)}/TCP"
    assert 30000 <= node_port(hello) <= 32767


def answering_pods(hello: Namespace, host: str) -> set[str]:
    return {answering(f"http://{host}:{node_port(hello)}") for _ in range(60)}


def pods(hello: Namespace) -> set[str]:
    return set(hello.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").out.split())


def test_it_answers_on_the_node(hello: Namespace) -> None:
    assert answering_pods(hello, hello.cluster.node_ip()) == pods(hello)


def test_it_answers_on_the_host(hello: Namespace) -> None:
    assert answering_pods(hello, "127.0.0.1") == pods(hello)


def test_navarch_names_the_url(hello: Namespace) -> None:
    navarch, url = hello.cluster.navarch, f"http://{hello.cluster.node_ip()}:{node_port(hello)}"
    assert navarch("service", "hello-world", "-n", hello.name, "--url").out == f"{url}\n"
    shown = navarch("service", "hello-world", "-n", hello.name).lines
    assert [cell.strip() for cell in shown[1].strip("|").split("|")] == ["NAMESPACE", "NAME", "TARGET PORT", "URL"]
    assert [cell.strip() for cell in shown[3].strip("|").split("|")] == [hello.name, "hello-world", "80", url]
    listed = [[cell.strip() for cell in line.strip("|").split("|")] for line in navarch("service", "list").lines]
    assert [hello.name, "hello-world", "80", url] in listed
    assert ["default", "kubernetes", "No node port", ""] in listed


def test_describe(hello: Namespace) -> None:
    deployment = hello.kubectl("describe", "deployment").out
    assert re.search(
        r"^Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable$", deployment, re.M
    )
    assert "Scaled up replica set hello-world-" in deployment
    replicaset = hello.kubectl("describe", "replicaset").out
    assert re.search(r"^Pods Status: +3 Running / 0 Waiting / 0 Succeeded / 0 Failed$", replicaset, re.M)
    assert replicaset.count("SuccessfulCreate") == 3
    described = hello.kubectl("describe", "pod").out
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert len(re.findall(rf"^  Normal +{reason} ", described, re.M)) == 3
    service = hello.kubectl("describe", "service").out
    assert re.search(r"^Endpoints: +(\d+\.\d+\.\d+\.\d+:80,?){3}$", service, re.M)
    assert re.search(r"^Port: +<unset> +80/TCP$", service, re.M)


def test_output_forms(hello: Namespace) -> None:
    assert hello.kubectl("get", "deploy", "-o", "name").out == "deployment.apps/hello-world\n"
    yaml = hello.kubectl("get", "deploy", "hello-world", "-o", "yaml").out
    assert yaml.startswith("apiVersion: apps/v1\nkind: Deployment\n")
    assert "\n  readyReplicas: 3\n" in yaml
    _, row = hello.kubectl("get", "deployments").rows
    assert row[:4] == ["hello-world", "3/3", "3", "3"]


def test_a_deleted_pod_is_replaced(hello: Namespace) -> None:
    name = hello.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}").out
    # Later versions add the namespace.
    said = hello.kubectl("delete", "pod", name).out
    assert re.fullmatch(rf'pod "{name}" deleted( from {hello.name} namespace)?\n', said)

    def three_again() -> bool:
        rows = hello.kubectl("get", "pods", "--no-headers").rows
        return [row[1:3] for row in rows] == [["1/1", "Running"]] * 3 and name not in [row[0] for row in rows]

    eventually(three_again)


def test_port_forward(hello: Namespace) -> None:
    with hello.background("port-forward", "deployment/hello-world", ":80") as forward:
        try:
            assert forward.stdout is not None
            found = re.match(r"Forwarding from (127\.0\.0\.1:\d+) -> 80", forward.stdout.readline())
            assert found is not None
            assert [bool(answering(f"http://{found[1]}")) for _ in range(3)] == [True] * 3
        finally:
            forward.terminate()
