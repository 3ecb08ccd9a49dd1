"""The DaemonSet controller: one pod on every node that suits, replaced node by node when the template changes.

Pods are bound by the scheduler: each carries a node affinity that only one node satisfies.

Source: Kubernetes' daemon set controller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.base.times import parse
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control import history
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.ownership import claim, keys_of_claimants, keys_of_owner, label_selector
from navarch.control.placement import Placement, Verdict, node_of
from navarch.control.pods import available_at, is_finished, is_ready, next_available_s, pod_tree
from navarch.control.rollout import scaled
from navarch.control.sources import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from navarch.control.views import DaemonSet
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

#: A failed pod is replaced when it is this old, so that one that fails at once does not spin.
RETRY_FAILED_S: Final = 10.0
BURST: Final = 250


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    daemon_set = world[DAEMONSETS].get(key)
    if daemon_set is None or daemon_set.spec.template is None:
        return DONE
    selector = from_label_selector(daemon_set.spec.selector)
    if selector.is_everything or daemon_set.metadata.deletionTimestamp is not None:
        return DONE
    pods = world[PODS]
    mine, claims = claim(
        DAEMONSETS.resource,
        daemon_set,
        selector,
        PODS.resource,
        pods.by_index("owner", daemon_set.metadata.uid),
        pods.by_index("orphan", key.namespace),
    )
    if claims:
        return Plan(tuple(claims))
    revisions = list(world[CONTROLLERREVISIONS].by_index("owner", daemon_set.metadata.uid))
    digest, writes = history.current(
        DAEMONSETS.resource, daemon_set, daemon_set.spec.template, revisions, daemon_set.status.collisionCount
    )
    if writes:
        return Plan(tuple(writes))
    live = {digest, *(p.metadata.labels.get(history.HASH_LABEL, "") for p in mine)}
    limit = daemon_set.spec.revisionHistoryLimit
    cleanup = history.surplus(revisions, live, 10 if limit is None else limit)
    nodes = sorted(world[NODES].values(), key=lambda n: n.metadata.name)
    return _Round(daemon_set, nodes, mine, digest, now).plan(cleanup)


class _Round:
    """One look at a daemon set: its nodes, each with its pods, oldest first."""

    def __init__(
        self, daemon_set: DaemonSet, nodes: Sequence[Node], pods: Sequence[Pod], digest: str, now: float
    ) -> None:
        self.daemon_set = daemon_set
        self.digest = digest
        self.now = now
        self.min_ready_s = daemon_set.spec.minReadySeconds or 0
        self.placement = Placement(daemon_set.spec.template or {})
        self.verdicts: dict[str, Verdict] = {n.metadata.name: self.placement.verdict(n) for n in nodes}
        self.by_node: dict[str, list[Pod]] = defaultdict(list)
        for pod in sorted(pods, key=lambda p: (p.metadata.creationTimestamp or "", p.metadata.name)):
            self.by_node[node_of(pod)].append(pod)
        self.desired = sum(v.run for v in self.verdicts.values())
        strategy = daemon_set.spec.updateStrategy
        self.rolling = strategy is not None and strategy.type == "RollingUpdate"
        update = strategy.rollingUpdate if strategy is not None else None
        self.surge = scaled(update.maxSurge, self.desired, round_up=True) if update is not None else 0
        unavailable = scaled(update.maxUnavailable, self.desired, round_up=True) if update is not None else 1
        self.unavailable = max(unavailable, 1) if not self.surge else unavailable
        self.wait_s: float | None = next_available_s(pods, self.min_ready_s, now)

    def plan(self, cleanup: Sequence[Intent]) -> Plan:
        creates: list[Intent] = []
        deletes: list[Intent] = []
        for name, verdict in self.verdicts.items():
            self._place(name, verdict, creates, deletes)
        if self.rolling and not creates and not deletes:
            self._roll(creates, deletes)
        return Plan((*self._status(), *deletes[:BURST], *creates[:BURST], *cleanup), self.wait_s)

    # --- one pod per node
    def _place(self, name: str, verdict: Verdict, creates: list[Intent], deletes: list[Intent]) -> None:
        alive = []
        for pod in self.by_node.get(name, ()):
            if pod.metadata.deletionTimestamp is not None:
                continue
            if verdict.stay and is_finished(pod):
                self._replace_finished(name, pod, deletes)
            else:
                alive.append(pod)
        if not verdict.stay:
            deletes += [self._delete(p) for p in alive]
        elif not self.by_node.get(name):
            if verdict.run:
                creates.append(self._create(name))
        elif len(alive) > 1:
            deletes += [self._delete(p) for p in self._doubles(alive)]

    def _replace_finished(self, name: str, pod: Pod, deletes: list[Intent]) -> None:
        age_s = self.now - parse(pod.metadata.creationTimestamp) if pod.metadata.creationTimestamp else RETRY_FAILED_S
        if age_s < RETRY_FAILED_S:
            self.wait_s = min(self.wait_s or RETRY_FAILED_S, RETRY_FAILED_S - age_s)
            return
        word, act = ("failed", "kill") if pod.status.phase == "Failed" else ("succeeded", "delete")
        text = f"Found {word} daemon pod {key_of(pod)} on node {name}, will try to {act} it"
        kind = "Warning" if word == "failed" else "Normal"
        about = reference(DAEMONSETS.resource, self.daemon_set.metadata)
        deletes += [Event(about, kind, f"{word.capitalize()}DaemonPod", text), self._delete(pod)]

    def _doubles(self, alive: Sequence[Pod]) -> Sequence[Pod]:
        """All but the oldest; while a surge lasts one old and one new pod may stand side by side."""
        if not self.surge:
            return alive[1:]
        old = [p for p in alive if not self._is_current(p)]
        new = [p for p in alive if self._is_current(p)]
        if new and self._is_available(new[0]):
            return [*old, *new[1:]]
        return [*old[1:], *new[1:]]

    # --- rolling update
    def _roll(self, creates: list[Intent], deletes: list[Intent]) -> None:
        """Replace old pods within the allowance: unavailable ones cost nothing."""
        missing = 0
        surging = 0
        unavailable: list[Pod] = []
        available: list[Pod] = []
        for name, verdict in self.verdicts.items():
            if not verdict.run:
                continue
            pods = [p for p in self.by_node.get(name, ()) if p.metadata.deletionTimestamp is None]
            old = [p for p in pods if not self._is_current(p)]
            if len(pods) > len(old) and old:
                surging += 1
                continue
            if not any(self._is_available(p) for p in pods):
                missing += 1
                unavailable += old
            else:
                available += old
        deletes += [self._delete(p) for p in unavailable]
        if self.surge:
            room = max(self.surge - surging, 0)
            creates += [self._create(node_of(p)) for p in available[:room]]
        else:
            room = max(self.unavailable - missing, 0)
            deletes += [self._delete(p) for p in available[:room]]

    # --- pods
    def _is_current(self, pod: Pod) -> bool:
        return pod.metadata.labels.get(history.HASH_LABEL) == self.digest

    def _is_available(self, pod: Pod) -> bool:
        at = available_at(pod, self.min_ready_s)
        return at is not None and at <= self.now and pod.metadata.deletionTimestamp is None

    def _create(self, node_name: str) -> Create:
        tree = pod_tree(self.daemon_set.spec.template or {}, DAEMONSETS.resource, self.daemon_set)
        tree["spec"] = self.placement.spec_for(node_name)
        tree["metadata"]["labels"] = {**tree["metadata"].get("labels", {}), history.HASH_LABEL: self.digest}
        about = reference(DAEMONSETS.resource, self.daemon_set.metadata)
        done = Event(about, "Normal", "SuccessfulCreate", "Created pod: {name}")
        failed = Event(about, "Warning", "FailedCreate", "Error creating: {error}")
        return Create(PODS.resource, tree, self.daemon_set.metadata.namespace, done, failed)

    def _delete(self, pod: Pod) -> Delete:
        about = reference(DAEMONSETS.resource, self.daemon_set.metadata)
        done = Event(about, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
        return Delete(PODS.resource, key_of(pod), pod.metadata.uid, on_success=done)

    # --- status
    def _status(self) -> list[Intent]:
        counts = self._counts()
        old = self.daemon_set.status
        if all(getattr(old, k) == v for k, v in counts.items()):
            return []
        always = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
        status: Tree = {k: v if v or k in always else None for k, v in counts.items()}
        metadata = self.daemon_set.metadata
        key = key_of(self.daemon_set)
        return [
            Patch(DAEMONSETS.resource, key, {"status": status}, subresource="status", uid=metadata.uid, by_update=True)
        ]

    def _counts(self) -> dict[str, int]:
        scheduled = ready = available = updated = misplaced = 0
        for name, verdict in self.verdicts.items():
            pods = [p for p in self.by_node.get(name, ()) if p.metadata.deletionTimestamp is None]
            if not verdict.run:
                misplaced += bool(pods)
                continue
            scheduled += bool(pods)
            ready += any(is_ready(p) for p in pods)
            available += any(self._is_available(p) for p in pods)
            updated += any(self._is_current(p) for p in pods)
        return {
            "desiredNumberScheduled": self.desired,
            "currentNumberScheduled": scheduled,
            "numberMisscheduled": misplaced,
            "numberReady": ready,
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": self.desired - available,
            "observedGeneration": self.daemon_set.metadata.generation or 0,
        }


def _keys_of_node(world: World, _key: ObjectKey, old: Node | None, new: Node | None) -> list[Hashable]:
    """Every daemon set, when a node comes, goes, or changes in what decides about placement."""
    if old is not None and new is not None:
        before = (old.metadata.labels, old.spec.taints)
        if before == (new.metadata.labels, new.spec.taints):
            return []
    return [key_of(d) for d in world[DAEMONSETS].values()]


CONTROLLER = Controller(
    "daemon-set-controller",
    (
        Watch(DAEMONSETS, same_key),
        Watch(PODS, keys_of_claimants("DaemonSet", DAEMONSETS, label_selector)),
        Watch(NODES, _keys_of_node),
        Watch(CONTROLLERREVISIONS, keys_of_owner("DaemonSet")),
    ),
    reconcile,
)
