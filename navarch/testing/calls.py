"""What a test asks of the API: objects, logs, commands, events. `Cluster` is one of these.

Each call is carried out in virtual time before it returns, with what follows from it at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from navarch.base.errors import StatusError, UsageError
from navarch.base.resource import Resource
from navarch.client.contract import PatchType
from navarch.client.rest import RestClient
from navarch.control.collectors import DEFINITIONS
from navarch.node.logs import LogOptions, LogReader
from navarch.schema.types import Tree
from navarch.testing.manifests import Manifest, load
from navarch.testing.nodes import SimNode
from navarch.testing.objects import Names, Obj, obj_of

if TYPE_CHECKING:
    from navarch.node.runtime.contract import ContainerStatus, ExecResult

T = TypeVar("T")

#: The field manager of a test's applies.
MANAGER = "navarch-test"


class Calls:
    """The verbs. Raises: UsageError for what is not served, StatusError for what the API refuses."""

    client: RestClient
    nodes: dict[str, SimNode]
    _names: Names

    def run(self, awaitable: Awaitable[T]) -> T:
        """Carry out one asynchronous call in virtual time, and what follows from it at once."""
        raise NotImplementedError

    # --- objects

    def apply(self, manifest: Manifest, namespace: str = "default") -> Any:
        """Server-side apply of one or several objects; the object, or a list of them. A definition is served when
        the next object is applied."""
        applied = [self._apply(tree, namespace) for tree in load(manifest)]
        return applied[0] if len(applied) == 1 else applied

    def _apply(self, tree: Tree, namespace: str) -> Obj:
        resource = self._names.of_tree(tree)
        metadata = tree.get("metadata") or {}
        if not metadata.get("name"):
            return self.create(tree, namespace)
        place = metadata.get("namespace") or (namespace if resource.namespaced else "")
        call = self.client.patch(
            resource, metadata["name"], tree, PatchType.APPLY, place, field_manager=MANAGER, force=True
        )
        applied = obj_of(self.run(call))
        if resource == DEFINITIONS:
            self.run(self._judged(applied))
        return applied

    async def _judged(self, definition: Obj) -> None:
        """Waits until a definition is served, or its names are refused."""
        of = f"metadata.name={definition.name}"
        async for batch in self.client.watch(DEFINITIONS, after=0, field_selector=of, initial=True):
            for event in batch:
                if event.type == "BOOKMARK":
                    continue
                found = obj_of(event.raw)
                if "True" in (found.condition("Established").status, found.condition("Terminating").status):
                    return
                if found.condition("NamesAccepted").status == "False":
                    return

    def create(self, tree: Tree, namespace: str = "default") -> Obj:
        resource = self._names.of_tree(tree)
        place = (tree.get("metadata") or {}).get("namespace") or namespace
        return obj_of(self.run(self.client.create(resource, tree, place if resource.namespaced else "")))

    def get(self, kind: str | Resource, name: str, namespace: str = "default") -> Obj:
        """Raises: StatusError 404."""
        resource = self._names.find(kind)
        return obj_of(self.run(self.client.get(resource, name, namespace if resource.namespaced else "")))

    def find(self, kind: str | Resource, name: str, namespace: str = "default") -> Obj | None:
        """The object, None if there is none."""
        try:
            return self.get(kind, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    def list(self, kind: str | Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Obj]:
        """All objects of a kind, in one namespace or in all."""
        resource = self._names.find(kind)
        call = self.client.list(resource, namespace, label_selector=labels, field_selector=fields)
        return [obj_of(raw) for raw in self.run(call).items]

    def patch(
        self, kind: str | Resource, name: str, patch: Any, namespace: str = "default", *, subresource: str = ""
    ) -> Obj:
        """A JSON merge patch, or a JSON patch if it is a list."""
        resource = self._names.find(kind)
        how = PatchType.JSON if isinstance(patch, list) else PatchType.MERGE
        place = namespace if resource.namespaced else ""
        return obj_of(self.run(self.client.patch(resource, name, patch, how, place, subresource=subresource)))

    def delete(
        self,
        kind: str | Resource,
        name: str,
        namespace: str = "default",
        *,
        propagation: str = "Background",
        grace_s: int | None = None,
    ) -> None:
        """`grace_s` 0 takes a pod away at once, whatever its node does."""
        resource = self._names.find(kind)
        place = namespace if resource.namespaced else ""
        self.run(self.client.delete(resource, name, place, propagation=propagation, grace_period_s=grace_s))

    def scale(self, kind: str | Resource, name: str, replicas: int, namespace: str = "default") -> None:
        self.patch(kind, name, {"spec": {"replicas": replicas}}, namespace, subresource="scale")

    def pods_of(self, owner: Obj | str, name: str = "", namespace: str = "default") -> Sequence[Obj]:
        """The pods that a workload controls, directly or through what it controls: `pods_of(deployment)`
        or `pods_of("deployment", "web")`. Sorted by name."""
        found = self.get(owner, name, namespace) if isinstance(owner, str) else owner
        place = found.metadata.namespace
        uids = {found.metadata.uid}
        if found.kind in ("Deployment", "CronJob"):
            between = "replicasets" if found.kind == "Deployment" else "jobs"
            uids |= {o.metadata.uid for o in self.list(between, place) if _controller_uid(o) in uids}
        return [p for p in self.list("pods", place) if _controller_uid(p) in uids]

    # --- pods from within

    def logs(self, pod: str, namespace: str = "default", *, container: str = "", previous: bool = False) -> str:
        """What a container wrote, as `kubectl logs` shows it.

        Raises: UsageError if the pod has no such container, or the container never ran.
        """
        node, status = self._container(pod, namespace, container, previous)
        try:
            written = node.host.read_file(status.log_path)
        except FileNotFoundError:
            raise UsageError(f"container {status.name} of pod {namespace}/{pod} has not started") from None
        return LogReader(LogOptions()).feed(written).decode()

    def exec(
        self, pod: str, command: Sequence[str] | str, namespace: str = "default", *, container: str = ""
    ) -> ExecResult:
        """Run a command in a container; its script says what happens (`Script.exec`)."""
        node, status = self._container(pod, namespace, container, previous=False)
        words = command.split() if isinstance(command, str) else command
        return self.run(node.runtime.exec_sync(status.id, words, 0.0))

    def events(self, about: Obj) -> Sequence[Obj]:
        """The Events about an object, in the order in which they happened."""
        metadata = about.metadata
        found = self.list("events", metadata.namespace or "default", fields=f"involvedObject.uid={metadata.uid}")
        return sorted(found, key=lambda e: (e.lastTimestamp or "", int(e.metadata.resourceVersion)))

    def _container(self, pod: str, namespace: str, name: str, previous: bool) -> tuple[SimNode, ContainerStatus]:
        found = self.get("pod", pod, namespace)
        node = self.nodes.get(found.spec.nodeName or "")
        if node is None:
            raise UsageError(f"pod {namespace}/{pod} is on no node")
        wanted = name or found.spec.containers[0]["name"]
        known = [c["name"] for c in (*(found.spec.initContainers or ()), *found.spec.containers)]
        if wanted not in known:
            raise UsageError(f"pod {namespace}/{pod} has no container {wanted!r}; it has {', '.join(known)}")
        held = self.run(node.runtime.list_containers(found.metadata.uid))
        instances = sorted((c for c in held if c.name == wanted), key=lambda c: c.attempt)
        if len(instances) <= previous:
            what = "previous " if previous else ""
            raise UsageError(f"{what}container {wanted} of pod {namespace}/{pod} has not started")
        return node, instances[-2 if previous else -1]

    # --- nodes as objects

    def cordon(self, node: str) -> None:
        """No further pods are scheduled onto the node."""
        self.patch("node", node, {"spec": {"unschedulable": True}})

    def uncordon(self, node: str) -> None:
        self.patch("node", node, {"spec": {"unschedulable": None}})

    def drain(self, node: str) -> Sequence[str]:
        """Cordon a node and evict its pods, those of daemon sets excepted. Returns the pods that a
        disruption budget protects for now; settle and drain again for those."""
        self.cordon(node)
        refused = []
        for pod in self.list("pods", fields=f"spec.nodeName={node}"):
            owner: Tree = next((o for o in pod.metadata.ownerReferences or () if o.get("controller")), {})
            if owner.get("kind") in ("DaemonSet", "Node"):
                continue
            if not self._evict(pod):
                refused.append(f"{pod.metadata.namespace}/{pod.name}")
        return refused

    def _evict(self, pod: Obj) -> bool:
        metadata = {"name": pod.name, "namespace": pod.metadata.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        pods = self._names.find("pods")
        call = self.client.create(pods, eviction, pod.metadata.namespace, name=pod.name, subresource="eviction")
        try:
            self.run(call)
        except StatusError as error:
            if error.code not in (404, 429):
                raise
            return error.code == 404
        return True


def _controller_uid(obj: Obj) -> str:
    owners = obj.metadata.ownerReferences or ()
    return next((o["uid"] for o in owners if o.get("controller")), "")
