"""The StatefulSet controller: pods with lasting names, made and replaced in the order of their ordinals. Pure.

With OrderedReady one pod changes at a time and only while all before it are available; with Parallel
scaling waits for nobody, and updates still go one by one. Claims made from the templates outlive the
pods.

Source: Kubernetes' stateful set control; KEP-3335 (ordinals.start).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.api.views.apps import ControllerRevision
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control import history
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.ownership import claim, keys_of_claimants, keys_of_owner, label_selector
from navarch.control.pods import available_at, is_finished, is_ready, next_available_s, pod_tree
from navarch.control.sources import CLAIMS, CONTROLLERREVISIONS, PODS, STATEFULSETS
from navarch.control.views import StatefulSet
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    stateful_set = world[STATEFULSETS].get(key)
    if stateful_set is None or stateful_set.spec.template is None:
        return DONE
    selector = from_label_selector(stateful_set.spec.selector)
    if stateful_set.metadata.deletionTimestamp is not None:
        return DONE
    pods = world[PODS]
    mine, claims = claim(
        STATEFULSETS.resource,
        stateful_set,
        selector,
        PODS.resource,
        pods.by_index("owner", stateful_set.metadata.uid),
        [p for p in pods.by_index("orphan", key.namespace) if ordinal_of(stateful_set, p) is not None],
    )
    if claims:
        return Plan(tuple(claims))
    revisions = list(world[CONTROLLERREVISIONS].by_index("owner", stateful_set.metadata.uid))
    collisions = stateful_set.status.collisionCount
    digest, writes = history.current(
        STATEFULSETS.resource, stateful_set, stateful_set.spec.template, revisions, collisions
    )
    if writes:
        return Plan(tuple(writes))
    claim_names = {c.metadata.name for c in world[CLAIMS].by_index("namespace", key.namespace)}
    return _Round(stateful_set, mine, revisions, digest, claim_names, now).plan()


def ordinal_of(stateful_set: StatefulSet, pod: Pod) -> int | None:
    """The number at the end of a pod's name; None if the name is not one that the set gives."""
    parent, _, number = pod.metadata.name.rpartition("-")
    return int(number) if parent == stateful_set.metadata.name and number.isdecimal() else None


