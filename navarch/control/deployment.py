"""The Deployment controller: one replica set per pod template, and the orderly change from one to the next.

Each reconcile takes one step and reports; the revision barrier brings it back when the step is seen.
The numbers come from `rollout.py`, the conditions from `deployment_status.py`.

Source: Kubernetes' deployment controller.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control import deployment_status as report
from navarch.control import revisions, rollout
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.ownership import claim, keys_of_claimants, label_selector
from navarch.control.pods import is_finished, owner_reference
from navarch.control.sources import DEPLOYMENTS, PODS, REPLICASETS, controller_of
from navarch.control.template_hash import template_hash
from navarch.control.views import Deployment, ReplicaSet
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

HASH_LABEL: Final = "pod-template-hash"


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    deployment = world[DEPLOYMENTS].get(key)
    if deployment is None or deployment.spec.template is None:
        return DONE
    selector = from_label_selector(deployment.spec.selector)
    if selector.is_everything:
        return DONE
    known = world[REPLICASETS]
    sets, claims = claim(
        DEPLOYMENTS.resource,
        deployment,
        selector,
        REPLICASETS.resource,
        known.by_index("owner", deployment.metadata.uid),
        known.by_index("orphan", key.namespace),
    )
    if claims:
        return Plan(tuple(claims))
    return _Step(world, deployment, sets, now).plan()


class _Step:
    """One look at a deployment. Sorted sets, oldest first; the numbers derived once."""

    def __init__(self, world: World, deployment: Deployment, sets: Sequence[ReplicaSet], now: float) -> None:
        self.world = world
        self.deployment = deployment
        self.now = now
        self.sets = sorted(sets, key=lambda s: (s.metadata.creationTimestamp or "", s.metadata.name))
        template = without_hash(deployment.spec.template or {})
        self.new = next((s for s in self.sets if without_hash(s.spec.template or {}) == template), None)
        self.old = [s for s in self.sets if s is not self.new]
        self.wanted = 1 if deployment.spec.replicas is None else deployment.spec.replicas
        strategy = deployment.spec.strategy
        self.recreate = strategy is not None and strategy.type == "Recreate"
        rolling = strategy.rollingUpdate if strategy is not None else None
        if self.recreate or rolling is None:
            self.limits = rollout.Limits(0, 0)
        else:
            self.limits = rollout.limits(rolling.maxSurge, rolling.maxUnavailable, self.wanted)
        self.conditions = report.Conditions(deployment, now)
        self.collisions = deployment.status.collisionCount

    def plan(self) -> Plan:
        if self.deployment.metadata.deletionTimestamp is not None:
            return self._finish([], progress=False)
        report.set_paused(self.conditions, self.deployment)
        if self.deployment.spec.paused:
            return self._finish(self._scale_all() or self._clean(), progress=False)
        if self._was_scaled():
            intents = self._scale_all()
            if intents:
                return self._finish(intents, progress=False)
        return self._recreate() if self.recreate else self._roll()

    # --- strategies
    def _roll(self) -> Plan:
        steps = self._new_set()
        if self.new is None or steps:
            return self._finish(steps)
        if self._unsettled():
            return self._finish([])
        size = rollout.new_size(self.wanted, self.limits, _replicas(self.new), self._standing(self.sets))
        if size != _replicas(self.new):
            return self._finish([self._resize(self.new, size)])
        old = [self._size(s) for s in self.old if _replicas(s)]
        sizes = rollout.old_sizes(self.wanted, self.limits, self._size(self.new), old)
        if sizes:
            return self._finish([self._resize(s, sizes[s.metadata.name]) for s in self.old if s.metadata.name in sizes])
        return self._finish(self._clean_if_complete())

    def _recreate(self) -> Plan:
        active = [s for s in self.old if _replicas(s)]
        if active:
            return self._finish([self._resize(s, 0) for s in active])
        if self._old_pods_run():
            return self._finish([])
        steps = self._new_set()
        if self.new is None or steps:
            return self._finish(steps)
        if _replicas(self.new) != self.wanted:
            return self._finish([self._resize(self.new, self.wanted)])
        return self._finish(self._clean_if_complete())

    def _old_pods_run(self) -> bool:
        """A pod that is going still counts: under Recreate old and new never run together."""
        if any(s.status.replicas for s in self.old):
            return True
        pods = self.world[PODS]
        return any(not is_finished(p) for s in self.old for p in pods.by_index("owner", s.metadata.uid))

    def _unsettled(self) -> bool:
        """Whether a set has not seen yet what it is to be: how many pods it has then says little."""
        return any(s.status.observedGeneration < (s.metadata.generation or 0) for s in self.sets)

    def _standing(self, sets: Sequence[ReplicaSet]) -> int:
        """Pods that may exist: a set that was made smaller counts in full until its pods are going."""
        return sum(max(_replicas(s), s.status.replicas) for s in sets)

    # --- the new set
    def _new_set(self) -> list[Intent]:
        """What is missing for the new replica set to exist with the right annotations."""
        wanted = revisions.next_revision(self.old)
        if self.new is None:
            return self._create(wanted)
        intents: list[Intent] = []
        changes = revisions.set_annotations(self.deployment, self.new.metadata.annotations, wanted)
        patch: Tree = {"metadata": {"annotations": changes}} if changes else {}
        if (self.new.spec.minReadySeconds or 0) != (self.deployment.spec.minReadySeconds or 0):
            patch["spec"] = {"minReadySeconds": self.deployment.spec.minReadySeconds or None}
        if patch:
            intents.append(Patch(REPLICASETS.resource, key_of(self.new), patch, uid=self.new.metadata.uid))
        intents += self._note_revision(max(wanted, revisions.revision(self.new)))
        if report.has_deadline(self.deployment) and self.conditions.get("Progressing") is None:
            text = f'Found new replica set "{self.new.metadata.name}"'
            self.conditions.set("Progressing", "True", "FoundNewReplicaSet", text)
        return intents

    def _create(self, wanted_revision: int) -> list[Intent]:
        metadata, spec = self.deployment.metadata, self.deployment.spec
        template = spec.template or {}
        digest = template_hash(template, self.collisions)
        name = f"{metadata.name}-{digest}"
        if self.world[REPLICASETS].get(ObjectKey(metadata.namespace, name)) is not None:
            # The name is taken by another template, or by someone else: take another hash.
            self.collisions += 1
            return []
        size = self.wanted
        if not self.recreate:
            # A set that was made smaller may still be making pods: the new one begins when it has stopped.
            size = 0 if self._unsettled() else rollout.new_size(self.wanted, self.limits, 0, self._standing(self.old))
        annotations = revisions.set_annotations(self.deployment, {}, wanted_revision) | self._replica_annotations()
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: digest}
        selector: Tree = {"matchLabels": {**(spec.selector.matchLabels if spec.selector else {}), HASH_LABEL: digest}}
        if spec.selector is not None and spec.selector.matchExpressions:
            selector["matchExpressions"] = [
                {"key": e.key, "operator": e.operator, **({"values": list(e.values)} if e.values else {})}
                for e in spec.selector.matchExpressions
            ]
        tree: Tree = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": metadata.namespace,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner_reference(DEPLOYMENTS.resource, self.deployment)],
            },
            "spec": {
                "replicas": size,
                "selector": selector,
                "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
            },
        }
        if spec.minReadySeconds:
            tree["spec"]["minReadySeconds"] = spec.minReadySeconds
        if report.has_deadline(self.deployment):
            text = f'Created new replica set "{name}"'
            self.conditions.set("Progressing", "True", "NewReplicaSetCreated", text)
        event = self._event(f"Scaled up replica set {name} from 0 to {size}") if size else None
        return [
            Create(REPLICASETS.resource, tree, metadata.namespace, event, self._create_failed(name)),
            *self._note_revision(wanted_revision),
        ]

    def _create_failed(self, name: str) -> Event:
        about = reference(DEPLOYMENTS.resource, self.deployment.metadata)
        text = f'Failed to create new replica set "{name}": {{error}}'
        return Event(about, "Warning", "ReplicaSetCreateError", text)

    def _note_revision(self, number: int) -> list[Intent]:
        if revisions.revision(self.deployment) == number:
            return []
        patch = {"metadata": {"annotations": {revisions.REVISION: str(number)}}}
        metadata = self.deployment.metadata
        # By the status, which leaves the generation alone: what is wanted is the same.
        key = key_of(self.deployment)
        return [Patch(DEPLOYMENTS.resource, key, patch, subresource="status", uid=metadata.uid, by_update=True)]

    # --- scaling
    def _was_scaled(self) -> bool:
        return any(
            _replicas(s)
            and revisions.DESIRED in s.metadata.annotations
            and revisions.number(s.metadata.annotations, revisions.DESIRED) != self.wanted
            for s in self.sets
        )

    def _scale_all(self) -> list[Intent]:
        """Follow a change of `replicas` outside of a rollout's steps."""
        active = [s for s in self.sets if _replicas(s)]
        if len(active) <= 1:
            only = active[0] if active else self.new or (self.old[-1] if self.old else None)
            return [] if only is None else self._resize_if_needed(only, self.wanted)
        if self.new is not None and self._is_saturated(self.new):
            return [self._resize(s, 0) for s in active if s is not self.new]
        if self.recreate:
            return []
        sizes = rollout.proportional(self.wanted, self.limits, [self._size(s) for s in active])
        return [i for s in active for i in self._resize_if_needed(s, sizes[s.metadata.name])]

    def _is_saturated(self, replica_set: ReplicaSet) -> bool:
        desired = revisions.number(replica_set.metadata.annotations, revisions.DESIRED)
        return desired == _replicas(replica_set) == replica_set.status.availableReplicas == self.wanted

    def _size(self, replica_set: ReplicaSet) -> rollout.Size:
        base = revisions.number(replica_set.metadata.annotations, revisions.MAX) or self.deployment.status.replicas
        return rollout.Size(
            replica_set.metadata.name,
            _replicas(replica_set),
            replica_set.status.availableReplicas,
            self.sets.index(replica_set),
            base,
        )

    def _resize_if_needed(self, replica_set: ReplicaSet, size: int) -> list[Intent]:
        annotations = replica_set.metadata.annotations
        if _replicas(replica_set) == size and self._replica_annotations().items() <= annotations.items():
            return []
        return [self._resize(replica_set, size)]

    def _resize(self, replica_set: ReplicaSet, size: int) -> Patch:
        before = _replicas(replica_set)
        patch: Tree = {"metadata": {"annotations": self._replica_annotations()}, "spec": {"replicas": size}}
        event = None
        if size != before:
            direction = "up" if size > before else "down"
            name = replica_set.metadata.name
            event = self._event(f"Scaled {direction} replica set {name} from {before} to {size}")
        key, uid = key_of(replica_set), replica_set.metadata.uid
        return Patch(REPLICASETS.resource, key, patch, uid=uid, on_success=event)

    def _replica_annotations(self) -> dict[str, str]:
        return {revisions.DESIRED: str(self.wanted), revisions.MAX: str(self.wanted + self.limits.surge)}

    def _event(self, message: str) -> Event:
        about = reference(DEPLOYMENTS.resource, self.deployment.metadata)
        return Event(about, "Normal", "ScalingReplicaSet", message)

    # --- the end of a step
    def _clean_if_complete(self) -> list[Intent]:
        return self._clean() if report.is_complete(self.deployment, report.count(self.new, self.sets)) else []

    def _clean(self) -> list[Intent]:
        """Delete old, empty replica sets beyond the history limit."""
        limit = self.deployment.spec.revisionHistoryLimit
        alive = [s for s in self.old if s.metadata.deletionTimestamp is None]
        if limit is None or len(alive) <= limit:
            return []
        oldest = sorted(alive, key=revisions.revision)[: len(alive) - limit]
        return [
            Delete(REPLICASETS.resource, key_of(s), s.metadata.uid, propagation="Background")
            for s in oldest
            if not s.status.replicas
            and not _replicas(s)
            and (s.metadata.generation or 0) <= s.status.observedGeneration
        ]

    def _finish(self, intents: Sequence[Intent], *, progress: bool = True) -> Plan:
        """The step's intents and the status, which is reported even if the step fails."""
        counts = report.count(self.new, self.sets)
        report.set_available(self.conditions, counts, self.wanted - self.limits.unavailable)
        if progress:
            report.set_progress(self.conditions, self.deployment, self.new, counts, self.now)
            report.set_failure(self.conditions, self.new, self.old)
        wait_s = report.deadline_in_s(self.conditions, self.deployment, self.now)
        return Plan((*self._status(counts), *intents), None if wait_s is None else max(wait_s, 0) + 1, routine=True)

    def _status(self, counts: report.Counts) -> Iterator[Patch]:
        old = self.deployment.status
        wanted: dict[str, int] = {
            **asdict(counts),
            "observedGeneration": self.deployment.metadata.generation or 0,
            "collisionCount": self.collisions,
        }
        conditions = self.conditions.trees
        if conditions == report.Conditions(self.deployment, self.now).trees and all(
            getattr(old, k) == v for k, v in wanted.items()
        ):
            return
        status: Tree = {k: v if v or k == "terminatingReplicas" else None for k, v in wanted.items()}
        status["conditions"] = conditions
        metadata = self.deployment.metadata
        yield Patch(
            DEPLOYMENTS.resource,
            key_of(self.deployment),
            {"status": status},
            subresource="status",
            uid=metadata.uid,
            by_update=True,
        )


