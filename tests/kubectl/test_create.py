"""`kubectl create`, `delete` and `edit` of files: errors, validation, lists, directories."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import (
    config_map,
    container,
    controller,
    definition,
    deployment,
    listed,
    meta,
    pod,
    service,
    valid_pod,
)
from tests.kubectl.site import Kubectl, Tree

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.suite("kubectl_create_error_tests")
def test_errors(k: Kubectl) -> None:
    assert "must specify one of -f and -k" in k.fails("create")
    text = json.dumps(valid_pod())
    said = k.fails("create --raw /api/v1/namespaces -f - --v=8", text=text)
    assert "cannot be handled as a Namespace: converting (v1.Pod)" in said
    file = k.write("pod.yaml", valid_pod())
    said = k.fails(f"create --raw /api/v1/namespaces -f {file} --edit")
    assert "--raw and --edit are mutually exclusive" in said
    assert "AlreadyExists" in k.fails("create namespace default")


@pytest.mark.suite("kubectl_create_validate_tests")
def test_field_validation(k: Kubectl) -> None:
    odd = deployment("invalid-nginx", replicas=0)
    odd["spec"]["foo"] = "bar"
    odd["spec"]["baz"] = "qux"
    file = k.write("odd.yaml", odd)
    for words in ("", "--validate", "--validate=true", "--validate=strict"):
        said = k.fails(f"create {words} -f {file}")
        assert 'strict decoding error: unknown field "spec.baz", unknown field "spec.foo"' in said
    said = k.says(f"create --validate=warn -f {file}")
    assert 'Warning: unknown field "spec.foo"' in said and "created" in said
    k("delete deployment invalid-nginx")
    for words in ("--validate=false", "--validate=ignore"):
        assert k.says(f"create {words} -f {file}") == "deployment.apps/invalid-nginx created\n"
        k("delete deployment invalid-nginx")


@pytest.mark.suite("lists_tests")
def test_lists(k: Kubectl) -> None:
    k("create -f", k.write("list.yaml", listed(service("list-service"), deployment("list-deployment", replicas=0))))
    k("delete service/list-service deployment/list-deployment")
    assert k.names("services") == k.names("deployments") == []


def _typed(kind: str, *items: Tree) -> Tree:
    return {"apiVersion": "v1", "kind": kind, "items": list(items)}


@pytest.mark.suite("multi_resources_tests")
@pytest.mark.parametrize("form", ["yaml", "list", "json", "rclist", "svclist"])
def test_many_in_one_file(k: Kubectl, form: str) -> None:
    def files(status: str) -> tuple[str, list[tuple[str, str]]]:
        def labelled(tree: Tree) -> Tree:
            tree["metadata"]["labels"] = {"status": status}
            return tree

        svc, rc = labelled(service("mock", {"app": "mock"})), labelled(controller("mock", 0))
        both = [("services", "mock"), ("replicationcontrollers", "mock")]
        name = f"{form}-{status}"
        if form == "yaml":
            return k.write(f"{name}.yaml", svc, rc), both
        if form == "json":
            return k.write(f"{name}.json", text=json.dumps(svc) + "\n" + json.dumps(rc)), both
        if form == "list":
            return k.write(f"{name}.json", text=json.dumps(listed(svc, rc))), both
        if form == "rclist":
            two = _typed("ReplicationControllerList", rc, labelled(controller("mock2", 0)))
            pairs = [("replicationcontrollers", name) for name in ("mock", "mock2")]
            return k.write(f"{name}.json", text=json.dumps(two)), pairs
        two = _typed("ServiceList", svc, labelled(service("mock2", {"app": "mock2"})))
        return k.write(f"{name}.json", text=json.dumps(two)), [("services", name) for name in ("mock", "mock2")]

    file, objects = files("new")

    def each(where: str, key: str) -> list[str | None]:
        return [k.get(plural, name)["metadata"].get(where, {}).get(key) for plural, name in objects]

    k(f"create -f {file}")
    assert len(k(f"get -f {file} --no-headers").strip().splitlines()) >= 2
    said = k.fails(f"get -f {file} --watch")
    assert "watch is only supported on individual resources and resource collections" in said
    assert k(f"describe -f {file}").count("Name:") >= 2
    replacement, _ = files("replaced")
    k(f"replace -f {replacement} --force --cascade=background")
    assert each("labels", "status") == ["replaced"] * 2
    k(f"edit -f {file}", KUBE_EDITOR=k.editor("status: replaced", "status: edited"))
    assert each("labels", "status") == ["edited"] * 2
    k(f"label -f {file} labeled=true --overwrite")
    k(f"annotate -f {file} annotated=true --overwrite")
    assert each("labels", "labeled") == each("annotations", "annotated") == ["true"] * 2
    k(f"delete -f {file}")
    assert k.names("services") == k.names("replicationcontrollers") == []


@pytest.mark.suite("recursive_resources_tests")
def test_directories_with_a_broken_file(k: Kubectl) -> None:
    """Commands on a directory do what they can, and fail for the file that has no kind."""
    broken = "Object 'Kind' is missing"

    def directory(name: str, **labels: str) -> None:
        for number in (0, 1):
            tree = pod(f"busybox{number}", {"app": f"busybox{number}", **labels}, container("busybox", "busybox"))
            k.write(f"{name}/{'deeper/' * number}busybox{number}.yaml", tree)
        bad = pod("busybox2")
        del bad["kind"]
        k.write(f"{name}/busybox2.yaml", bad | {"ind": "Pod"})

    def images() -> list[str]:
        return [each["spec"]["containers"][0]["image"] for each in k.list("pods")]

    directory("pods")
    directory("changed", status="replaced")
    assert "kind not set" in k.fails("create -f pods --recursive")
    assert k.names("pods") == ["busybox0", "busybox1"]
    editor = k.editor("image: busybox", "image: prom/busybox")
    assert broken in k.fails("edit -f pods --recursive", KUBE_EDITOR=editor)
    assert images() == ["busybox", "busybox"]
    assert "kind not set" in k.fails("replace -f changed --recursive")
    assert [each["metadata"]["labels"].get("status") for each in k.list("pods")] == ["replaced"] * 2
    said = k.fails("describe -f pods --recursive")
    assert "app=busybox0" in said and "app=busybox1" in said and broken in said
    assert broken in k.fails("annotate -f pods annotatekey=annotatevalue --recursive")
    assert all(each["metadata"]["annotations"]["annotatekey"] for each in k.list("pods"))
    assert "kind not set" in k.fails("apply -f changed --recursive")
    template = "--template={{range .items}}{{.metadata.name}}:{{end}}"
    said = k.fails("get -f pods --recursive", template)
    assert "busybox0:busybox1:" in said and broken in said
    assert broken in k.fails("label -f pods mylabel=myvalue --recursive")
    assert k.names("pods", "mylabel=myvalue") == ["busybox0", "busybox1"]
    patch = json.dumps({"spec": {"containers": [{"name": "busybox", "image": "prom/busybox"}]}})
    assert broken in k.fails("patch -f pods --recursive -p", patch)
    assert images() == ["prom/busybox"] * 2
    assert broken in k.fails("delete -f pods --recursive --grace-period=0 --force")
    assert k.names("pods") == []


@pytest.mark.suite("recursive_resources_tests")
def test_directories_of_workloads(k: Kubectl) -> None:
    broken = "Object 'Kind' is missing"
    for number in (0, 1):
        k.write(f"rc/{number}.yaml", controller(f"busybox{number}", 1))
        k.write(f"deploy/{number}.yaml", deployment(f"nginx{number}", replicas=0))
    for name in ("rc", "deploy"):
        k.write(f"{name}/broken.yaml", {"apiVersion": "v1", "ind": "Nothing", "metadata": meta("broken")})
    k.fails("create -f rc --recursive")
    assert broken in k.fails("autoscale --min=1 --max=2 -f rc --recursive")
    assert k.names("horizontalpodautoscalers") == ["busybox0", "busybox1"]
    k("delete hpa busybox0 busybox1")
    assert broken in k.fails("expose -f rc --recursive --port=80")
    assert k.names("services") == ["busybox0", "busybox1"]
    assert broken in k.fails("scale --current-replicas=1 --replicas=2 -f rc --recursive")
    assert [each["spec"]["replicas"] for each in k.list("replicationcontrollers")] == [2, 2]
    said = k.fails("rollout undo -f rc --recursive --to-revision=1")
    assert 'no rollbacker has been implemented for "ReplicationController"' in said and broken in said
    for verb in ("pause", "resume"):
        said = k.fails(f"rollout {verb} -f rc --recursive")
        assert broken in said
        for number in (0, 1):
            assert f'replicationcontrollers "busybox{number}" {verb[:-1]}ing is not supported' in said
    assert broken in k.fails("delete -f rc --recursive --grace-period=0 --force")
    k.fails("create -f deploy --recursive")
    assert k.names("deployments") == ["nginx0", "nginx1"]
    k.until("replicasets", lambda found: len(found) == 2)
    assert broken in k.fails("rollout undo -f deploy --recursive --to-revision=1")
    assert broken in k.fails("rollout pause -f deploy --recursive")
    assert [each["spec"].get("paused") for each in k.list("deployments")] == [True, True]
    assert broken in k.fails("rollout resume -f deploy --recursive")
    assert [each["spec"].get("paused") for each in k.list("deployments")] == [None, None]
    said = k.fails("rollout history -f deploy --recursive")
    assert "nginx0" in said and "nginx1" in said and broken in said
    k.fails("delete -f deploy --recursive --grace-period=0 --force")


@pytest.mark.suite("save_config_tests")
def test_save_config(k: Kubectl) -> None:
    def saved(plural: str, name: str) -> bool:
        return LAST_APPLIED in k.get(plural, name)["metadata"].get("annotations", {})

    file = k.write("pod.yaml", pod("test-pod", {"name": "test-pod-label"}))
    k(f"create -f {file} --save-config")
    assert saved("pods", "test-pod")
    k(f"delete -f {file}")
    k(f"create -f {file}")
    assert not saved("pods", "test-pod")
    k("edit pod test-pod --save-config", KUBE_EDITOR=k.editor("test-pod-label", "test-pod-label-edited"))
    assert saved("pods", "test-pod")
    k(f"delete -f {file}")
    k(f"create -f {file}")
    k(f"replace -f {file} --save-config")
    assert saved("pods", "test-pod")
    k("run nginx --image=nginx --save-config")
    assert saved("pods", "nginx")
    k("expose pod nginx --save-config --port=80 --target-port=8000")
    assert saved("services", "nginx")
    rc = k.write("rc.yaml", controller(replicas=0))
    k(f"create -f {rc}")
    assert not saved("replicationcontrollers", "frontend")
    k(f"autoscale -f {rc} --save-config --max=2")
    assert saved("horizontalpodautoscalers", "frontend")
    # A group may be shortened as long as it is unique.
    for name in ("hpa", "hpa.autoscaling", "hpa.autoscal"):
        assert k(f"get {name}", "-o=jsonpath={.items[0].apiVersion}") == "autoscaling/v2"


@pytest.mark.suite("kubectl_delete_allnamespaces_tests")
def test_delete_in_all_namespaces(k: Kubectl) -> None:
    other = f"{k.namespace}-del"
    k(f"create namespace {other}")
    label = {"deletetest": k.namespace}
    k("create -f", k.write("one.yaml", config_map("one", label)))
    k(f"create -n {other} -f", k.write("two.yaml", config_map("two", label)))
    command = f"delete configmap -l deletetest={k.namespace} --all-namespaces"
    for mode in ("client", "server"):
        said = k(f"{command} --dry-run={mode}")
        assert 'configmap "one" deleted' in said and 'configmap "two" deleted' in said and "dry run" in said
    assert (k.exists("configmaps", "one"), k.exists(f"{other}/configmaps", "two")) == (True, True)
    k(command)
    assert (k.exists("configmaps", "one"), k.exists(f"{other}/configmaps", "two")) == (False, False)


@pytest.mark.suite("kubectl_delete_interactive_tests")
def test_delete_asks_first(k: Kubectl) -> None:
    k("create -f", k.write("maps.yaml", config_map("one"), config_map("two")))
    said = k("delete configmap one two --interactive", text="n\n")
    assert "You are about to delete the following 2 resource(s):" in said and "configmap/one" in said
    assert "deletion is cancelled" in said
    assert k.exists("configmaps", "one")
    k("delete configmap one --interactive --dry-run=server", text="y\n")
    assert k.exists("configmaps", "one")
    assert 'configmap "one" deleted' in k("delete configmap one two -i", text="y\n")
    assert not k.exists("configmaps", "one") and not k.exists("configmaps", "two")


@pytest.mark.suite("kubectl_create_error_tests")
def test_create_of_a_definition_that_is_wrong(k: Kubectl) -> None:
    wrong = definition("nothings", "wrong.example.com", "Nothing", scope="Nowhere")
    said = k.fails("create -f", k.write("crd.yaml", wrong))
    assert 'spec.scope: Unsupported value: "Nowhere"' in said
