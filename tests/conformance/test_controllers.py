"""Controllers that need no node: replication, budgets, endpoints, volumes; cron jobs on a virtual clock."""

from __future__ import annotations

import pytest

from navarch.testing import Cluster
from tests.conformance.api import Api
from tests.kubectl.objects import controller, pod, service
from tests.kubectl.site import Tree

RCS, PODS, BUDGETS = "v1/replicationcontrollers", "v1/pods", "policy/v1/poddisruptionbudgets"


@pytest.mark.row("sig-apps: ReplicationController should get and update a ReplicationController scale")
def test_scale(api: Api) -> None:
    api.create(RCS, controller(replicas=1))
    api.until(RCS, lambda found: found["frontend"]["status"].get("replicas") == 1)
    scale = api.get(RCS, "frontend", "scale")
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 1)
    scale["spec"]["replicas"] = 2
    assert api.update(RCS, scale, "scale")["spec"]["replicas"] == 2
    api.until(RCS, lambda found: found["frontend"]["status"].get("replicas") == 2)


@pytest.mark.row("sig-apps: ReplicationController should release no longer matching pods")
def test_release(api: Api) -> None:
    api.create(RCS, controller(replicas=1))
    found = api.until(PODS, lambda found: len(found) == 1)
    (name,) = found
    api.patch(PODS, name, {"metadata": {"labels": {"tier": "not-matching-name"}}})
    found = api.until(PODS, lambda found: "ownerReferences" not in found[name]["metadata"] and len(found) == 2)
    assert found[name]["metadata"]["labels"]["tier"] == "not-matching-name"


@pytest.mark.row(
    "sig-apps: ReplicationController should surface a failure condition on a common issue like exceeded quota"
)
def test_failure_condition(api: Api) -> None:
    quota: Tree = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "condition-test"}}
    api.create("v1/resourcequotas", quota | {"spec": {"hard": {"pods": "2"}}})
    api.until("v1/resourcequotas", lambda found: bool(found["condition-test"].get("status", {}).get("hard")))
    api.create(RCS, controller(replicas=3))

    def failing(found: dict[str, Tree]) -> bool:
        conditions = found["frontend"]["status"].get("conditions", [])
        return any(each["type"] == "ReplicaFailure" for each in conditions)

    api.until(RCS, failing)
    api.patch(RCS, "frontend", {"spec": {"replicas": 2}}, sub="scale")
    api.until(RCS, lambda found: not failing(found))


def budget(name: str, **spec: object) -> Tree:
    labels, selector = {"e2e": name}, {"matchLabels": {"foo": "bar"}}
    metadata = {"name": name, "labels": labels}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"selector": selector, **spec},
    }


@pytest.mark.row(
    "sig-apps: DisruptionController should create a PodDisruptionBudget",
    "sig-apps: DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets",
)
def test_budgets(api: Api) -> None:
    def observed(name: str) -> None:
        api.until(BUDGETS, lambda found: _observed(found[name]))

    made = api.create(BUDGETS, budget("defaultpdb", minAvailable=1))
    observed("defaultpdb")
    api.patch(BUDGETS, "defaultpdb", {"spec": {"minAvailable": "50%"}})
    observed("defaultpdb")
    assert api.get(BUDGETS, "defaultpdb")["spec"]["minAvailable"] == "50%"
    assert made["metadata"]["uid"] == api.get(BUDGETS, "defaultpdb")["metadata"]["uid"]
    for name in ("two", "three"):
        tree = budget(name, maxUnavailable=1)
        tree["metadata"]["labels"] = {"e2e": api.namespace}
        api.create(BUDGETS, tree)
        observed(name)
    selected = {"labelSelector": f"e2e={api.namespace}"}
    assert api.names(BUDGETS, "", **selected) == ["three", "two"]
    api.delete_collection(BUDGETS, **selected)
    assert api.names(BUDGETS) == ["defaultpdb"]


def _observed(tree: Tree) -> bool:
    seen: int = tree.get("status", {}).get("observedGeneration", 0)
    current: int = tree["metadata"]["generation"]
    return seen == current


@pytest.mark.row("sig-auth: ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace")
def test_root_certificates(api: Api) -> None:
    resource, name = "v1/configmaps", "kube-root-ca.crt"
    good = api.get(resource, name)["data"]
    api.delete(resource, name)
    api.until(resource, lambda found: name in found)
    api.patch(resource, name, {"data": {"ca.crt": ""}})
    api.until(resource, lambda found: found[name]["data"] == good)


SLICES, ENDPOINTS = "discovery.k8s.io/v1/endpointslices", "v1/endpoints"


@pytest.mark.row(
    "sig-network: EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods",
    "sig-network: EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods",
)
def test_endpoints_of_nothing(api: Api) -> None:
    api.create("v1/services", service("example", {"does-not-match-anything": "endpoints-should-still-be-created"}))
    chosen = {"labelSelector": "kubernetes.io/service-name=example"}
    found = api.until(SLICES, bool, **chosen)
    assert all(not each.get("endpoints") for each in found.values())
    made = api.until(ENDPOINTS, lambda found: "example" in found)
    assert not made["example"].get("subsets")
    api.delete("v1/services", "example")
    api.until(SLICES, lambda found: not found, **chosen)
    api.until(ENDPOINTS, lambda found: "example" not in found)


