"""Garbage, namespaces and quotas."""

from __future__ import annotations

import pytest

from tests.conformance.api import Api, ApiError
from tests.kubectl.objects import config_map, container, controller, deployment, pod, replica_set, service
from tests.kubectl.site import Tree

RCS, RSS, PODS = "v1/replicationcontrollers", "apps/v1/replicasets", "v1/pods"
DEPLOYMENTS, QUOTAS = "apps/v1/deployments", "v1/resourcequotas"


def replicated(api: Api, name: str = "frontend", replicas: int = 3) -> dict[str, Tree]:
    """A ReplicationController and its pods."""
    api.create(RCS, controller(name, replicas))
    return api.until(PODS, lambda found: len(found) == replicas, labelSelector=f"tier={name}")


@pytest.mark.row("sig-api-machinery: Garbage collector should delete pods created by rc when not orphaning")
def test_pods_of_a_controller_go(api: Api) -> None:
    replicated(api)
    api.delete(RCS, "frontend", {"propagationPolicy": "Background"})
    api.until(PODS, lambda found: not found)


@pytest.mark.row("sig-api-machinery: Garbage collector should orphan pods created by rc if delete options say so")
def test_pods_are_orphaned(api: Api) -> None:
    replicated(api)
    api.delete(RCS, "frontend", {"propagationPolicy": "Orphan"})
    api.until(RCS, lambda found: not found)
    left = api.list(PODS)["items"]
    assert len(left) == 3 and not any("ownerReferences" in each["metadata"] for each in left)


@pytest.mark.row("sig-api-machinery: Garbage collector should delete RS created by deployment when not orphaning")
@pytest.mark.row(
    "sig-api-machinery: Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan"
)
@pytest.mark.parametrize("policy", ["Background", "Orphan"])
def test_replica_sets_of_deployments(api: Api, policy: str) -> None:
    api.create(DEPLOYMENTS, deployment("web", replicas=2))
    api.until(RSS, lambda found: len(found) == 1)
    api.delete(DEPLOYMENTS, "web", {"propagationPolicy": policy})
    if policy == "Background":
        api.until(RSS, lambda found: not found)
        return
    api.until(DEPLOYMENTS, lambda found: not found)
    (left,) = api.list(RSS)["items"]
    assert "ownerReferences" not in left["metadata"]


@pytest.mark.row(
    "sig-api-machinery: Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so"
)
def test_foreground_deletion(api: Api) -> None:
    held = next(iter(replicated(api)))
    api.patch(PODS, held, {"metadata": {"finalizers": ["example.com/hold"]}})
    api.delete(RCS, "frontend", {"propagationPolicy": "Foreground"})
    api.until(PODS, lambda found: list(found) == [held])
    waiting = api.get(RCS, "frontend")["metadata"]
    assert waiting["finalizers"] == ["foregroundDeletion"] and "deletionTimestamp" in waiting
    api.patch(PODS, held, {"metadata": {"finalizers": None}})
    api.until(RCS, lambda found: not found)


def owner(tree: Tree, kind: str, **more: bool) -> Tree:
    metadata = tree["metadata"]
    return {"apiVersion": "v1", "kind": kind, "name": metadata["name"], "uid": metadata["uid"], **more}


@pytest.mark.row("sig-api-machinery: Garbage collector should not be blocked by dependency circle")
def test_circles(api: Api) -> None:
    made = [api.create(PODS, pod(f"pod{number}")) for number in (1, 2, 3)]
    for number, each in enumerate(made):
        reference = owner(made[number - 1], "Pod", controller=True, blockOwnerDeletion=True)
        api.patch(PODS, each["metadata"]["name"], {"metadata": {"ownerReferences": [reference]}})
    api.delete(PODS, "pod1", {"propagationPolicy": "Foreground"})
    api.until(PODS, lambda found: not found)


@pytest.mark.row(
    "sig-api-machinery: Garbage collector should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted"
)
def test_two_owners(api: Api) -> None:
    made = replicated(api, "leaving", 4)
    staying = api.create(RCS, controller("staying", 0))
    shared = sorted(made)[:2]
    for name in shared:
        references = [*made[name]["metadata"]["ownerReferences"], owner(staying, "ReplicationController")]
        api.patch(PODS, name, {"metadata": {"ownerReferences": references}})
    api.delete(RCS, "leaving", {"propagationPolicy": "Foreground"})
    api.until(RCS, lambda found: "leaving" not in found)
    left = {each["metadata"]["name"]: each for each in api.list(PODS)["items"]}
    assert sorted(left) == shared
    for each in left.values():
        assert [reference["name"] for reference in each["metadata"]["ownerReferences"]] == ["staying"]


@pytest.mark.row(
    "sig-api-machinery: Namespaces should ensure that all services are removed when a namespace is deleted"
)
def test_services_go_with_their_namespace(api: Api) -> None:
    name = f"{api.namespace}-inner"
    inner = Api(api.site, name)
    for _ in range(2):
        api.create("v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        assert inner.names("v1/services") == []
        inner.create("v1/services", service("test-service", {"a": "b"}))
        api.delete("v1/namespaces", name)
        api.until("v1/namespaces", lambda found: name not in found)


# --- quotas


def quota(api: Api, name: str = "quota", **spec: object) -> None:
    tree: Tree = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec}
    api.create(QUOTAS, tree)
    hard = spec["hard"]
    api.until(QUOTAS, lambda found: found[name].get("status", {}).get("hard") == hard)