class _Round:
    """One look at a stateful set."""

    def __init__(
        self,
        stateful_set: StatefulSet,
        pods: Sequence[Pod],
        revisions: Sequence[ControllerRevision],
        digest: str,
        claims: set[str],
        now: float,
    ) -> None:
        spec = stateful_set.spec
        self.stateful_set = stateful_set
        self.now = now
        self.claims = claims
        self.revisions = revisions
        self.update = f"{stateful_set.metadata.name}-{digest}"
        self.current = stateful_set.status.currentRevision or self.update
        self.min_ready_s = spec.minReadySeconds or 0
        self.parallel = spec.podManagementPolicy == "Parallel"
        self.first = (spec.ordinals.start or 0) if spec.ordinals is not None else 0
        replicas = 1 if spec.replicas is None else spec.replicas
        self.wanted = range(self.first, self.first + replicas)
        self.by_ordinal = {n: p for p in pods if (n := ordinal_of(stateful_set, p)) is not None}
        self.pods = pods
        strategy = spec.updateStrategy
        self.rolling = strategy is None or strategy.type != "OnDelete"
        rolling_update = strategy.rollingUpdate if strategy is not None else None
        self.partition = self.first + ((rolling_update.partition or 0) if rolling_update is not None else 0)

    def plan(self) -> Plan:
        wait_s = next_available_s(self.pods, self.min_ready_s, self.now)
        return Plan((*self._status(), *self._changes(), *self._cleanup()), wait_s)

    # --- pods

    def _changes(self) -> list[Intent]:
        """Scale up, then down, then update. In order, the first that must be waited for ends the round."""
        intents: list[Intent] = []
        for ordinal in self.wanted:
            pod = self.by_ordinal.get(ordinal)
            if pod is None:
                intents += self._create(ordinal)
            elif is_finished(pod) and pod.metadata.deletionTimestamp is None:
                intents.append(self._delete(pod))
            elif self._is_available(pod):
                continue
            elif self._is_stuck(ordinal, pod):
                intents.append(self._delete(pod))
            if not self.parallel:
                return intents
        condemned = sorted((n for n in self.by_ordinal if n not in self.wanted), reverse=True)
        for ordinal in condemned:
            pod = self.by_ordinal[ordinal]
            if pod.metadata.deletionTimestamp is None:
                intents.append(self._delete(pod))
            if not self.parallel:
                return intents
        return intents or self._roll()

    def _roll(self) -> list[Intent]:
        """Replace one outdated pod, from the last down to the partition; a pod that is not available yet
        is waited for, unless it is outdated itself: then replacing it is the cure."""
        if not self.rolling:
            return []
        for ordinal in sorted((n for n in self.by_ordinal if n >= self.partition), reverse=True):
            pod = self.by_ordinal[ordinal]
            if self._revision(pod) != self.update and pod.metadata.deletionTimestamp is None:
                return [self._delete(pod)]
            if not self._is_available(pod):
                return []
        return []

    def _is_stuck(self, ordinal: int, pod: Pod) -> bool:
        """An outdated pod that never became ready: the update that cures it must not wait for it."""
        return (
            self.rolling
            and ordinal >= self.partition
            and self._revision(pod) != self.update
            and not is_ready(pod)
            and pod.metadata.deletionTimestamp is None
        )

    def _create(self, ordinal: int) -> list[Intent]:
        revision, template = self._template(ordinal)
        stateful_set = self.stateful_set
        name = f"{stateful_set.metadata.name}-{ordinal}"
        tree = pod_tree(template, STATEFULSETS.resource, stateful_set)
        metadata = tree["metadata"]
        del metadata["generateName"]
        metadata["name"] = name
        labels = {POD_NAME: name, POD_INDEX: str(ordinal), history.HASH_LABEL: revision}
        metadata["labels"] = {**metadata.get("labels", {}), **labels}
        volumes, claims = self._volumes(name, tree["spec"].get("volumes") or [])
        tree["spec"] = {**tree["spec"], "hostname": name, "subdomain": stateful_set.spec.serviceName}
        if volumes:
            tree["spec"]["volumes"] = volumes
        if not stateful_set.spec.serviceName:
            del tree["spec"]["subdomain"]
        about = reference(STATEFULSETS.resource, stateful_set.metadata)
        text = f"create Pod {name} in StatefulSet {stateful_set.metadata.name}"
        done = Event(about, "Normal", "SuccessfulCreate", f"{text} successful")
        failed = Event(about, "Warning", "FailedCreate", f"{text} failed error: {{error}}")
        return [*claims, Create(PODS.resource, tree, stateful_set.metadata.namespace, done, failed)]

    def _volumes(self, pod_name: str, volumes: list[Tree]) -> tuple[list[Tree], list[Intent]]:
        """The pod's volumes with its claims among them, and the claims that are still to be made."""
        namespace = self.stateful_set.metadata.namespace
        templates = {t["metadata"]["name"]: t for t in self.stateful_set.spec.volumeClaimTemplates or ()}
        mounted = [v for v in volumes if v.get("name") not in templates]
        made: list[Intent] = []
        for volume, template in templates.items():
            name = f"{volume}-{pod_name}"
            mounted.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
            if name in self.claims:
                continue
            labels = dict((self.stateful_set.spec.template or {}).get("metadata", {}).get("labels") or {})
            metadata = {**template["metadata"], "name": name, "namespace": namespace, "labels": labels}
            claim_tree = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
            made.append(Create(CLAIMS.resource, {**claim_tree, "spec": template["spec"]}, namespace))
        return mounted, made

    def _template(self, ordinal: int) -> tuple[str, Tree]:
        """Below the partition the remembered template, else the present one; each with its revision."""
        template = self.stateful_set.spec.template or {}
        if ordinal >= self.partition or self.current == self.update:
            return self.update, template
        remembered = next((r for r in self.revisions if r.metadata.name == self.current), None)
        if remembered is None:
            return self.update, template
        old = {k: v for k, v in remembered.data["spec"]["template"].items() if k != "$patch"}
        return self.current, old

    def _delete(self, pod: Pod) -> Delete:
        about = reference(STATEFULSETS.resource, self.stateful_set.metadata)
        text = f"delete Pod {pod.metadata.name} in StatefulSet {self.stateful_set.metadata.name} successful"
        done = Event(about, "Normal", "SuccessfulDelete", text)
        return Delete(PODS.resource, key_of(pod), pod.metadata.uid, on_success=done)

    def _revision(self, pod: Pod) -> str:
        return pod.metadata.labels.get(history.HASH_LABEL, "")

    def _is_available(self, pod: Pod) -> bool:
        at = available_at(pod, self.min_ready_s)
        return at is not None and at <= self.now and pod.metadata.deletionTimestamp is None

    # --- status and history

    def _status(self) -> list[Intent]:
        alive = [p for p in self.by_ordinal.values() if p.metadata.deletionTimestamp is None and not is_finished(p)]
        counts: Tree = {
            "observedGeneration": self.stateful_set.metadata.generation or 0,
            "replicas": len(self.by_ordinal),
            "readyReplicas": sum(is_ready(p) for p in self.by_ordinal.values()),
            "availableReplicas": sum(self._is_available(p) for p in alive),
            "updatedReplicas": sum(self._revision(p) == self.update for p in alive),
            "currentReplicas": sum(self._revision(p) == self.current for p in alive),
        }
        current = self.current
        if counts["updatedReplicas"] == len(self.wanted) == counts["readyReplicas"] == len(self.by_ordinal):
            # The update is complete: what was new is current.
            current = self.update
            counts["currentReplicas"] = counts["updatedReplicas"]
        names = {"currentRevision": current, "updateRevision": self.update}
        old = self.stateful_set.status
        if all(getattr(old, k) == v for k, v in {**counts, **names}.items()):
            return []
        always = ("replicas", "availableReplicas")
        status = {k: v if v or k in always else None for k, v in counts.items()} | names
        metadata = self.stateful_set.metadata
        key = key_of(self.stateful_set)
        patch = {"status": status}
        return [Patch(STATEFULSETS.resource, key, patch, subresource="status", uid=metadata.uid, by_update=True)]

    def _cleanup(self) -> Sequence[Intent]:
        prefix = f"{self.stateful_set.metadata.name}-"
        live = {name.removeprefix(prefix) for name in (self.update, self.current)}
        live |= {self._revision(p).removeprefix(prefix) for p in self.pods}
        limit = self.stateful_set.spec.revisionHistoryLimit
        return history.surplus(self.revisions, live, 10 if limit is None else limit)


CONTROLLER = Controller(
    "statefulset-controller",
    (
        Watch(STATEFULSETS, same_key),
        Watch(PODS, keys_of_claimants("StatefulSet", STATEFULSETS, label_selector)),
        Watch(CONTROLLERREVISIONS, keys_of_owner("StatefulSet")),
    ),
    reconcile,
    reads=(CLAIMS,),
)
