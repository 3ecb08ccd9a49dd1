"""Services and what exposes others through them."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import container, controller, deployment, meta, pod, replica_set, service, valid_pod
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("service_tests")
SELECTOR = {"app": "redis", "role": "master", "tier": "backend"}
FIELDS = ("Name:", "Labels:", "Selector:", "IP:", "Port:", "Endpoints:", "Session Affinity:")


def test_the_service_of_the_api_itself(k: Kubectl) -> None:
    found = k.get("default/services", "kubernetes")
    assert found["spec"]["clusterIP"] == "10.0.0.1"
    assert "kubernetes" in k("get services -n default")


def test_create_describe_delete(k: Kubectl) -> None:
    file = k.write("redis.yaml", service("redis-master", SELECTOR, 6379))
    k(f"create -f {file}")
    assert k.get("services", "redis-master")["spec"]["clusterIP"].startswith("10.0.0.")
    for target in ("services redis-master", "services"):
        described = k(f"describe {target}")
        assert all(word in described for word in FIELDS)
        assert "Events:" in described
        assert "Events:" not in k(f"describe {target} --show-events=false")
    assert "limit=1 200 OK" in k.says("describe services --chunk-size=1 -v=6")
    dumped = k("get service redis-master -o json")
    k("delete service redis-master")
    assert k.names("services") == []
    k("create -f -", text=dumped)
    k("create -f", k.write("plain.json", service("service-v1-test", None, 80)))
    k("replace -f -", text=k("get service service-v1-test -o json"))
    columns = k("get services -o custom-columns=NAME:.metadata.name,RSRC:.metadata.resourceVersion")
    assert "redis-master" in columns
    k("delete services redis-master service-v1-test")
    assert k.names("services") == []


def test_set_selector(k: Kubectl) -> None:
    def selector() -> Tree:
        found: Tree = k.get("services", "redis-master")["spec"]["selector"]
        return found

    file = k.write("redis.yaml", service("redis-master", SELECTOR, 6379))
    k(f"create -f {file}")
    for words in ("--local", "--dry-run=client"):
        assert "role: padawan" in k(f"set selector -f {file} role=padawan {words} -o yaml")
    assert selector() == SELECTOR
    k(f"set selector -f {file} role=padawan")
    assert selector() == {"role": "padawan"}
    k(f"set selector -f {file} app=redis,role=master,tier=backend")
    assert selector() == SELECTOR
    for mode in ("client", "server"):
        k(f"set selector services redis-master role=padawan --dry-run={mode} -o yaml")
    assert "kubectl-set" in k.managers("services", "redis-master")
    k.fails("set selector services redis-master role=padawan --local -o yaml")
    assert selector() == SELECTOR
    version = k.get("services", "redis-master")["metadata"]["resourceVersion"]
    k(f"set selector services redis-master rvtest1=true --resource-version={version}")
    assert "Conflict" in k.fails("set selector services redis-master rvtest1=true --resource-version=1")


def test_create_by_type(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create service externalname beep-boop --dry-run={mode} --external-name bar.com")
    assert k.names("services") == []
    k("create service externalname beep-boop --external-name bar.com")
    spec = k.get("services", "beep-boop")["spec"]
    assert (spec["type"], spec["externalName"], "clusterIP" in spec) == ("ExternalName", "bar.com", False)
    k("create service clusterip headless --clusterip=None")
    assert k.get("services", "headless")["spec"]["clusterIP"] == "None"
    k("create service nodeport ported --tcp=80")
    assert 30000 <= k.get("services", "ported")["spec"]["ports"][0]["nodePort"] < 32768
    k("create service loadbalancer balanced --tcp=80")
    assert "<pending>" in k("get service balanced")


def test_run_and_expose(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"run testmetadata --image=nginx --port=80 --expose --dry-run={mode}")
    assert k.names("services") == []
    assert k("run testmetadata --image=nginx --port=80 --expose") == (
        "service/testmetadata created\npod/testmetadata created\n"
    )
    assert k.get("services", "testmetadata")["spec"]["ports"][0]["port"] == 80
    assert "kubectl-run" in k.managers("pods", "testmetadata")
    overrides = json.dumps({"metadata": {"annotations": {"zone-context": "work"}}})
    command = "expose pod testmetadata --port=1000 --target-port=80 --type=NodePort --name=exposemetadata"
    k(command, f"--overrides={overrides}")
    found = k.get("services", "exposemetadata")
    assert found["metadata"]["annotations"] == {"zone-context": "work"}
    assert "kubectl-expose" in k.managers("services", "exposemetadata")
    k("delete service exposemetadata testmetadata")


@pytest.mark.suite("rc_tests", "rs_tests")
def test_expose_workloads(k: Kubectl) -> None:
    def port(name: str) -> tuple[str | None, int]:
        found = k.get("services", name)["spec"]["ports"][0]
        return found.get("name"), found["port"]

    made = k.write("d.yaml", deployment("web", container("nginx", "nginx", ports=[{"containerPort": 80}]), replicas=0))
    assert "service/web exposed" in k.says(f"expose -f {made} --port 80")
    k("delete service web")
    without = deployment("none")
    without["spec"]["selector"] = {}
    assert "invalid deployment: no selectors" in k.fails("expose --port 80 -f", k.write("none.yaml", without))
    k(f"create -f {made}")
    k("expose deployment/web")
    assert port("web") == (None, 80)
    k("create -f", k.write("rc.yaml", controller(replicas=0), replica_set("set", 0), valid_pod()))
    k("expose rc frontend --port=80")
    k("expose service frontend --port=443 --name=frontend-2")
    k("expose pod valid-pod --port=444 --name=frontend-3")
    k("expose service frontend --name=frontend-4")
    k("expose rs set --port=80")
    assert [port(f"frontend{n}")[1] for n in ("", "-2", "-3", "-4")] == [80, 443, 444, 80]
    assert port("set") == (None, 80)
    assert "cannot expose" in k.fails(f"expose nodes {NODE}")


@pytest.mark.suite("rc_tests")
def test_names_of_what_is_exposed(k: Kubectl) -> None:
    long = "kubernetes-serve-hostname-testing-sixty-three-characters-in-length-so-long"
    file = k.write("long.yaml", pod(long, {"name": "x"}))
    too_long = "invalid-large-service-name-that-has-more-than-sixty-three-characters"
    assert "metadata.name: Invalid value" in k.fails(f"expose -f {file} --name={too_long} --port=8081")
    assert f"{long[:63]} exposed" in k.says(f"expose -f {file} --port=8081")
    ports = [{"containerPort": number, "name": name} for name, number in (("server", 2380), ("client", 2379))]
    etcd = {"apiVersion": "v1", "kind": "Pod", "metadata": meta("etcd-server"), "spec": {}}
    etcd["spec"] = {"containers": [container("etcd", "etcd", ports=ports)]}
    assert "etcd-server exposed" in k.says("expose --selector=test=etcd -f", k.write("etcd.yaml", etcd))
    found = k.get("services", "etcd-server")["spec"]["ports"]
    assert [(p["name"], p["port"]) for p in found] == [("port-1", 2380), ("port-2", 2379)]