def without_hash(template: Mapping[str, object]) -> Tree:
    """A pod template without the label that tells replica sets apart, for comparison."""
    metadata = template.get("metadata")
    if not isinstance(metadata, dict) or HASH_LABEL not in (metadata.get("labels") or {}):
        return dict(template)
    labels = {k: v for k, v in metadata["labels"].items() if k != HASH_LABEL}
    rest = {k: v for k, v in metadata.items() if k != "labels"}
    return {**template, "metadata": {**rest, "labels": labels} if labels else rest}


def _replicas(replica_set: ReplicaSet) -> int:
    return 1 if replica_set.spec.replicas is None else replica_set.spec.replicas


keys_of_set = keys_of_claimants("Deployment", DEPLOYMENTS, label_selector)


def keys_of_pod(world: World, _key: ObjectKey, old: Pod | None, new: Pod | None) -> Iterable[Hashable]:
    """Recreate waits for old pods to be gone."""
    if old is None or (new is not None and not is_finished(new)):
        return ()
    parent = controller_of(old)
    if parent is None or parent.kind != "ReplicaSet":
        return ()
    replica_set = world[REPLICASETS].get(ObjectKey(old.metadata.namespace, parent.name))
    return keys_of_set(world, key_of(replica_set), None, replica_set) if replica_set is not None else ()


CONTROLLER = Controller(
    "deployment-controller",
    (Watch(DEPLOYMENTS, same_key), Watch(REPLICASETS, keys_of_set), Watch(PODS, keys_of_pod)),
    reconcile,
)
