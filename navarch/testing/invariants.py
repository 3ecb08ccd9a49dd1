"""What must hold in every history of a cluster, checked at each change in the store.

`Invariants(cluster)` follows the store and notes each violation with the moment it happened. What each
check promises, and what excuses it:

- revisions: they only grow, by global order of delivery, and a document carries the one it was written at.
- watches: an independent watcher of each resource, and of the pods of each node, holds what the list shows.
- surge: a new pod never brings a Deployment's live pods (not being deleted, not finished) above replicas +
  maxSurge. The largest bound of the last `WINDOW_S` counts: news of a smaller one may be on their way.
- availability: deleting a ready pod of a Deployment never leaves fewer ready ones than replicas -
  maxUnavailable. The smallest bound of the last `WINDOW_S` counts. Excused are evictions, deletions of the
  Deployment or its namespace, and the time after faults that make pods unready (`excuse`).
- binding: a pod's node, once set, never changes, and has room for the pod's requests at that moment.
- addresses: no two running pods have the same one.
- owners: whoever writes says its name: managedFields names known managers only, and at least one.

`at_rest` (in `rest.py`) says what must hold once nothing more happens.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from navarch.base import quantity
from navarch.schema.types import Tree
from navarch.store.contract import Event
from navarch.testing.calls import MANAGER
from navarch.testing.watchers import Watchers

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster

#: How old the news may be that a component acts on: delays, a restart, a back-off.
WINDOW_S = 30.0

_FINISHED = ("Succeeded", "Failed")

#: Buckets whose objects may have nothing but a name, and so no field that could be owned.
_UNOWNED = ("namespaces", "serviceaccounts")


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never happen. `revision` is that of the change that made it so."""

    check: str
    text: str
    at_s: float
    revision: int

    def __str__(self) -> str:
        return f"{self.check}: {self.text} (at {self.at_s:.1f} s, revision {self.revision})"


@dataclass(frozen=True, slots=True)
class _Pod:
    """What matters of a pod."""

    node: str
    phase: str
    deleting: bool
    ready: bool
    ip: str
    cpu_millis: int
    memory_bytes: int
    owner: str

    @property
    def live(self) -> bool:
        return not self.deleting and self.phase not in _FINISHED

    @property
    def serves(self) -> bool:
        return self.live and self.ready


@dataclass(slots=True)
class _Deployment:
    """What is promised, with the time since when: (since, most live pods, fewest ready ones)."""

    promises: list[tuple[float, int, int]] = field(default_factory=list)

    def bounds(self, now: float) -> tuple[int, int]:
        """The loosest bounds of the window."""
        recent = [p for i, p in enumerate(self.promises) if self._until(i) >= now - WINDOW_S]
        return max(p[1] for p in recent), min(p[2] for p in recent)

    def _until(self, index: int) -> float:
        return self.promises[index + 1][0] if index + 1 < len(self.promises) else math.inf


