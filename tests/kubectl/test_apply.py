"""Client-side apply: three-way merges, pruning, and what happens when some of many objects fail."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import (
    config_map,
    container,
    custom,
    definition,
    deployment,
    labelled_pod,
    namespace,
    pod,
    service,
)
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("kubectl_apply_tests")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_create_by_apply(k: Kubectl) -> None:
    file = k.write("pod.yaml", labelled_pod())
    assert k(f"apply -f {file}") == "pod/test-pod created\n"
    found = k.get("pods", "test-pod")["metadata"]
    assert found["labels"]["name"] == "test-pod-label"
    assert json.loads(found["annotations"][LAST_APPLIED])["metadata"]["name"] == "test-pod"
    managers = k(f"get --show-managed-fields -f {file}", "-o=jsonpath={.metadata.managedFields[*].manager}")
    assert managers == "kubectl-client-side-apply"
    assert k(f"apply -f {file}") == "pod/test-pod unchanged\n"
    assert k("apply -f", k.write("next.yaml", labelled_pod("other"))) == "pod/test-pod configured\n"


def test_set_last_applied(k: Kubectl) -> None:
    file = k.write("pod.yaml", labelled_pod())
    k(f"create -f {file}")
    for mode in ("client", "server"):
        k(f"apply set-last-applied --dry-run={mode} -f {file} --create-annotation=true")
    assert "annotations" not in k.get("pods", "test-pod")["metadata"]
    k(f"apply set-last-applied -f {file} --create-annotation=true")
    assert LAST_APPLIED in k.get("pods", "test-pod")["metadata"]["annotations"]
    shown = k("apply view-last-applied pod/test-pod -o json")
    assert json.loads(shown)["metadata"]["labels"]["name"] == "test-pod-label"


def test_defaulted_fields_can_be_cleared(k: Kubectl) -> None:
    def wanted(strategy: Tree, volume: Tree) -> Tree:
        mounts = [{"name": "v", "mountPath": "/v"}]
        inside = deployment("keys", container("c", "nginx", volumeMounts=mounts), strategy=strategy)
        inside["spec"]["template"]["spec"]["volumes"] = [{"name": "v", **volume}]
        return inside

    k("apply -f", k.write("before.yaml", wanted({"type": "RollingUpdate"}, {"emptyDir": {}})))
    spec = k.get("deployments", "keys")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    k("apply -f", k.write("after.yaml", wanted({"type": "Recreate"}, {"hostPath": {"path": "/tmp"}})))
    spec = k.get("deployments", "keys")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["template"]["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/tmp", "type": ""}}]


@pytest.mark.suite("kubectl_create_filter_tests")
@pytest.mark.parametrize("verb", ["apply", "create"])
def test_a_selector_chooses_among_files(k: Kubectl, verb: str) -> None:
    k.write("filter/yes.yaml", pod("selector-test-pod", {"unique-label": "bingbang"}))
    k.write("filter/no.yaml", pod("selector-test-pod-dont-apply", {"unique-label": "biz"}))
    k(f"{verb} -l unique-label=bingbang -f filter")
    assert k.names("pods") == ["selector-test-pod"]
    not_found = 'pods "selector-test-pod-dont-apply" not found'
    assert not_found in k.fails("get pods selector-test-pod-dont-apply")


def test_dry_run_changes_nothing(k: Kubectl) -> None:
    file, next_ = k.write("pod.yaml", labelled_pod()), k.write("next.yaml", labelled_pod("test-pod-applied"))
    assert k(f"apply --dry-run=client -f {file}") == "pod/test-pod created (dry run)\n"
    assert k(f"apply --dry-run=server -f {file}") == "pod/test-pod created (server dry run)\n"
    assert k.names("pods") == []
    k(f"apply -f {file}")
    before = k.get("pods", "test-pod")
    k(f"apply --dry-run=client -f {next_}")
    k(f"apply --dry-run=server -f {next_}")
    assert k.get("pods", "test-pod") == before


def test_dry_run_of_a_custom_resource(k: Kubectl) -> None:
    group = f"{k.namespace}.dry.example.com"
    k("create -f", k.write("crd.yaml", definition("resources", group, "Kind", version="v1alpha1")))
    k(f"wait --for=condition=Established crd/resources.{group}")
    k("apply --dry-run=server -f", k.write("cr.yaml", custom("Kind", group, "myobj", version="v1alpha1")))
    assert "not found" in k.fails(f"get resources.{group}/myobj")
    k(f"delete crd resources.{group}")


def test_pruning(k: Kubectl) -> None:
    label = {"prune-group": "true"}
    other = f"{k.namespace}-other"
    k(f"create ns {other}")
    a, b = k.write("prune/a.yaml", pod("a", label)), k.write("prune/b.yaml", in_namespace(other, pod("b", label)))
    k(f"apply --namespace {other} -l prune-group=true -f {a}")
    said = k(f"apply --namespace {other} --prune -l prune-group=true -f {b}")
    assert "pod/b created" in said and "pod/a pruned" in said
    k.until(f"{other}/pods", lambda found: [o["metadata"]["name"] for o in found] == ["b"])
    k(f"delete pod b -n {other}")
    # Without --prune both stay.
    k(f"apply -l prune-group=true -f {a}")
    k(f"apply -l prune-group=true -f {b}")
    assert (k.names("pods"), k.names(f"{other}/pods")) == (["a"], ["b"])
    k("delete pod/a")
    k(f"delete pod/b -n {other}")
    assert "all resources selected for prune without explicitly passing --all" in k.fails("apply --prune -f prune")
    # An object in another namespace is pruned there.
    k(f"apply --namespace {other} -f {a}")
    k(f"apply --prune -l prune-group=true -f {b}")
    k.until(f"{other}/pods", lambda found: [o["metadata"]["name"] for o in found] == ["b"])
    said = k.fails(f"apply -n foo -f {b}")
    assert f'the namespace from the provided object "{other}" does not match the namespace "foo".' in said


def in_namespace(name: str, tree: Tree) -> Tree:
    tree["metadata"]["namespace"] = name
    return tree


def test_pruning_of_claims_and_by_allow_list(k: Kubectl) -> None:
    def claim(name: str) -> Tree:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        labels = {"prune-group": "reap"}
        metadata = {"name": name, "labels": labels}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

    k("apply --prune -l prune-group=reap -f", k.write("a.yml", claim("a-pvc")))
    k("apply --prune -l prune-group=reap -f", k.write("b.yml", claim("b-pvc")))
    k.until("persistentvolumeclaims", lambda found: [o["metadata"]["name"] for o in found] == ["b-pvc"])
    k("delete pvc b-pvc")
    label = {"prune-group": "true"}
    k("apply --prune -l prune-group=true -f", k.write("pod.yaml", pod("a", label)))
    svc = k.write("svc.yaml", service("prune-svc", label))
    k(f"apply --prune -l prune-group=true -f {svc} --prune-allowlist core/v1/Service")
    assert (k.names("pods"), k.names("services")) == (["a"], ["prune-svc"])
    k(f"apply --prune -l prune-group=true -f {svc}")
    k.until("pods", lambda found: not found)
    assert k.names("services") == ["prune-svc"]


def test_apply_sets(k: Kubectl) -> None:
    def apply(*trees: Tree) -> str:
        file = k.write("set.yaml", *trees)
        return k.says(f"apply --prune --applyset=secret/myset -n {k.namespace} -f {file}", KUBECTL_APPLYSET="true")

    assert "configmap/one created" in apply(config_map("one"), config_map("two"))
    parent = k.get("secrets", "myset")["metadata"]
    part_of = parent["labels"]["applyset.kubernetes.io/id"]
    assert k.names("configmaps", f"applyset.kubernetes.io/part-of={part_of}") == ["one", "two"]
    assert parent["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap"
    said = apply(config_map("two", None, key="value"), service("third"))
    assert "configmap/one pruned" in said
    assert k.names("configmaps", "applyset.kubernetes.io/part-of") == ["two"]
    parent = k.get("secrets", "myset")["metadata"]
    assert parent["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap,Service"


def test_force_replaces_what_cannot_change(k: Kubectl) -> None:
    first, second = k.write("1.yaml", service("a", clusterIP="10.0.0.111")), None
    second = k.write("2.yaml", service("a", clusterIP="10.0.0.112"))
    k(f"apply -f {first}")
    assert "may not change once set" in k.fails(f"apply -f {second}")
    k(f"apply -f {second} --force")
    assert k.get("services", "a")["spec"]["clusterIP"] == "10.0.0.112"


@pytest.mark.suite("kubectl_create_kustomization_directory_tests", "kubectl_get_tests")
def test_kustomizations(k: Kubectl) -> None:
    kustomize(k)
    for verb in ("apply -k", "apply --kustomize", "create -k"):
        k(f"{verb} kustomize")
        assert k.exists("configmaps", "test-the-map")
        assert k.names("deployments") == ["test-the-deployment"]
        assert k.names("services") == ["test-the-service"]
        shown = k("get -k kustomize", "-o=jsonpath={..metadata.name}")
        assert {"test-the-map", "test-the-deployment", "test-the-service"} <= set(shown.split())
        k("delete -k kustomize")
        assert not k.exists("configmaps", "test-the-map")
        assert k.names("deployments") == k.names("services") == []


def kustomize(k: Kubectl) -> None:
    k.write("kustomize/map.yaml", config_map("the-map", None, altGreeting="Good Morning!"))
    k.write("kustomize/deployment.yaml", deployment("the-deployment", replicas=1))
    k.write("kustomize/service.yaml", service("the-service", {"app": "the-deployment"}, 8666))
    resources = ["map.yaml", "deployment.yaml", "service.yaml"]
    k.write("kustomize/kustomization.yaml", {"namePrefix": "test-", "resources": resources})


def test_what_can_be_applied_is_applied(k: Kubectl) -> None:
    name = f"{k.namespace}-multi"
    both = k.write("1.yaml", in_namespace(name, labelled_pod()), namespace(name))
    assert f'namespaces "{name}" not found' in k.fails(f"apply -f {both}")
    k.until(f"{name}/serviceaccounts", bool)
    k(f"apply -f {both}")
    assert k.names(f"{name}/pods") == ["test-pod"]
    bogus = custom("Bogus", "example.com", "foo")
    said = k.fails("apply -f", k.write("2.yaml", config_map("foo"), bogus))
    assert 'no matches for kind "Bogus" in version "example.com/v1"' in said
    assert k.exists("configmaps", "foo")
    three = k.write("3.yaml", pod("pod-a"), pod("POD-B"), pod("pod-c"))
    assert 'The Pod "POD-B" is invalid' in k.fails(f"apply -f {three}")
    assert k.names("pods") == ["pod-a", "pod-c"]
    group = f"{k.namespace}.widgets.example.com"
    widget = k.write("4.yaml", custom("Widget", group, "foo"), definition("widgets", group, "Widget"))
    assert f'no matches for kind "Widget" in version "{group}/v1"' in k.fails(f"apply -f {widget}")
    k(f"wait --for=condition=Established crd/widgets.{group}")
    k(f"apply -f {widget}")
    assert k.names("widgets", group=f"{group}/v1") == ["foo"]
    k(f"delete -f {widget}")


def test_field_validation(k: Kubectl) -> None:
    odd = deployment("odd", replicas=1)
    odd["spec"]["foo"] = "bar"
    file = k.write("odd.yaml", odd)
    assert 'unknown field "spec.foo"' in k.fails(f"apply --validate=true -f {file}")
    said = k.says(f"apply --validate=warn -f {file}")
    assert 'Warning: unknown field "spec.foo"' in said and "deployment.apps/odd created" in said
    assert "Warning" not in k.says(f"apply --validate=false -f {file}")


def test_status_by_apply(k: Kubectl) -> None:
    file = k.write("pod.yaml", labelled_pod())
    k(f"apply -f {file}")
    status = labelled_pod()
    status["status"] = {"phase": "Running"}
    k("apply --subresource=status --server-side --field-manager=other -f", k.write("status.yaml", status))
    assert k.get("pods", "test-pod")["status"]["phase"] == "Running"


@pytest.mark.suite("kubectl_apply_deployments_tests")
def test_null_and_defaults_in_deployments(k: Kubectl) -> None:
    first = deployment("my-depl", container("nginx", "nginx"), labels={"l1": "l1"}, replicas=0)
    k("apply -f", k.write("l1.yaml", first))
    second = deployment("my-depl", container("nginx", "nginx"), labels={"l1": "l1"}, replicas=0)
    second["metadata"]["labels"] = {"l2": "l2"}
    k("apply -f", k.write("l2.yaml", second))
    found = k.get("deployments", "my-depl")
    assert found["metadata"]["labels"] == {"l2": "l2"}
    assert found["spec"]["template"]["metadata"]["labels"] == {"l1": "l1"}
    second["spec"]["progressDeadlineSeconds"] = None
    k("apply -f", k.write("null.yaml", second))
    assert k.get("deployments", "my-depl")["spec"]["progressDeadlineSeconds"] == 600
    k("delete deployments,rs,pods --all --cascade=orphan --grace-period=0")
    k.until("replicasets", lambda found: not found)


@pytest.mark.suite("kubectl_apply_deployments_tests")
def test_deployments_that_conflict(k: Kubectl) -> None:
    def labelled(label: str, **metadata: str) -> Tree:
        tree = deployment("nginx", labels={"name": label}, replicas=0)
        tree["metadata"] |= metadata
        return tree

    k("apply -f", k.write("1.yaml", labelled("nginx1")))
    conflicting = k.write("2.yaml", labelled("nginx2", resourceVersion="99"))
    k(f"apply -f {conflicting} --overwrite=true --force=true --grace-period=10")
    shown = json.loads(k("apply view-last-applied deploy/nginx -o json"))
    assert shown["spec"]["selector"] == {"matchLabels": {"name": "nginx2"}}
    # What is both conflicting and invalid leaves the old object.
    invalid = labelled("nginx3", resourceVersion="99")
    invalid["spec"]["selector"] = {"matchLabels": {"name": "another"}}
    assert "Invalid value" in k.fails("apply --force -f", k.write("3.yaml", invalid))
    assert k.get("deployments", "nginx")["spec"]["template"]["metadata"]["labels"] == {"name": "nginx2"}


@pytest.mark.suite("kubectl_apply_deployments_tests")
def test_null_in_a_quota(k: Kubectl) -> None:
    quota: Tree = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "my-rq"}}
    k("apply -f", k.write("1.yaml", quota | {"spec": {"hard": {"limits.cpu": "1", "limits.memory": "1Gi"}}}))
    k("apply -f", k.write("2.yaml", quota | {"spec": {"hard": {"limits.cpu": None, "limits.memory": "2Gi"}}}))
    assert k.get("resourcequotas", "my-rq")["spec"]["hard"] == {"limits.memory": "2Gi"}