@pytest.mark.row(
    "sig-network: EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete"
)
def test_mirroring(api: Api) -> None:
    api.create("v1/services", service("custom"))
    chosen = {"labelSelector": "kubernetes.io/service-name=custom"}

    def mirrored(address: str) -> None:
        def holds(found: dict[str, Tree]) -> bool:
            return [e["addresses"] for each in found.values() for e in each.get("endpoints") or []] == [[address]]

        found = api.until(SLICES, holds, **chosen)
        assert all("endpointslicemirroring-controller" in str(each["metadata"]["labels"]) for each in found.values())

    tree: Tree = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "custom"}}
    subset = {"ports": [{"port": 80, "name": "example"}], "addresses": [{"ip": "10.1.2.3"}]}
    made = api.create(ENDPOINTS, tree | {"subsets": [subset]})
    mirrored("10.1.2.3")
    made["subsets"][0]["addresses"] = [{"ip": "10.2.3.4"}]
    api.update(ENDPOINTS, made)
    mirrored("10.2.3.4")
    api.delete(ENDPOINTS, "custom")
    api.until(SLICES, lambda found: not found, **chosen)


@pytest.mark.row("sig-storage: PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC")
def test_volumes_and_claims(api: Api) -> None:
    name = f"{api.namespace}-pv"
    capacity, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    labels = {"e2e": api.namespace}
    volume: Tree = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels}}
    csi = {"driver": "e2e.example.com", "volumeHandle": "e2e"}
    volume["spec"] = {"capacity": capacity, "accessModes": modes, "csi": csi, "storageClassName": name}
    api.create("v1/persistentvolumes", volume)
    claim: Tree = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim", "labels": labels}}
    claim["spec"] = {"accessModes": modes, "resources": {"requests": capacity}, "storageClassName": name}
    api.create("v1/persistentvolumeclaims", claim)
    api.until("v1/persistentvolumeclaims", lambda found: found["claim"]["status"].get("phase") == "Bound")
    assert api.get("v1/persistentvolumeclaims", "claim")["spec"]["volumeName"] == name
    chosen = {"labelSelector": f"e2e={api.namespace}"}
    assert api.names("v1/persistentvolumes", **chosen) == [name]
    assert api.names("v1/persistentvolumeclaims", "", **chosen) == ["claim"]
    for resource, one in (("v1/persistentvolumes", name), ("v1/persistentvolumeclaims", "claim")):
        api.patch(resource, one, {"metadata": {"labels": {"patched": "yes"}}})
        assert api.get(resource, one)["metadata"]["labels"]["patched"] == "yes"
    api.delete_collection("v1/persistentvolumeclaims", **chosen)
    api.until("v1/persistentvolumeclaims", lambda found: not found)
    api.until("v1/persistentvolumes", lambda found: found[name]["status"]["phase"] == "Released")
    api.delete("v1/persistentvolumes", name)
    api.until("v1/persistentvolumes", lambda found: name not in found)


# --- cron jobs


def cron_job(policy: str = "Allow", *, suspend: bool = False) -> Tree:
    """One that starts each minute a job that never ends."""
    inside = pod("x", None)["spec"] | {"restartPolicy": "OnFailure"}
    job = {"spec": {"parallelism": 1, "completions": 1, "template": {"spec": inside}}}
    spec = {"schedule": "*/1 * * * ?", "concurrencyPolicy": policy, "suspend": suspend, "jobTemplate": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}, "spec": spec}


def jobs(cluster: Cluster) -> list[str]:
    """Names of the jobs that have not ended."""
    return sorted(job.metadata.name for job in cluster.list("jobs") if not job.status.completionTime)


@pytest.mark.row("sig-apps: CronJob should schedule multiple jobs concurrently")
def test_concurrent_jobs(cluster: Cluster) -> None:
    cluster.apply(cron_job("Allow"))
    cluster.advance("3m")
    assert len(jobs(cluster)) >= 2
    assert len(cluster.get("cronjob", "cron").status.active) >= 2


@pytest.mark.row("sig-apps: CronJob should not schedule jobs when suspended")
def test_suspended(cluster: Cluster) -> None:
    cluster.apply(cron_job(suspend=True))
    cluster.advance("5m")
    assert jobs(cluster) == []


@pytest.mark.row("sig-apps: CronJob should not schedule new jobs when ForbidConcurrent")
def test_forbidden(cluster: Cluster) -> None:
    cluster.apply(cron_job("Forbid"))
    cluster.advance("90s")
    first = jobs(cluster)
    assert len(first) == 1
    cluster.advance("5m")
    assert jobs(cluster) == first


@pytest.mark.row("sig-apps: CronJob should replace jobs when ReplaceConcurrent")
def test_replaced(cluster: Cluster) -> None:
    cluster.apply(cron_job("Replace"))
    cluster.advance("90s")
    first = jobs(cluster)
    assert len(first) == 1
    cluster.advance("2m")
    assert len(jobs(cluster)) == 1 and jobs(cluster) != first
