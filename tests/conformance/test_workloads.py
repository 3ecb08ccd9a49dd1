"""What rows about workloads ask of the API and of controllers, on a simulated cluster: its pods are only pretended.

Each workload is scaled, its status is read and written on its own, and a collection of it goes at once, with its pods.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.testing import Cluster, Script
from navarch.testing.builders import job, namespace, pod
from navarch.testing.objects import Obj
from tests.kubectl.site import Tree

LABELS = {"app": "web"}
CONDITION = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}


def asked(cluster: Cluster, method: str, path: str, body: Any = None, media: str = "application/json") -> Tree:
    """Any request, by its path. Raises: StatusError."""
    raw = json.dumps(body).encode() if body is not None else b""
    answer: Tree = json.loads(
        cluster.run(cluster.client.request(method, path, body=raw, headers={"content-type": media}))
    )
    return answer


def patched(cluster: Cluster, path: str, body: Tree) -> Tree:
    return asked(cluster, "PATCH", path, body, "application/merge-patch+json")


def workload(version: str, kind: str, name: str = "web", **spec: Any) -> Tree:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}}
    selector: Any = LABELS if kind == "ReplicationController" else {"matchLabels": LABELS}
    metadata = {"name": name, "labels": LABELS}
    whole = {"selector": selector, "template": template, **spec}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": whole}


@dataclass(frozen=True)
class Kind:
    """`spec` beside selector and template."""

    version: str
    kind: str
    plural: str
    spec: Tree

    @property
    def path(self) -> str:
        root = "/apis/" if "/" in self.version else "/api/"
        return f"{root}{self.version}/namespaces/default/{self.plural}"

    def tree(self, name: str = "web") -> Tree:
        return workload(self.version, self.kind, name, **self.spec)


DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments", {"replicas": 1})
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets", {"replicas": 1})
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets", {"replicas": 1, "serviceName": "test"})
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets", {})
STATEFUL = "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic]"


@pytest.mark.parametrize("kind", [DEPLOYMENT, REPLICA_SET, STATEFUL_SET], ids=lambda kind: kind.plural)
@pytest.mark.row(
    "sig-apps: Deployment Deployment should have a working scale subresource",
    "sig-apps: ReplicaSet Replicaset should have a working scale subresource",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource",
)
def test_scale(cluster: Cluster, kind: Kind) -> None:
    cluster.apply(kind.tree())
    cluster.settle()
    scale = asked(cluster, "GET", f"{kind.path}/web/scale")
    assert (scale["spec"]["replicas"], scale["status"]) == (1, {"replicas": 1, "selector": "app=web"})
    scale["spec"]["replicas"] = 2
    assert asked(cluster, "PUT", f"{kind.path}/web/scale", scale)["spec"]["replicas"] == 2
    cluster.settle()
    found = asked(cluster, "GET", f"{kind.path}/web")
    assert found["spec"]["replicas"] == found["status"]["readyReplicas"] == 2
    with pytest.raises(StatusError, match="the object has been modified"):
        asked(cluster, "PUT", f"{kind.path}/web/scale", scale)
    assert patched(cluster, f"{kind.path}/web/scale", {"spec": {"replicas": 4}})["spec"]["replicas"] == 4
    cluster.settle()
    assert len(cluster.pods_of(cluster.get(kind.plural, "web"))) == 4


@pytest.mark.parametrize("kind", [DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET], ids=lambda kind: kind.plural)
@pytest.mark.row(
    "sig-apps: Daemon set should verify changes to a daemon set status",
    "sig-apps: Deployment should validate Deployment Status endpoints",
    "sig-apps: ReplicaSet should validate Replicaset Status endpoints",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints",
)
def test_status(cluster: Cluster, kind: Kind) -> None:
    cluster.apply(kind.tree())
    cluster.settle()
    whole = asked(cluster, "GET", f"{kind.path}/web/status")
    conditions = whole["status"].get("conditions", [])
    whole["status"]["conditions"] = [*conditions, CONDITION]
    whole["spec"]["minReadySeconds"] = 5
    updated = asked(cluster, "PUT", f"{kind.path}/web/status", whole)
    assert "StatusUpdate" in [each["type"] for each in updated["status"]["conditions"]]
    assert not updated["spec"].get("minReadySeconds"), "who writes the status writes nothing else"
    assert updated["metadata"]["generation"] == whole["metadata"]["generation"]
    other = CONDITION | {"type": "StatusPatched"}
    body = {"metadata": {"annotations": {"patched": "yes"}}, "status": {"conditions": [*conditions, other]}}
    again = patched(cluster, f"{kind.path}/web/status", body)
    assert [each["type"] for each in again["status"]["conditions"]][-1] == "StatusPatched"
    assert again["metadata"]["annotations"]["patched"] == "yes"
    plain = asked(cluster, "GET", f"{kind.path}/web")
    plain["status"] = {"replicas": 77}
    assert asked(cluster, "PUT", f"{kind.path}/web", plain)["status"].get("replicas") != 77


@pytest.mark.parametrize("kind", [REPLICA_SET, STATEFUL_SET, DAEMON_SET], ids=lambda kind: kind.plural)
@pytest.mark.row(
    "sig-apps: Daemon set should list and delete a collection of DaemonSets",
    "sig-apps: ReplicaSet should list and delete a collection of ReplicaSets",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets",
)
def test_collections(cluster: Cluster, kind: Kind) -> None:
    cluster.apply(kind.tree())
    cluster.settle()
    assert [each.metadata.name for each in cluster.list(kind.plural, labels="app=web")] == ["web"]
    spec = {"template": {"metadata": {"labels": {"patched": "true"}}}}
    changed = patched(cluster, f"{kind.path}/web", {"metadata": {"labels": {"test": "patched"}}, "spec": spec})
    assert changed["metadata"]["labels"]["test"] == "patched"
    assert changed["metadata"]["generation"] == 2
    cluster.settle()
    asked(cluster, "DELETE", f"{kind.path}?labelSelector=test%3Dother")
    assert cluster.list(kind.plural), "what is not selected stays"
    asked(cluster, "DELETE", f"{kind.path}?labelSelector=test%3Dpatched")
    cluster.settle()
    assert cluster.list(kind.plural) == []
    assert cluster.list("pods", labels="app=web") == []


def images(pods: Any) -> set[str]:
    return {each.spec.containers[0].image for each in pods}


@pytest.mark.row("sig-apps: Deployment should run the lifecycle of a Deployment")
def test_life_of_a_deployment(cluster: Cluster) -> None:
    cluster.apply(DEPLOYMENT.tree())
    cluster.settle()
    path = f"{DEPLOYMENT.path}/web"
    container = {"name": "main", "image": "nginx:2"}
    body = {"metadata": {"labels": {"test": "patched"}}, "spec": {"replicas": 2, "template": {"spec": {}}}}
    body["spec"]["template"]["spec"] = {"containers": [container], "terminationGracePeriodSeconds": 0}
    patched(cluster, path, body)
    cluster.settle()
    found = cluster.get("deployment", "web")
    assert (found.status.readyReplicas, found.status.observedGeneration) == (2, found.metadata.generation)
    assert images(cluster.pods_of(found)) == {"nginx:2"}
    wrong = patched(cluster, f"{path}/status", {"status": {"readyReplicas": 0, "availableReplicas": 0}})
    assert not wrong["status"].get("readyReplicas")
    cluster.settle()
    assert cluster.get("deployment", "web").status.readyReplicas == 2, "the controller knows better"
    assert [each.metadata.name for each in cluster.list("deployments", labels="test=patched")] == ["web"]
    asked(cluster, "DELETE", f"{DEPLOYMENT.path}?labelSelector=test%3Dpatched")
    cluster.settle()
    assert cluster.list("deployments") == cluster.list("replicasets") == []


@pytest.mark.row("sig-apps: Deployment RecreateDeployment should delete old pods and create new ones")
def test_recreation(cluster: Cluster) -> None:
    cluster.apply(workload("apps/v1", "Deployment", replicas=2, strategy={"type": "Recreate"}))
    cluster.settle()
    together: list[set[str]] = []
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    patched(cluster, f"{DEPLOYMENT.path}/web", change)

    def done() -> bool:
        pods = cluster.list("pods", labels="app=web")
        together.append(images(pods))
        return len(pods) == 2 and images(pods) == {"nginx:2"}

    cluster.wait_for(done)
    assert {"nginx:1", "nginx:2"} not in together, "new pods come when the old ones are gone"


@pytest.mark.row(
    "sig-apps: Deployment deployment should delete old replica sets",
    "sig-apps: Deployment RollingUpdateDeployment should delete old pods and create new ones",
)
def test_old_replica_sets_go(cluster: Cluster) -> None:
    """A replica set that was there is taken over, and with no history kept it goes once it is empty."""
    older = workload("apps/v1", "ReplicaSet", "older", replicas=1)
    older["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3546343826724305832"}
    cluster.apply(older)
    cluster.settle()
    (old,) = cluster.list("pods", labels="app=web")
    newer = workload("apps/v1", "Deployment", replicas=1, revisionHistoryLimit=0)
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
    cluster.apply(newer)
    cluster.settle()
    (kept,) = cluster.list("replicasets")
    assert kept.metadata.name != "older"
    assert kept.metadata.annotations["deployment.kubernetes.io/revision"] == "3546343826724305833"
    assert images(cluster.list("pods", labels="app=web")) == {"nginx:2"}
    assert cluster.find("pods", old.metadata.name) is None


@pytest.mark.row("sig-apps: Deployment deployment should support rollover")
def test_rollover(cluster: Cluster) -> None:
    """An update during an update leaves the one in between behind."""
    cluster.apply(DEPLOYMENT.tree())
    cluster.settle()
    cluster.scripts.image("nginx:broken", Script(pull_error="no such image"))
    for image in ("nginx:broken", "nginx:3"):
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
        patched(cluster, f"{DEPLOYMENT.path}/web", change)
        cluster.advance("5s")
    cluster.settle()
    sets = {each.spec.template.spec.containers[0].image: each.spec.replicas for each in cluster.list("replicasets")}
    assert sets == {"nginx:1": 0, "nginx:broken": 0, "nginx:3": 1}


@pytest.mark.row("sig-apps: Deployment deployment should support proportional scaling")
def test_proportional_scaling(cluster: Cluster) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    cluster.apply(workload("apps/v1", "Deployment", replicas=10, strategy=strategy))
    cluster.settle()
    cluster.scripts.image("nginx:404", Script(pull_error="no such image"))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:404"}]}}}}
    patched(cluster, f"{DEPLOYMENT.path}/web", change)

    def replicas() -> dict[str, int]:
        sets = cluster.list("replicasets")
        return {each.spec.template.spec.containers[0].image: each.spec.replicas for each in sets}

    cluster.wait_for(lambda: replicas() == {"nginx:1": 8, "nginx:404": 5})
    cluster.scale("deployments", "web", 30)
    cluster.wait_for(lambda: replicas() == {"nginx:1": 20, "nginx:404": 13})


@pytest.mark.parametrize(
    "kind",
    [REPLICA_SET, Kind("v1", "ReplicationController", "replicationcontrollers", {"replicas": 1})],
    ids=lambda kind: kind.plural,
)
@pytest.mark.row(
    "sig-apps: ReplicaSet should adopt matching pods on creation and release no longer matching pods",
    "sig-apps: ReplicationController should adopt matching pods on creation",
)
def test_adoption(cluster: Cluster, kind: Kind) -> None:
    orphan = pod("orphan")
    orphan["metadata"]["labels"] = dict(LABELS)
    cluster.apply(orphan)
    cluster.apply(kind.tree())
    cluster.settle()
    assert [each.metadata.name for each in cluster.list("pods", labels="app=web")] == ["orphan"]
    (owner,) = cluster.get("pods", "orphan").metadata.ownerReferences
    assert (owner["kind"], owner["controller"]) == (kind.kind, True)
    cluster.patch("pods", "orphan", {"metadata": {"labels": {"app": "other"}}})
    cluster.settle()
    assert not cluster.get("pods", "orphan").metadata.ownerReferences
    assert len(cluster.list("pods", labels="app=web")) == 1, "another one came"


@pytest.mark.row("sig-apps: ReplicaSet Replace and Patch tests")
def test_replacing_and_patching_replica_sets(cluster: Cluster) -> None:
    cluster.apply(REPLICA_SET.tree())
    cluster.settle()
    patched(cluster, f"{REPLICA_SET.path}/web/scale", {"spec": {"replicas": 3}})
    cluster.settle()
    whole = asked(cluster, "GET", f"{REPLICA_SET.path}/web")
    whole["metadata"]["labels"]["test"] = "replaced"
    asked(cluster, "PUT", f"{REPLICA_SET.path}/web", whole)
    container = {"name": "main", "image": "nginx:2"}
    spec = {"replicas": 4, "template": {"spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}}
    patched(cluster, f"{REPLICA_SET.path}/web", {"spec": spec})
    cluster.settle()
    found = cluster.get("replicasets", "web")
    assert found.status.readyReplicas == 4 and found.metadata.labels["test"] == "replaced"
    assert images(cluster.pods_of(found)) == {"nginx:1", "nginx:2"}, "pods that run are left alone"


@pytest.mark.row("sig-apps: ReplicationController should test the lifecycle of a ReplicationController")
def test_life_of_a_replication_controller(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/default/replicationcontrollers"
    cluster.apply(workload("v1", "ReplicationController", replicas=1))
    cluster.settle()
    patched(cluster, f"{path}/web", {"metadata": {"labels": {"test": "patched"}}})
    status = patched(cluster, f"{path}/web/status", {"status": {"readyReplicas": 0, "availableReplicas": 0}})
    assert status["status"].get("readyReplicas", 0) == 0
    cluster.settle()
    assert asked(cluster, "GET", f"{path}/web/status")["status"]["readyReplicas"] == 1
    patched(cluster, f"{path}/web/scale", {"spec": {"replicas": 2}})
    cluster.settle()
    assert len(asked(cluster, "GET", "/api/v1/replicationcontrollers?labelSelector=test%3Dpatched")["items"]) == 1
    whole = asked(cluster, "GET", f"{path}/web")
    whole["metadata"]["annotations"] = {"updated": "yes"}
    assert asked(cluster, "PUT", f"{path}/web", whole)["status"]["replicas"] == 2
    asked(cluster, "DELETE", f"{path}?labelSelector=test%3Dpatched")
    cluster.settle()
    assert cluster.list("replicationcontrollers") == cluster.list("pods", labels="app=web") == []


@pytest.mark.row("sig-apps: ControllerRevision should manage the lifecycle of a ControllerRevision")
def test_controller_revisions(cluster: Cluster) -> None:
    cluster.apply(DAEMON_SET.tree())
    cluster.settle()
    path = "/apis/apps/v1/namespaces/default/controllerrevisions"
    (first,) = asked(cluster, "GET", "/apis/apps/v1/controllerrevisions?labelSelector=app%3Dweb")["items"]
    patched(cluster, f"{path}/{first['metadata']['name']}", {"metadata": {"labels": {"first": "patched"}}})
    second = {k: v for k, v in first.items() if k != "metadata"} | {"metadata": {"name": "second", "labels": LABELS}}
    made = asked(cluster, "POST", path, second | {"revision": first["revision"] + 1})
    with pytest.raises(StatusError, match="field is immutable"):
        patched(cluster, f"{path}/second", {"data": {"spec": {"replicas": 7}}})
    made["metadata"]["labels"] |= {"second": "updated"}
    asked(cluster, "PUT", f"{path}/second", made)
    asked(cluster, "DELETE", f"{path}?labelSelector=second%3Dupdated")
    left = [each["metadata"]["name"] for each in asked(cluster, "GET", path)["items"]]
    assert left == [first["metadata"]["name"]]


def budget(**spec: Any) -> Tree:
    whole = {"selector": {"matchLabels": LABELS}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": whole}


BUDGET = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/web"


@pytest.mark.row(
    "sig-apps: DisruptionController should observe PodDisruptionBudget status updated",
    "sig-apps: DisruptionController should update/patch PodDisruptionBudget status",
)
def test_status_of_budgets(cluster: Cluster) -> None:
    cluster.apply(budget(minAvailable=1))
    cluster.apply(REPLICA_SET.tree() | {"spec": REPLICA_SET.tree()["spec"] | {"replicas": 3}})
    cluster.settle()
    status = cluster.get("poddisruptionbudgets", "web").status
    assert (status.currentHealthy, status.desiredHealthy, status.disruptionsAllowed, status.expectedPods) == (
        3,
        1,
        2,
        3,
    )
    disrupted = {"web-gone": "2026-01-02T03:04:05Z"}
    whole = asked(cluster, "GET", f"{BUDGET}/status")
    whole["status"]["disruptedPods"] = disrupted
    assert asked(cluster, "PUT", f"{BUDGET}/status", whole)["status"]["disruptedPods"] == disrupted
    again = patched(cluster, f"{BUDGET}/status", {"status": {"disruptedPods": None}})
    assert "disruptedPods" not in again["status"]


@pytest.mark.row("sig-apps: DisruptionController should block an eviction until the PDB is updated to allow it")
def test_evictions_wait_for_the_budget(cluster: Cluster) -> None:
    cluster.apply(REPLICA_SET.tree() | {"spec": REPLICA_SET.tree()["spec"] | {"replicas": 3}})
    cluster.apply(budget(minAvailable=3))
    cluster.settle()
    name = cluster.list("pods", labels="app=web")[0].metadata.name
    path = f"/api/v1/namespaces/default/pods/{name}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    with pytest.raises(StatusError) as error:
        asked(cluster, "POST", path, eviction)
    assert error.value.code == 429 and error.value.details is not None
    assert [cause.reason for cause in error.value.details.causes] == ["DisruptionBudget"]
    patched(cluster, BUDGET, {"spec": {"minAvailable": 2}})
    cluster.settle()
    asked(cluster, "POST", path, eviction)
    with pytest.raises(StatusError) as error:
        asked(cluster, "POST", path.replace(name, cluster.list("pods", labels="app=web")[1].metadata.name), eviction)
    cluster.settle()
    assert name not in [each.metadata.name for each in cluster.list("pods", labels="app=web")]


JOBS = "/apis/batch/v1/namespaces/default/jobs"


@pytest.mark.row("sig-apps: Job should apply changes to a job status")
def test_status_of_jobs(cluster: Cluster) -> None:
    cluster.scripts.image("sleeper", Script())
    cluster.apply(job("work", "sleeper", parallelism=1, completions=2))
    cluster.advance("5s")
    started = asked(cluster, "GET", f"{JOBS}/work/status")
    # What a controller of the user's own would write, but not when it was started.
    condition = CONDITION | {"type": "CustomConditionType", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    again = patched(cluster, f"{JOBS}/work/status", {"status": {"conditions": [condition]}})
    assert [each["type"] for each in again["status"]["conditions"]] == ["CustomConditionType"]
    again["status"]["startTime"] = "2020-01-02T03:04:05Z"
    with pytest.raises(StatusError, match="startTime"):
        asked(cluster, "PUT", f"{JOBS}/work/status", again)
    assert asked(cluster, "GET", f"{JOBS}/work")["status"]["startTime"] == started["status"]["startTime"]
    tree = job("idle", "sleeper", parallelism=1, completions=2)
    tree["spec"]["suspend"] = True
    cluster.apply(tree)
    cluster.settle()
    first = patched(cluster, f"{JOBS}/idle/status", {"status": {"startTime": "2026-01-02T03:04:05Z"}})
    first["status"]["startTime"] = "2026-01-03T03:04:05Z"
    again = asked(cluster, "PUT", f"{JOBS}/idle/status", first)
    assert again["status"]["startTime"] == "2026-01-03T03:04:05Z", "what waits may start at any time"


@pytest.mark.row("sig-apps: Job should delete a job", "sig-apps: Job should manage the lifecycle of a job")
def test_life_of_a_job(cluster: Cluster) -> None:
    cluster.scripts.image("sleeper", Script())
    tree = job("work", "sleeper", parallelism=2, completions=2)
    tree["metadata"]["labels"] = {"e2e": "job"}
    tree["spec"] |= {"suspend": True}
    cluster.apply(tree)
    cluster.settle()
    assert cluster.list("pods") == []
    patched(cluster, f"{JOBS}/work", {"spec": {"suspend": False}, "metadata": {"labels": {"test": "patched"}}})
    cluster.advance("5s")
    assert len(cluster.list("pods", labels="batch.kubernetes.io/job-name=work")) == 2
    assert len(asked(cluster, "GET", "/apis/batch/v1/jobs?labelSelector=e2e%3Djob")["items"]) == 1
    asked(cluster, "DELETE", f"{JOBS}?labelSelector=test%3Dpatched&propagationPolicy=Foreground")
    cluster.settle()
    assert cluster.list("jobs") == cluster.list("pods") == []


@pytest.mark.row("sig-apps: Job should adopt matching orphans and release non-matching pods")
def test_pods_of_jobs_come_and_go(cluster: Cluster) -> None:
    cluster.scripts.image("sleeper", Script())
    cluster.apply(job("work", "sleeper", parallelism=1, completions=1))
    cluster.advance("5s")
    (one,) = cluster.list("pods")
    name, labels = one.metadata.name, dict(one.metadata.labels)
    cluster.patch("pods", name, {"metadata": {"ownerReferences": None}})
    cluster.advance("5s")
    (owner,) = cluster.get("pods", name).metadata.ownerReferences
    assert (owner["kind"], owner["name"]) == ("Job", "work")
    cluster.patch("pods", name, {"metadata": {"labels": dict.fromkeys(labels)}})
    cluster.advance("5s")
    assert not cluster.get("pods", name).metadata.ownerReferences


PODS = "/api/v1/namespaces/default/pods"


def labelled(name: str, **spec: Any) -> Tree:
    tree = pod(name, **spec)
    tree["metadata"]["labels"] = dict(LABELS)
    return tree


@pytest.mark.row("sig-node: Pods should delete a collection of pods")
def test_a_collection_of_pods(cluster: Cluster) -> None:
    for number in range(3):
        cluster.apply(labelled(f"test-pod-{number}"))
    cluster.settle()
    answer = asked(cluster, "DELETE", f"{PODS}?labelSelector=app%3Dweb")
    assert answer["kind"] == "PodList" and len(answer["items"]) == 3
    cluster.settle()
    assert cluster.list("pods", labels="app=web") == []


@pytest.mark.row(
    "sig-node: Pods should patch a pod status", "sig-node: Pods should run through the lifecycle of Pods and PodStatus"
)
def test_life_of_a_pod(cluster: Cluster) -> None:
    cluster.apply(labelled("one"))
    cluster.settle()
    assert cluster.get("pods", "one").status.phase == "Running"
    image = {
        "metadata": {"labels": {"test": "patched"}},
        "spec": {"containers": [{"name": "main", "image": "nginx:2"}]},
    }
    asked(cluster, "PATCH", f"{PODS}/one", image, "application/strategic-merge-patch+json")
    whole = asked(cluster, "GET", f"{PODS}/one/status")
    message = {"status": {"message": "Patched by e2e test", "reason": "E2E"}}
    done = asked(cluster, "PATCH", f"{PODS}/one/status", message, "application/strategic-merge-patch+json")
    assert (done["status"]["reason"], done["status"]["phase"]) == ("E2E", whole["status"]["phase"])
    gate = CONDITION | {"type": "example.com/gate"}
    conditions = {"status": {"conditions": [gate]}}
    done = asked(cluster, "PATCH", f"{PODS}/one/status", conditions, "application/strategic-merge-patch+json")
    assert {"Ready", "example.com/gate"} <= {each["type"] for each in done["status"]["conditions"]}
    cluster.settle()
    found = cluster.get("pods", "one")
    assert found.status.containerStatuses[0].image.endswith("nginx:2")
    assert asked(cluster, "DELETE", f"{PODS}?labelSelector=test%3Dpatched")["items"]
    cluster.settle()
    assert cluster.find("pods", "one") is None


@pytest.mark.row(
    "sig-node: Pods Extended (pod generation) Pod Generation pod generation should start at 1 and increment per update",
    "sig-node: Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete",
)
def test_generations_of_pods(cluster: Cluster) -> None:
    tree = labelled("one")
    tree["metadata"]["generation"] = 100
    cluster.apply(tree)
    cluster.settle()
    assert (cluster.get("pods", "one").metadata.generation, cluster.get("pods", "one").status.observedGeneration) == (
        1,
        1,
    )
    cluster.patch("pods", "one", {"metadata": {"labels": {"a": "b"}}})
    assert cluster.get("pods", "one").metadata.generation == 1
    tolerations = [*cluster.get("pods", "one").spec.tolerations, {"key": "x", "operator": "Exists"}]
    for number, change in enumerate(({"activeDeadlineSeconds": 5000}, {"tolerations": tolerations}), 2):
        assert cluster.patch("pods", "one", {"spec": change}).metadata.generation == number
        cluster.settle()
        assert cluster.get("pods", "one").status.observedGeneration == number
    patched(cluster, f"{PODS}/one", {"metadata": {"finalizers": ["example.com/hold"]}})
    asked(cluster, "DELETE", f"{PODS}/one")
    assert cluster.get("pods", "one").metadata.generation == 4, "so is the wish that it goes"
    cluster.patch("pods", "one", {"metadata": {"finalizers": None}})
    cluster.settle()
    assert cluster.find("pods", "one") is None


@pytest.mark.row(
    "sig-api-machinery: Namespaces should ensure that all pods are removed when a namespace is deleted",
    "sig-api-machinery: OrderedNamespaceDeletion namespace deletion should delete pod first",
)
def test_pods_go_first(cluster: Cluster) -> None:
    cluster.apply(namespace("shop"))
    cluster.settle()
    held = labelled("one")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.apply(held, "shop")
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}, "shop")
    cluster.settle()
    cluster.delete("namespaces", "shop")
    cluster.advance("2m")
    found = cluster.get("namespaces", "shop")
    assert found.status.phase == "Terminating" and found.condition("NamespaceContentRemaining").status == "True"
    assert cluster.get("pods", "one", "shop").metadata.deletionTimestamp
    assert cluster.find("configmaps", "kept", "shop") is not None, "all else waits for the pods"
    cluster.patch("pods", "one", {"metadata": {"finalizers": None}}, "shop")
    cluster.settle()
    assert cluster.find("namespaces", "shop") is None and cluster.list("pods", "shop") == []


def node_of(cluster: Cluster, name: str) -> str:
    found: Obj = cluster.get("pods", name)
    return str(found.spec.nodeName or "")


@pytest.mark.row(
    "sig-scheduling: SchedulerPredicates validates that NodeSelector is respected if matching",
    "sig-scheduling: SchedulerPredicates validates that NodeSelector is respected if not matching",
)
def test_node_selectors(cluster: Cluster) -> None:
    cluster.apply(labelled("nowhere", nodeSelector={"label": "nonempty"}))
    cluster.settle()
    assert node_of(cluster, "nowhere") == ""
    (event,) = [each for each in cluster.events(cluster.get("pods", "nowhere")) if each.reason == "FailedScheduling"]
    assert "node(s) didn't match Pod's node affinity/selector" in event.message
    cluster.patch("nodes", "node-2", {"metadata": {"labels": {"label": "nonempty"}}})
    cluster.settle()
    assert node_of(cluster, "nowhere") == "node-2"


@pytest.mark.row(
    "sig-scheduling: SchedulerPredicates validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP"
)
def test_host_ports(cluster: Cluster) -> None:
    def wanting(name: str, address: str) -> Tree:
        tree = labelled(name, nodeSelector={"kubernetes.io/hostname": "node-1"})
        port = {"containerPort": 8080, "hostPort": 54322, "protocol": "TCP", "hostIP": address}
        tree["spec"]["containers"][0]["ports"] = [port]
        return tree

    cluster.apply(wanting("any", "0.0.0.0"))
    cluster.settle()
    cluster.apply(wanting("one", "127.0.0.1"))
    cluster.settle()
    assert (node_of(cluster, "any"), node_of(cluster, "one")) == ("node-1", "")


@pytest.mark.row("sig-scheduling: SchedulerPredicates validates resource limits of pods that are allowed to run")
def test_full_nodes(cluster: Cluster) -> None:
    cpus = {each.metadata.name: int(each.status.allocatable["cpu"]) for each in cluster.list("nodes")}
    for name, cpu in cpus.items():
        cluster.apply(labelled(f"filler-{name}", requests={"cpu": str(cpu)}, nodeName=name))
    cluster.settle()
    cluster.apply(labelled("additional", requests={"cpu": "1"}))
    cluster.settle()
    assert node_of(cluster, "additional") == ""
    events = cluster.events(cluster.get("pods", "additional"))
    assert any("3 Insufficient cpu" in each.message for each in events)
    cluster.delete("pods", "filler-node-3")
    cluster.settle()
    assert node_of(cluster, "additional") == "node-3"