class Invariants:
    """Watches one cluster. `violations` are in the order in which they happened."""

    def __init__(self, cluster: Cluster) -> None:
        self.violations: list[Violation] = []
        self._cluster = cluster
        self._revision = cluster.store.index.revision
        self._pods: dict[str, _Pod] = {}
        self._sets: dict[str, str] = {}
        self._deployments: dict[str, _Deployment] = {}
        self._rooms: dict[str, Tree] = {}
        self._ips: defaultdict[str, set[str]] = defaultdict(set)
        self._on_node: defaultdict[str, set[str]] = defaultdict(set)
        self._of_owner: defaultdict[str, set[str]] = defaultdict(set)
        self._sets_of: defaultdict[str, set[str]] = defaultdict(set)
        self._excused_until = -math.inf
        self._going: set[str] = set()
        index = cluster.store.index
        # Before the next: the index tells in this order, so that the watchers have heard of what is checked.
        self._watchers = Watchers(cluster)
        self._ends = [
            index.watch(bucket, index.revision, self._take)
            for bucket in sorted({served.bucket for served in cluster.server.resources})
        ]
        for bucket in ("nodes", "deployments.apps", "replicasets.apps", "pods"):
            for entry in index.range(bucket + "/"):
                self._note(bucket, entry.key, orjson.loads(entry.value), entry.revision)

    def close(self) -> None:
        for end in self._ends:
            end()
        self._watchers.close()

    def excuse(self, seconds: float) -> None:
        """Pods may become unready, or be evicted, for so long."""
        self._excused_until = max(self._excused_until, self._cluster.loop.time() + seconds)

    # --- each change

    def _take(self, events: Sequence[Event]) -> None:
        last: dict[str, tuple[int, Tree | None]] = {}
        for event in events:
            self._check_revision(event)
            bucket = event.entry.key.partition("/")[0]
            tree = orjson.loads(event.entry.value)
            last[event.entry.key] = event.revision, None if event.deleted else tree
            if event.deleted:
                self._gone(bucket, event.entry.key, event.revision)
            else:
                self._check_owner(bucket, event.entry.key, tree, event.revision)
                self._note(bucket, event.entry.key, tree, event.revision)
        for key, (revision, now) in last.items():
            for text in self._watchers.differences(key.partition("/")[0], key, revision, now):
                self._violated("watches", text, revision)

    def _check_revision(self, event: Event) -> None:
        if event.revision <= self._revision:
            self._violated("revisions", f"{event.entry.key} comes after revision {self._revision}", event.revision)
        self._revision = event.revision
        if b'"resourceVersion":"%d"' % event.revision not in event.entry.value:
            self._violated("revisions", f"{event.entry.key} carries another revision", event.revision)

    def _check_owner(self, bucket: str, key: str, tree: Tree, revision: int) -> None:
        managers = {entry.get("manager") for entry in tree["metadata"].get("managedFields") or ()}
        known = {MANAGER, *self._cluster.links, "kubelet"}
        if bucket not in _UNOWNED and (not managers or not managers <= known):
            self._violated("owners", f"{key} is managed by {sorted(map(str, managers)) or 'nobody'}", revision)

    def _note(self, bucket: str, key: str, tree: Tree, revision: int) -> None:
        metadata = tree["metadata"]
        if bucket == "pods":
            self._note_pod(key, _pod_of(tree), revision)
        elif bucket == "deployments.apps":
            known = self._deployments.setdefault(metadata["uid"], _Deployment())
            promise = _promise(tree["spec"])
            if not known.promises or known.promises[-1][1:] != promise:
                known.promises.append((self._cluster.loop.time(), *promise))
            self._note_going(metadata)
        elif bucket == "replicasets.apps":
            owner = _controller(metadata)
            self._sets[metadata["uid"]] = owner
            self._sets_of[owner].add(metadata["uid"])
        elif bucket == "namespaces" and metadata.get("deletionTimestamp"):
            self._going.add(metadata["name"])
        elif bucket == "namespaces":
            self._going.discard(metadata["name"])
        elif bucket == "nodes":
            self._rooms[metadata["name"]] = tree["status"].get("allocatable") or {}

    def _note_going(self, metadata: Tree) -> None:
        if metadata.get("deletionTimestamp"):
            self._going.add(metadata["uid"])

    def _gone(self, bucket: str, key: str, revision: int) -> None:
        if bucket == "pods":
            before = self._pods.pop(key, None)
            if before is not None:
                self._unindex(key, before)
                if before.serves:
                    self._check_available(key, before, revision)

    # --- pods

    def _note_pod(self, key: str, pod: _Pod, revision: int) -> None:
        before = self._pods.get(key)
        if before is not None:
            self._unindex(key, before)
        self._pods[key] = pod
        self._of_owner[pod.owner].add(key)
        if pod.node:
            self._on_node[pod.node].add(key)
        if before is None and pod.live:
            self._check_surge(key, pod, revision)
        if pod.node and (before is None or before.node != pod.node):
            self._check_binding(key, before, pod, revision)
        if before is not None and before.serves and pod.deleting:
            self._check_available(key, pod, revision)
        if pod.ip and pod.phase == "Running":
            self._ips[pod.ip].add(key)
            if len(self._ips[pod.ip]) > 1:
                self._violated("addresses", f"{pod.ip} is that of {' and '.join(sorted(self._ips[pod.ip]))}", revision)

    def _unindex(self, key: str, pod: _Pod) -> None:
        self._of_owner[pod.owner].discard(key)
        self._on_node[pod.node].discard(key)
        self._ips[pod.ip].discard(key)

    def _siblings(self, pod: _Pod) -> tuple[str, list[_Pod]]:
        """The Deployment of a pod and all pods of it, the pod itself included; "" for other pods."""
        deployment = self._sets.get(pod.owner, "")
        sets = self._sets_of[deployment] if deployment else ()
        return deployment, [self._pods[key] for uid in sets for key in self._of_owner[uid]]

    def _check_surge(self, key: str, pod: _Pod, revision: int) -> None:
        deployment, siblings = self._siblings(pod)
        known = self._deployments.get(deployment)
        if known is None:
            return
        most, _ = known.bounds(self._cluster.loop.time())
        live = sum(p.live for p in siblings)
        if live > most:
            self._violated("surge", f"{key} is pod {live} of at most {most}", revision)

    def _check_available(self, key: str, pod: _Pod, revision: int) -> None:
        now = self._cluster.loop.time()
        deployment, siblings = self._siblings(pod)
        known = self._deployments.get(deployment)
        namespace = key.split("/")[1]
        if known is None or now < self._excused_until or self._going & {deployment, namespace}:
            return
        _, fewest = known.bounds(now)
        left = sum(p.serves for p in siblings)
        if left < fewest and self._exists(deployment):
            self._violated("availability", f"without {key} {left} pods are ready of at least {fewest}", revision)

    def _exists(self, deployment: str) -> bool:
        uid = b'"uid":"%s"' % deployment.encode()
        return any(uid in e.value for e in self._cluster.store.index.range("deployments.apps/"))

    def _check_binding(self, key: str, before: _Pod | None, pod: _Pod, revision: int) -> None:
        if before is not None and before.node:
            self._violated("binding", f"{key} moved from {before.node} to {pod.node}", revision)
        room = self._rooms.get(pod.node)
        if room is None:
            self._violated("binding", f"{key} is bound to {pod.node}, which does not exist", revision)
            return
        there = [self._pods[k] for k in self._on_node[pod.node] if self._pods[k].phase not in _FINISHED]
        taken = {
            "pods": (len(there), _units(room.get("pods"))),
            "cpu": (sum(p.cpu_millis for p in there), _millis(room.get("cpu"))),
            "memory": (sum(p.memory_bytes for p in there), _units(room.get("memory"))),
        }
        for name, (used, has) in taken.items():
            if used > has:
                self._violated("binding", f"{key} needs {name} that {pod.node} has not: {used} of {has}", revision)

    def _violated(self, check: str, text: str, revision: int) -> None:
        self.violations.append(Violation(check, text, self._cluster.loop.time(), revision))