def used(api: Api, name: str = "quota", **wanted: str) -> None:
    """Wait until so much is used. `__` in a name stands for `/`, `_` for `.`."""
    plain = {key.replace("__", "/").replace("_", "."): value for key, value in wanted.items()}
    api.until(QUOTAS, lambda found: plain.items() <= found[name].get("status", {}).get("used", {}).items())


def exceeded(api: Api, resource: str, tree: Tree) -> None:
    with pytest.raises(ApiError, match="exceeded quota") as caught:
        api.create(resource, tree)
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")


@pytest.mark.row(
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated.",
    "sig-api-machinery: ResourceQuota should apply changes to a resourcequota status",
)
def test_quota_status(api: Api) -> None:
    quota(api, hard={"services": "10", "resourcequotas": "1"})
    used(api, services="0", resourcequotas="1")
    condition = {"hard": {"services": "10", "resourcequotas": "1", "pods": "5"}}
    patched = api.patch(QUOTAS, "quota", {"status": condition}, sub="status")
    assert patched["status"]["hard"]["pods"] == "5"
    # What does not follow from the spec does not stay.
    api.until(QUOTAS, lambda found: "pods" not in found["quota"]["status"]["hard"])


@pytest.mark.row("sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a pod.")
def test_quota_of_pods(api: Api) -> None:
    quota(api, hard={"pods": "2", "cpu": "1", "memory": "500Mi", "ephemeral-storage": "50Gi"})
    used(api, pods="0", cpu="0")

    def wanting(name: str, cpu: str) -> Tree:
        amounts = {"cpu": cpu, "memory": "252Mi", "ephemeral-storage": "30Gi"}
        return pod(name, None, container("main", "pause", resources={"requests": amounts, "limits": amounts}))

    api.create(PODS, wanting("one", "500m"))
    used(api, pods="1", cpu="500m", memory="252Mi")
    exceeded(api, PODS, wanting("two", "600m"))
    api.patch(PODS, "one", {"metadata": {"labels": {"a": "b"}}})
    used(api, pods="1", cpu="500m", memory="252Mi")
    api.delete(PODS, "one")
    used(api, pods="0", cpu="0", memory="0")


def _secret(name: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": "dmFsdWU="}}


@pytest.mark.row("sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a secret.")
@pytest.mark.row("sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a configMap.")
@pytest.mark.row(
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a replica set."
)
@pytest.mark.row(
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a replication controller."
)
def test_quotas_of_objects(api: Api) -> None:
    there = len(api.names("v1/configmaps"))
    hard = {
        "secrets": "1",
        "configmaps": str(there + 1),
        "count/replicasets.apps": "1",
        "replicationcontrollers": "1",
    }
    quota(api, hard=hard)
    for resource, counted, make in (
        ("v1/secrets", "secrets", _secret),
        ("v1/configmaps", "configmaps", config_map),
        (RSS, "count__replicasets_apps", lambda name: replica_set(name, 0)),
        (RCS, "replicationcontrollers", lambda name: controller(name, 0)),
    ):
        before = there if counted == "configmaps" else 0
        used(api, **{counted: str(before)})
        api.create(resource, make("one"))
        used(api, **{counted: str(before + 1)})
        exceeded(api, resource, make("two"))
        api.delete(resource, "one")
        used(api, **{counted: str(before)})


@pytest.mark.row("sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a service.")
def test_quota_of_services(api: Api) -> None:
    quota(api, hard={"services": "2", "services.nodeports": "1", "services.loadbalancers": "1"})
    api.create("v1/services", service("plain", {"a": "b"}))
    api.create("v1/services", service("ported", {"a": "b"}, type="NodePort"))
    used(api, services="2", services_nodeports="1", services_loadbalancers="0")
    exceeded(api, "v1/services", service("balanced", {"a": "b"}, type="LoadBalancer"))
    exceeded(api, "v1/services", service("third", {"a": "b"}))
    for name in ("plain", "ported"):
        api.delete("v1/services", name)
    used(api, services="0", services_nodeports="0")


@pytest.mark.row("sig-api-machinery: ResourceQuota should verify ResourceQuota with best effort scope.")
@pytest.mark.row("sig-api-machinery: ResourceQuota should verify ResourceQuota with terminating scopes.")
@pytest.mark.parametrize(("scope", "other"), [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")])
def test_scopes(api: Api, scope: str, other: str) -> None:
    quota(api, "in", hard={"pods": "5"}, scopes=[scope])
    quota(api, "out", hard={"pods": "5"}, scopes=[other])
    amounts = {"cpu": "500m", "memory": "200Mi"}
    resources = container("main", "pause", resources={"requests": amounts, "limits": amounts})
    inside = pod("best", None) if scope == "BestEffort" else pod("best", None, resources, activeDeadlineSeconds=3600)
    api.create(PODS, inside)
    used(api, "in", pods="1")
    used(api, "out", pods="0")
    api.delete(PODS, "best")
    used(api, "in", pods="0")
    api.create(PODS, pod("other", None, resources))
    used(api, "out", pods="1")
    used(api, "in", pods="0")
