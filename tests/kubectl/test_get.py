"""`kubectl get`: what it asks, and how it shows the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kubectl.objects import container, controller, definition, pod, service, valid_pod
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl

pytestmark = pytest.mark.suite("kubectl_get_tests")
EMPTY = "No resources found"


def test_what_is_not_there(k: Kubectl) -> None:
    for words in ("", "-o name", "-o json"):
        said = k.fails(f"get pods abc {words}")
        assert 'pods "abc" not found' in said and "List" not in said
    formats = "json yaml name jsonpath={.items} go-template={{.items}} custom-columns=NAME:.metadata.name"
    for output in formats.split():
        assert EMPTY not in k.says("get pods", f"-o={output}")
    assert EMPTY not in k.fails("get foobar")
    assert EMPTY in k.says("get pods")
    assert EMPTY in k.says("get pods -o wide")
    assert k.says("get pods --ignore-not-found") == k.says("get pods abc --ignore-not-found") == ""


def test_all_asks_for_each_kind_of_the_category(k: Kubectl) -> None:
    said = k.says(f"get all --namespace {k.namespace} --chunk-size=0 --v=6")
    core, apps = f"/api/v1/namespaces/{k.namespace}", f"/apis/apps/v1/namespaces/{k.namespace}"
    for path in (
        *(f"{core}/{plural}" for plural in ("pods", "replicationcontrollers", "services")),
        *(f"{apps}/{plural}" for plural in ("daemonsets", "deployments", "replicasets", "statefulsets")),
        f"/apis/autoscaling/v2/namespaces/{k.namespace}/horizontalpodautoscalers",
        f"/apis/batch/v1/namespaces/{k.namespace}/jobs",
        f"/apis/batch/v1/namespaces/{k.namespace}/cronjobs",
    ):
        assert f"{path} 200 OK" in said
    assert "/apis/extensions/" not in said


def test_chunks(k: Kubectl) -> None:
    said = k.says("get clusterrole --chunk-size=10 --v=6")
    assert "/clusterroles?limit=10 200 OK" in said
    assert "/v1/clusterroles?continue=" in said
    assert "/clusterroles?limit=500 200 OK" in k.says("get clusterrole --v=6")
    shown = k("get namespaces --chunk-size=1 --no-headers")
    assert {"default", "kube-public", "kube-system"} <= {line.split()[0] for line in shown.splitlines()}
    for name in ("one", "two", "three"):
        k(f"create cm {name}")
    for watch in ("--watch", "--watch-only"):
        said = k.run(f"get configmap --chunk-size=1 {watch} --request-timeout=1s").text
        assert "watch is only supported on individual resources" not in said
    assert "three" in k.run("get configmap --chunk-size=1 --watch --request-timeout=1s").out


def test_templates_and_missing_keys(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    assert k("get pod valid-pod", "-o=jsonpath={.missing}") == ""
    assert k("get pod valid-pod", "-o=go-template={{.missing}}") == "<no value>"
    assert k("get pod valid-pod", "--template={{.metadata.name}}:") == "valid-pod:"
    strict = "get pod valid-pod --allow-missing-template-keys=false"
    assert "missing is not found" in k.fails(strict, "-o=jsonpath={.missing}")
    assert 'map has no entry for key "missing"' in k.fails(strict, "-o=go-template={{.missing}}")
    custom = k("get pods -o custom-columns=NAME:.metadata.name,RSRC:.metadata.resourceVersion")
    assert custom.split()[:3] == ["NAME", "RSRC", "valid-pod"]


def test_subresources(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod(), controller(replicas=0)))
    assert "valid-pod" in k("get pod valid-pod --subresource=status")
    said = k.fails("get pod valid-pod --subresource=scale")
    assert "the server could not find the requested resource" in said
    scale = json.loads(k("get rc frontend --subresource=scale -o json"))
    assert (scale["kind"], scale["spec"]) == ("Scale", {})


def test_watch(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    said = k.run("get pods -w --request-timeout=1").text
    assert "STATUS" in said and "valid-pod" in said
    said = k.run("get pods/valid-pod -o name -w --request-timeout=1").text
    assert "STATUS" not in said and "pod/valid-pod" in said
    said = k.run("get pods/valid-pod -o yaml -w --request-timeout=1").text
    assert "STATUS" not in said and "name: valid-pod" in said
    assert '"invalid-pod" not found' in k.fails("get pods/invalid-pod -w --request-timeout=1")
    with k.running("get pods -w --output-watch-events --no-headers") as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline().split()[:2] == ["ADDED", "valid-pod"]
        k("label pod valid-pod a=b")
        assert watch.stdout.readline().split()[:2] == ["MODIFIED", "valid-pod"]
        k("delete pod valid-pod --wait=false --force")
        assert watch.stdout.readline().split()[:2] == ["DELETED", "valid-pod"]


def test_lists_of_files(k: Kubectl) -> None:
    file = k.write("two.yaml", pod("redis-master"), valid_pod())
    k(f"create -f {file}")
    assert k(f"get -f {file}", "-o=jsonpath={..metadata.name}") == "redis-master valid-pod"
    assert json.loads(k(f"get -f {file} -o json"))["kind"] == "List"


def test_raw(k: Kubectl) -> None:
    assert json.loads(k("get --raw /api/v1/namespaces/default"))["metadata"]["name"] == "default"
    assert k("get --raw /healthz") == "ok"
    assert "not found" in k.fails("get --raw /api/v1/namespaces/no-such")


@pytest.mark.suite("retrieve_multiple_tests")
def test_several_types_at_once(k: Kubectl) -> None:
    template = "--template={{range .items}}{{.metadata.name}}:{{end}}"
    assert k(f"get -n default nodes/{NODE} service/kubernetes", template) == f"{NODE}:kubernetes:"
    assert "the server doesn't have a resource type" in k.fails("get nodes,foobar")


@pytest.mark.suite("kubectl_sort_by_tests")
def test_sort_by(k: Kubectl) -> None:
    for field in ("metadata.name", "metadata.creationTimestamp"):
        k(f"get pods --sort-by={{{field}}}")
    order = {1: ("c", "b", "2", "20Mi"), 2: ("b", "a", "3", "30Mi"), 3: ("a", "c", "1", "10Mi")}
    for number, (label, name, cpu, memory) in order.items():
        amounts = {"cpu": cpu, "memory": memory}
        inside = container(name, "nginx", resources={"requests": amounts, "limits": amounts})
        k("create -f", k.write(f"{number}.yaml", pod(f"sorted-pod{number}", {"name": label}, inside)))
    wanted = {
        "{metadata.name}": "123",
        "{metadata.labels.name}": "321",
        "{spec.containers[0].name}": "213",
        "{.spec.containers[0].resources.requests.memory}": "312",
        "{.spec.containers[0].resources.requests.cpu}": "312",
        "{.spec.containers[0].resources.limits.memory}": "312",
        "{.spec.containers[0].resources.limits.cpu}": "312",
    }
    for field, numbers in wanted.items():
        shown = k("get pods --no-headers", f"--sort-by={field}")
        assert [line.split()[0][-1] for line in shown.splitlines()] == list(numbers), field
    said = k.says("get pods --v=8", "--sort-by={metadata.name}")
    assert "as=Table" in said and "includeObject=Object" in said
    plain = k.says("get pods --server-print=false --v=8", "--sort-by={spec.containers[0].name}")
    assert "as=Table" not in plain


@pytest.mark.suite("kubectl_all_namespace_tests")
def test_all_namespaces(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    assert k.namespace in k("get pods --all-namespaces --namespace=default")
    other = f"{k.namespace}-all"
    k(f"create namespace {other}")
    k(f"create serviceaccount test -n {other}")
    k("create serviceaccount test")
    for words in ("--all-namespaces", "-A"):
        lines = [line.split()[:2] for line in k(f"get serviceaccounts {words}").splitlines()]
        assert [other, "test"] in lines and [k.namespace, "test"] in lines
    assert "NAMESPACE" not in k("get nodes --all-namespaces")
    said = k.fails("get pod valid-pod --all-namespaces")
    assert "a resource cannot be retrieved by name across all namespaces" in said


@pytest.mark.suite("deprecated_api_tests")
def test_deprecated_versions(k: Kubectl) -> None:
    group = f"{k.namespace}.deprecated.example.com"
    crd = definition("olds", group, "Old", version="v1beta1", deprecated=True)
    k("create -f", k.write("crd.yaml", crd))
    k(f"wait --for=condition=Established crd/olds.{group}")
    warning = f"Warning: {group}/v1beta1 Old is deprecated"
    assert warning in k.says(f"get olds.v1beta1.{group}")
    said = k.fails(f"get olds.v1beta1.{group} --warnings-as-errors")
    assert warning in said and "1 warning received" in said
    k(f"delete crd olds.{group}")


@pytest.mark.suite("kubectl_request_timeout_tests")
def test_request_timeout(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    assert "valid-pod" in k("get pod valid-pod --request-timeout=1")
    said = k.run("get pod valid-pod --request-timeout=1 --watch --v=5").text
    assert "Unable to decode an event from the watch stream" in said
    assert "Invalid timeout value" in k.fails("get pod valid-pod --request-timeout=1p")


@pytest.mark.suite("kubectl_results_tests")
def test_results(k: Kubectl) -> None:
    done = k.run("list")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith('error: unknown command "list" for "kubectl"\n\nDid you mean this?\n')
    done = k.run("get pod/no-such-pod")
    assert (done.code, done.out) == (1, "")
    assert done.err == 'Error from server (NotFound): pods "no-such-pod" not found\n'


@pytest.mark.suite("kubectl_version_tests")
def test_version(k: Kubectl) -> None:
    def version(words: str) -> Any:
        return json.loads(k(f"version {words} -o json"))

    served = json.loads(k("get --raw /version"))
    whole, alone = version(""), version("--client")
    assert whole["serverVersion"].items() <= served.items()
    assert whole["clientVersion"] == alone["clientVersion"] and "serverVersion" not in alone
    assert served["gitVersion"].startswith("v1.36.")
    assert f"Server Version: {served['gitVersion']}" in k.says("version")
    assert f"gitVersion: {served['gitVersion']}" in k("version -o yaml")


@pytest.mark.suite("resource_aliasing_tests")
def test_aliases(k: Kubectl) -> None:
    labels = {"app": "cassandra"}
    rc = controller("cassandra", 2)
    rc["metadata"]["labels"] = rc["spec"]["selector"] = rc["spec"]["template"]["metadata"]["labels"] = labels
    k("create -f", k.write("both.yaml", rc, service("cassandra", labels, 9042)))
    k.until("pods", lambda found: len(found) == 2, "app=cassandra")
    request = "--template={{range .items}}{{range .metadata.labels}}{{.}}:{{end}}{{end}}"
    assert k("get all -l app=cassandra", request) == "cassandra:" * 4
    k("delete all -l app=cassandra")
    assert k.names("services") == k.names("replicationcontrollers") == []
