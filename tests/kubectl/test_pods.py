"""Pods, as kubectl's tests treat them: created, read, labelled, patched, replaced, edited, deleted."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import (
    PAUSE,
    config_map,
    container,
    controller,
    labelled_pod,
    listed,
    pod,
    service,
    valid_pod,
)
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("pod_tests")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NAMES = "{{range .items}}{{.metadata.name}}:{{end}}"


def test_create_and_get(k: Kubectl) -> None:
    file = k.write("pod.yaml", valid_pod())
    assert k(f"create -f {file}") == "pod/valid-pod created\n"
    assert k("get pods", f"-o=go-template={NAMES}") == "valid-pod:"
    for words in ("pod valid-pod", "pod/valid-pod", "pods/valid-pod", f"-f {file}"):
        assert k(f"get {words}", "-o=jsonpath={.metadata.name}") == "valid-pod"
    assert k("get pods", "-o=jsonpath={.items[*].metadata.name}") == "valid-pod"
    managers = k(f"get --show-managed-fields -f {file}", "-o=jsonpath={.metadata.managedFields[*].manager}")
    assert managers == "kubectl-create"
    assert "valid-pod" in k("get pods --field-selector metadata.name=valid-pod")
    assert "valid-pod" in k("get pods --field-selector status.phase=Pending")
    table = k("get pods").splitlines()
    assert table[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert table[1].split()[:4] == ["valid-pod", "0/1", "Pending", "0"]


def test_describe(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    for target in ("pods valid-pod", "pods"):
        described = k(f"describe {target}")
        for word in ("Name:", "Image:", "Node:", "Labels:", "Status:", "Events:"):
            assert word in described
        assert "Events:" not in k(f"describe {target} --show-events=false")
        assert "Events:" in k(f"describe {target} --show-events=true")
    assert "limit=1 200 OK" in k.says("describe pods --chunk-size=1 -v=6")


def test_delete_in_each_way(k: Kubectl) -> None:
    file = k.write("pod.yaml", valid_pod())
    ways = (
        "delete pod valid-pod --grace-period=0 --force",
        "delete pod valid-pod --now",
        "delete pod valid-pod --grace-period=0",
        f"delete -f {file} --grace-period=0 --force",
        "delete pods -l 'name in (valid-pod)' --grace-period=0 --force",
        "delete --all pods --grace-period=0 --force",
    )
    for way in ways:
        k(f"create -f {file}")
        said = k.says(way)
        assert 'pod "valid-pod" ' + ("force deleted" if "--force" in way else "deleted") in said
        assert k.names("pods") == []


def test_delete_asks_for_a_choice(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    assert "resource(s) were provided, but no name was specified" in k.fails("delete pods")
    assert "setting 'all' parameter but found a non empty selector" in k.fails(
        "delete --all pods -l 'name in (valid-pod)'"
    )
    assert k.names("pods") == ["valid-pod"]


def test_a_dumped_pod_can_be_created_again(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    dumped = k("get pod valid-pod -o yaml")
    k("delete pod valid-pod")
    k("create -f -", text="".join(line for line in dumped.splitlines(True) if "namespace:" not in line))
    assert k.names("pods") == ["valid-pod"]


def test_several_at_once(k: Kubectl) -> None:
    file = k.write("two.yaml", valid_pod(), pod("primary"))
    k(f"create -f {file}")
    assert k.names("pods") == ["primary", "valid-pod"]
    k("delete pods valid-pod primary --grace-period=0 --force")
    assert k.names("pods") == []
    k(f"create -f {file}")
    k(f"delete -f {file}")
    assert k.names("pods") == []


def test_describe_tells_where_variables_come_from(k: Kubectl) -> None:
    k("create secret generic test-secret --from-literal=key-1=value1 --type=test-type")
    k("create configmap test-configmap --from-literal=key-2=value2")
    assert k.get("secrets", "test-secret")["type"] == "test-type"
    env = [
        {"name": "TEST_CMD_1", "valueFrom": {"secretKeyRef": {"name": "test-secret", "key": "key-1"}}},
        {"name": "TEST_CMD_2", "valueFrom": {"configMapKeyRef": {"name": "test-configmap", "key": "key-2"}}},
        {"name": "TEST_CMD_3", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    k("create -f", k.write("env.yaml", pod("env-test-pod", None, container("main", PAUSE, env=env))))
    for target in ("pod env-test-pod", "pods"):
        described = k(f"describe {target}")
        assert "<set to the key 'key-1' in secret 'test-secret'>" in described
        assert "<set to the key 'key-2' of config map 'test-configmap'>" in described
        assert "(v1:metadata.name)" in described


def test_disruption_budgets(k: Kubectl) -> None:
    for mode in ("client", "server"):
        said = k(f"create pdb test-pdb-1 --dry-run={mode} --selector=app=rails --min-available=2")
        assert (
            said == f"poddisruptionbudget.policy/test-pdb-1 created ({'' if mode == 'client' else 'server '}dry run)\n"
        )
    assert k.names("poddisruptionbudgets") == []
    wanted = {1: ("min-available", "2", 2), 2: ("min-available", "50%", "50%"), 3: ("max-unavailable", "2", 2)}
    for number, (flag, given, stored) in wanted.items():
        k(f"create pdb test-pdb-{number} --selector=app=rails --{flag}={given}")
        word = "minAvailable" if flag == "min-available" else "maxUnavailable"
        assert k.get("poddisruptionbudgets", f"test-pdb-{number}")["spec"][word] == stored
    both = "create pdb test-pdb --selector=app=rails --min-available=2 --max-unavailable=3"
    assert "min-available and max-unavailable cannot be both specified" in k.fails(both)
    assert "limit=1 200 OK" in k.says("describe poddisruptionbudgets --chunk-size=1 -v=6")


def test_priority_classes(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create priorityclass test-priorityclass --dry-run={mode}")
    assert not k.exists("priorityclasses", "test-priorityclass")
    k("create priorityclass test-priorityclass")
    assert "limit=1 200 OK" in k.says("describe priorityclasses --chunk-size=1 -v=6")
    k("delete priorityclass test-priorityclass")
    assert not k.exists("priorityclasses", "test-priorityclass")


def test_labels_and_annotations(k: Kubectl) -> None:
    file = k.write("pod.yaml", valid_pod())
    k(f"create -f {file}")
    for mode in ("client", "server"):
        k(f"label pods valid-pod new-name=new-valid-pod --dry-run={mode}")
        k(f"annotate pods valid-pod emptyannotation= --dry-run={mode}")
    assert k.get("pods", "valid-pod")["metadata"]["labels"] == {"name": "valid-pod"}
    assert k("label pods valid-pod new-name=new-valid-pod emptylabel=") == "pod/valid-pod labeled\n"
    assert k("annotate pods valid-pod emptyannotation=") == "pod/valid-pod annotated\n"
    found = k.get("pods", "valid-pod")["metadata"]
    assert found["labels"] == {"name": "valid-pod", "new-name": "new-valid-pod", "emptylabel": ""}
    assert found["annotations"] == {"emptyannotation": ""}
    k("label pods valid-pod record-change=true --record=true")
    cause = k.get("pods", "valid-pod")["metadata"]["annotations"]["kubernetes.io/change-cause"]
    assert "--record=true" in cause
    k("label pods valid-pod no-record-change=true --record=false")
    assert k.get("pods", "valid-pod")["metadata"]["annotations"]["kubernetes.io/change-cause"] == cause
    k("label pods valid-pod new-record-change=true --record=true")
    assert "new-record-change" in k.get("pods", "valid-pod")["metadata"]["annotations"]["kubernetes.io/change-cause"]
    assert {"kubectl-annotate", "kubectl-label"} <= set(k.managers("pods", "valid-pod"))
    # What is there is overwritten only on demand.
    assert "already has a value (valid-pod), and --overwrite is false" in k.fails("label pods valid-pod name=other")
    assert k.get("pods", "valid-pod")["metadata"]["labels"]["name"] == "valid-pod"
    k("label --overwrite pods --all name=other")
    assert k.get("pods", "valid-pod")["metadata"]["labels"]["name"] == "other"
    assert "localvalue" in k(f"label --local --overwrite -f {file} name=localvalue -o yaml")
    assert "localvalue" in k(f"annotate --local -f {file} key=localvalue -o yaml")
    assert k.get("pods", "valid-pod")["metadata"]["labels"]["name"] == "other"
    k("delete pods -l new-name=new-valid-pod --grace-period=0 --force")
    assert k.names("pods") == []


def test_changes_keep_large_numbers_exact(k: Kubectl) -> None:
    exact = pod(
        "pod-with-precision", None, activeDeadlineSeconds=2147483647, terminationGracePeriodSeconds=9007199254740993
    )
    k("create -f", k.write("pod.json", text=json.dumps(exact)))
    k("patch pod pod-with-precision -p", '{"metadata":{"annotations":{"patchkey":"patchvalue"}}}')
    k("label pods pod-with-precision labelkey=labelvalue")
    k("annotate pods pod-with-precision annotatekey=annotatevalue")
    found = k.get("pods", "pod-with-precision")
    assert found["metadata"]["annotations"] == {"patchkey": "patchvalue", "annotatekey": "annotatevalue"}
    assert found["spec"]["terminationGracePeriodSeconds"] == 9007199254740993


def test_create_with_an_editor(k: Kubectl) -> None:
    concatenated = json.dumps(service("mock", {"app": "mock"})) + "\n" + json.dumps(controller("mock", 1))
    lists = json.dumps(listed(service("mock", {"app": "mock"}), controller("mock", 1)))
    for text in (concatenated, lists):
        file = k.write("both.json", text=text)
        k(f"create --edit -f {file}", KUBE_EDITOR=k.editor("mock", "modified"))
        assert k.names("services") == k.names("replicationcontrollers") == ["modified"]
        assert "kubectl-create" in k.managers("services", "modified")
        assert "kubectl-create" in k.managers("replicationcontrollers", "modified")
        k("delete service/modified rc/modified")
    file = k.write("pod.yaml", valid_pod())
    assert "Edit cancelled" in k.says(f"create --edit -f {file} -o json")


def _image(k: Kubectl) -> str:
    image: str = k.get("pods", "valid-pod")["spec"]["containers"][0]["image"]
    return image


def _image_patch(image: str, **metadata: str) -> str:
    return json.dumps({"metadata": metadata, "spec": {"containers": [{"name": "hostname", "image": image}]}})


def test_patch(k: Kubectl) -> None:
    file = k.write("pod.yaml", valid_pod())
    k(f"create -f {file}")
    assert "Never" in k(f"patch --local -f {file} -o yaml", '--patch={"spec":{"restartPolicy":"Never"}}')
    assert "cannot restore map from string" in k.fails("patch pod valid-pod -p", '{"metadata":{"labels":"invalid"}}')
    same = k("patch pod valid-pod -p", '{"metadata":{"labels":{"name":"valid-pod"}}}')
    assert same == "pod/valid-pod patched (no change)\n"
    k("patch pod valid-pod --record -p", _image_patch("nginx"))
    assert _image(k) == "nginx"
    assert "kubectl patch" in k.get("pods", "valid-pod")["metadata"]["annotations"]["kubernetes.io/change-cause"]
    for image in ("nginx2", "nginx"):
        replacing = [{"op": "replace", "path": "/spec/containers/0/image", "value": image}]
        k("patch pod valid-pod --type=json -p", json.dumps(replacing))
        assert _image(k) == image
    for mode in ("client", "server"):
        k(f"patch pod valid-pod --dry-run={mode} -p", _image_patch("not-nginx"))
    assert _image(k) == "nginx"
    k("patch pod valid-pod -p", "spec:\n  containers:\n  - name: hostname\n    image: changed-with-yaml\n")
    assert _image(k) == "changed-with-yaml"
    k(f"patch -f {file} -p", _image_patch(PAUSE))
    assert _image(k) == PAUSE
    assert "kubectl-patch" in k.managers("pods", "valid-pod")


def test_a_patch_with_a_revision_is_conditional(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    version = k.get("pods", "valid-pod")["metadata"]["resourceVersion"]
    k("patch pod valid-pod -p", _image_patch("nginx", resourceVersion=version))
    assert _image(k) == "nginx"
    said = k.fails("patch pod valid-pod -p", _image_patch("other", resourceVersion=str(int(version) + 1000)))
    assert "please apply your changes to the latest version and try again" in said


def test_subresources(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    condition = [{"type": "Ready", "status": "True"}]
    said = k("patch pod valid-pod --subresource=status -p", json.dumps({"status": {"conditions": condition}}))
    assert said == "pod/valid-pod patched\n"
    shown = k("get pod valid-pod --subresource=status", "-o=jsonpath={.status.conditions[?(@.type=='Ready')].status}")
    assert shown == "True"
    whole = k.get("pods", "valid-pod")
    whole["status"]["phase"] = "Running"
    k("replace --subresource=status -f -", text=json.dumps(whole))
    assert k.get("pods", "valid-pod")["status"]["phase"] == "Running"
    resized = {
        "spec": {"containers": [{"name": "hostname", "resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}}]}
    }
    k("patch pod valid-pod --subresource=resize -p", json.dumps(resized))
    assert k.get("pods", "valid-pod")["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "2"


def test_replace(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", valid_pod()))
    dumped = k("get pod valid-pod -o json").replace('"hostname"', '"renamed"')
    file = k.write("replaced.json", text=dumped)
    k(f"replace --force -f {file}")
    assert k.get("pods", "valid-pod")["spec"]["containers"][0]["name"] == "renamed"
    assert "kubectl-replace" in k.managers("pods", "valid-pod")
    assert "--grace-period must have --force specified" in k.fails(f"replace --grace-period=1 -f {file}")
    assert "--timeout must have --force specified" in k.fails(f"replace --timeout=1s -f {file}")


def test_replace_of_something_without_namespace(k: Kubectl) -> None:
    node: Tree = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-v1-test"}}
    k("create -f -", text=json.dumps(node))
    node["metadata"] |= {"annotations": {"a": "b"}, "resourceVersion": "0"}
    for mode in ("server", "client"):
        k(f"replace --dry-run={mode} -f -", text=json.dumps(node))
    assert "a" not in k.get("nodes", "node-v1-test")["metadata"].get("annotations", {})
    k("replace -f -", text=json.dumps(node))
    assert k.get("nodes", "node-v1-test")["metadata"]["annotations"]["a"] == "b"
    k("delete node node-v1-test")


def test_edit(k: Kubectl) -> None:
    k("create -f", k.write("pod.yaml", labelled_pod()))
    said = k("edit pods/test-pod --output-patch=true", KUBE_EDITOR=k.editor(PAUSE, "registry.k8s.io/edited"))
    assert "Patch:" in said
    assert k.get("pods", "test-pod")["spec"]["containers"][0]["image"] == "registry.k8s.io/edited"
    assert "kubectl-edit" in k.managers("pods", "test-pod")
    cancelled = k.says("edit pod/test-pod")
    assert "Edit cancelled" in cancelled and "name: test-pod" in cancelled
    assert "\r\n" not in cancelled
    assert "kind: List" in k("edit ns")


def test_the_annotation_of_apply_is_kept_up_by_others(k: Kubectl) -> None:
    def annotation() -> str | None:
        value: str | None = k.get("pods", "test-pod")["metadata"].get("annotations", {}).get(LAST_APPLIED)
        return value

    k("create -f", k.write("pod.yaml", labelled_pod()))
    k("replace -f -", text=k("get pods test-pod -o yaml").replace("test-pod-label", "test-pod-replaced"))
    assert k.get("pods", "test-pod")["metadata"]["labels"]["name"] == "test-pod-replaced"
    assert annotation() is None
    k("apply -f", k.write("apply.yaml", labelled_pod("test-pod-applied")))
    assert k.get("pods", "test-pod")["metadata"]["labels"]["name"] == "test-pod-applied"
    applied = annotation()
    assert applied is not None
    k("replace -f -", text=k("get pods test-pod -o yaml").replace("test-pod-applied", "test-pod-replaced"))
    assert k.get("pods", "test-pod")["metadata"]["labels"]["name"] == "test-pod-replaced"
    assert annotation() not in (None, applied)


@pytest.mark.suite("kubectl_run_tests")
def test_run(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"run --dry-run={mode} nginx-extensions --image=nginx")
    assert k.names("pods") == []
    assert k("run nginx-extensions --image=nginx") == "pod/nginx-extensions created\n"
    assert k.names("pods") == ["nginx-extensions"]
    assert k("run test1 --image=validname") == "pod/test1 created\n"
    invalid = k.fails("run test2 --image=InvalidImageName")
    assert 'error: Invalid image name "InvalidImageName": invalid reference format' in invalid


@pytest.mark.suite("kubectl_exec_pod_tests", "kubectl_exec_resource_name_tests")
def test_exec_without_a_kubelet(k: Kubectl) -> None:
    assert 'pods "abc" not found' in k.fails("exec abc -- date")
    both = k.write("both.yaml", pod("test"), pod("test2"))
    assert "cannot exec into multiple objects at a time" in k.fails(f"exec -f {both} -- echo test")
    k("create -f", k.write("pod.yaml", labelled_pod(), config_map("a-map")))
    for target in ("test-pod", "pods/test-pod"):
        assert "does not have a host assigned" in k.fails(f"exec {target} -- date")
    assert "error:" in k.fails("exec foo/bar -- date")
    assert 'deployments.apps "bar" not found' in k.fails("exec deployments/bar -- date")
    assert "not implemented" in k.fails("exec configmap/a-map -- date")
