"""What must hold when a cluster has come to rest with all faults healed and all nodes up.

`at_rest` compares three accounts of the world: what was declared, what the API shows, and what the nodes
run. It returns texts, none if all is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from navarch.node.runtime.contract import ContainerPhase
from navarch.testing.objects import Obj

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster

#: (namespace, name).
Key = tuple[str, str]


#: Users note here which image they want, beside their controllers' own notes: neither may lose the other's.
CAUSE = "kubernetes.io/change-cause"


@dataclass(slots=True)
class Declared:
    """The world as the user wants it: deployments with replicas and image, and names of the rest."""

    deployments: dict[Key, tuple[int, str]] = field(default_factory=dict)
    daemon_sets: set[Key] = field(default_factory=set)
    jobs: dict[Key, int] = field(default_factory=dict)
    services: set[Key] = field(default_factory=set)
    pods: set[Key] = field(default_factory=set)

    def forget_namespace(self, namespace: str) -> None:
        """It was deleted, and everything in it."""
        for kind in (self.deployments, self.jobs):
            for key in [k for k in kind if k[0] == namespace]:
                del kind[key]
        self.daemon_sets = {k for k in self.daemon_sets if k[0] != namespace}
        self.services = {k for k in self.services if k[0] != namespace}
        self.pods = {k for k in self.pods if k[0] != namespace}


def at_rest(c: Cluster, declared: Declared) -> list[str]:
    """Everything that is not as it should be."""
    return [*_workloads(c, declared), *_services(c, declared), *_orphans(c), *_runtimes(c), *_caches(c)]


def _workloads(c: Cluster, declared: Declared) -> Iterator[str]:
    found = {_key(d): d for d in c.list("deployments")}
    yield from _same("deployments", set(found), set(declared.deployments))
    for key, (replicas, image) in declared.deployments.items():
        deployed = found.get(key)
        if deployed is None:
            continue
        status = deployed.status
        counts = tuple(status.get(n, 0) for n in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))
        if counts != (replicas,) * 4:
            yield f"deployment {key}: {counts} replicas, updated, ready, available; {replicas} are declared"
        if status.observedGeneration != deployed.metadata.generation:
            yield f"deployment {key}: generation {deployed.metadata.generation} was not observed"
        if (noted := deployed.metadata.annotations[CAUSE]) != image:
            yield f"deployment {key}: {CAUSE} is {noted}, {image} was written"
        images = [p.spec.containers[0]["image"] for p in c.pods_of(deployed)]
        if images != [image] * replicas:
            yield f"deployment {key}: its pods run {images}; {replicas} of {image} are declared"
    alone = {_key(p) for p in c.list("pods") if not p.metadata.ownerReferences and p.status.phase == "Running"}
    yield from _same("pods of their own", alone, declared.pods)
    nodes = len(c.list("nodes"))
    daemons = {_key(d): d.status.get("numberReady", 0) for d in c.list("daemonsets")}
    yield from _same("daemon sets", set(daemons), declared.daemon_sets)
    yield from (f"daemon set {key}: {n} pods on {nodes} nodes" for key, n in daemons.items() if n != nodes)
    jobs = {_key(j): j for j in c.list("jobs")}
    yield from _same("jobs", set(jobs), set(declared.jobs))
    for key, found_job in jobs.items():
        succeeded = found_job.status.get("succeeded", 0)
        if found_job.condition("Complete").status != "True" or succeeded != declared.jobs.get(key, succeeded):
            yield f"job {key}: {found_job.status}"


def _services(c: Cluster, declared: Declared) -> Iterator[str]:
    """Each service's endpoints are exactly the ready pods it selects."""
    yield from _same("services", {_key(s) for s in c.list("services")} - {("default", "kubernetes")}, declared.services)
    for namespace, name in declared.services:
        pods = c.list("pods", namespace, labels=f"app={name}")
        ready = sorted(p.status.podIP for p in pods if p.condition("Ready").status == "True")
        slices = c.list("endpointslices", namespace, labels=f"kubernetes.io/service-name={name}")
        shown = [a for s in slices for e in s.endpoints or () if e["conditions"].get("ready") for a in e["addresses"]]
        if sorted(shown) != ready:
            yield f"service {namespace}/{name}: endpoints {sorted(shown)}, ready pods {ready}"


def _orphans(c: Cluster) -> Iterator[str]:
    """Nothing outlives its owner, its namespace or its node; nothing is still being deleted."""
    objects = [(r, o) for r in _stored(c) for o in c.list(r)]
    uids = {o.metadata.uid for _, o in objects}
    namespaces = {o.name for r, o in objects if r == "namespaces"}
    for bucket, obj in objects:
        metadata = obj.metadata
        where = f"{bucket}/{metadata.namespace or ''}/{obj.name}"
        for owner in metadata.ownerReferences or ():
            if owner["uid"] not in uids:
                yield f"{where}: its owner {owner['kind']} {owner['name']} is gone"
        if metadata.namespace and metadata.namespace not in namespaces:
            yield f"{where}: its namespace is gone"
        if metadata.deletionTimestamp:
            yield f"{where}: is still being deleted, finalizers {metadata.finalizers}"
        if bucket == "pods" and obj.spec.nodeName and obj.spec.nodeName not in c.nodes:
            yield f"{where}: is on a node that does not exist"


def _stored(c: Cluster) -> list[str]:
    """Resources whose objects have owners or namespaces worth checking."""
    names = ["namespaces", "pods", "replicasets.apps", "deployments.apps", "daemonsets.apps", "jobs.batch"]
    return [*names, "services", "endpointslices.discovery.k8s.io", "endpoints", "controllerrevisions.apps"]


def _runtimes(c: Cluster) -> Iterator[str]:
    """The nodes run the containers of the pods that the API shows on them, and no others."""
    pods = c.list("pods")
    for name, node in c.nodes.items():
        held = c.run(node.runtime.list_containers())
        running = sorted(s.pod_uid for s in held if s.phase is ContainerPhase.RUNNING)
        wanted = sorted(p.metadata.uid for p in pods if p.spec.nodeName == name and p.status.phase == "Running")
        if running != wanted:
            lost, extra = set(wanted) - set(running), set(running) - set(wanted)
            yield f"node {name}: does not run pods {sorted(lost)}, runs {sorted(extra)} that nobody wants"


def _caches(c: Cluster) -> Iterator[str]:
    """Who applied the events of a watch holds exactly what a list shows."""
    buckets = {served.resource: served.bucket for served in c.server.resources}
    for name, informer in c.informers():
        views = [view.metadata for view in informer.cache.values()]
        shown = {(m.namespace, m.name): int(m.resourceVersion) for m in views}
        listed = {_split(e.key): e.revision for e in c.store.index.range(buckets[informer.resource] + "/")}
        wrong = sorted(str(k) for k in shown.keys() | listed.keys() if shown.get(k) != listed.get(k))
        if wrong:
            yield f"{name}: its cache of {informer.resource.plural} differs from the list in {', '.join(wrong[:5])}"


def _split(key: str) -> Key:
    _, _, rest = key.partition("/")
    namespace, _, name = rest.rpartition("/")
    return namespace, name


def _same(what: str, found: set[Key], declared: set[Key]) -> Iterator[str]:
    if found != declared:
        yield f"{what}: {sorted(found - declared)} are there undeclared, {sorted(declared - found)} are missing"


def _key(obj: Obj) -> Key:
    return obj.metadata.namespace or "", obj.name