def _pod_of(tree: Tree) -> _Pod:
    metadata, spec, status = tree["metadata"], tree["spec"], tree.get("status") or {}
    requests = [((c.get("resources") or {}).get("requests") or {}) for c in spec["containers"]]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return _Pod(
        node=spec.get("nodeName", ""),
        phase=status.get("phase", ""),
        deleting="deletionTimestamp" in metadata,
        ready=ready,
        ip="" if spec.get("hostNetwork") else status.get("podIP", ""),
        cpu_millis=sum(_millis(r.get("cpu")) for r in requests),
        memory_bytes=sum(_units(r.get("memory")) for r in requests),
        owner=_controller(metadata),
    )


def _controller(metadata: Tree) -> str:
    return next((o["uid"] for o in metadata.get("ownerReferences") or () if o.get("controller")), "")


def _promise(spec: Tree) -> tuple[int, int]:
    """Most live and fewest ready pods that a Deployment's spec allows.

    Source: the Deployment API: percentages of surge round up, those of unavailability down, and if both
    come to nothing one pod may be unavailable. Recreate promises nothing about readiness.
    """
    replicas: int = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return replicas, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    if surge == missing == 0:
        missing = 1
    return replicas + surge, max(replicas - missing, 0)


def _share(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    if isinstance(value, int):
        return value
    return rounded(int(value.rstrip("%")) * replicas / 100)


def _millis(text: str | None) -> int:
    return quantity.milli_value(text) if text else 0


def _units(text: str | None) -> int:
    return quantity.value(text) if text else 0
