"""`Cluster`: the whole control plane and its nodes in one process, on a virtual clock.

The components are those of production. What differs is beneath them: a simulated loop for time, a
seeded source of chance, a store in memory, links that can fail, and nodes without containers. Nothing
sleeps, no thread runs, and one seed gives one history (`event_hash`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from navarch.base import times
from navarch.base.errors import StatusError, UsageError
from navarch.base.resource import Resource
from navarch.client import identities
from navarch.client.contract import PatchType
from navarch.client.direct import direct_client
from navarch.client.rest import RestClient
from navarch.node.runtime.script import Scripts
from navarch.schema.types import Tree
from navarch.seams.sim import DEFAULT_EPOCH, SimLoop, sim_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.contract import Event
from navarch.store.memory import MemoryStore
from navarch.testing import components
from navarch.testing.links import Link, linked_client
from navarch.testing.manifests import Manifest, load
from navarch.testing.nodes import NodeShape, SimNode
from navarch.testing.objects import Names, Obj, obj_of
from navarch.testing.settle import Changes, advance_to, settle
from navarch.wire.messages import User

T = TypeVar("T")

#: Events are a component's diary; their writes do not count as writes that a crash may fall between.
_DIARY = "/events"

#: How long a node that stopped reporting is taken for alive. Source: node lifecycle, 40 s and a look.
NODE_GRACE_S = 50.0


class Cluster:
    """`nodes` many simulated nodes, named node-1, node-2, ...; every choice of chance comes from `seed`.

    Use it as a context manager, or `close` it. Raises: UsageError for calls that cannot be carried out
    (unknown node, resource or duration, a closed cluster), StatusError for what the API refuses.
    """

    def __init__(
        self,
        nodes: int | Sequence[NodeShape] = 1,
        *,
        seed: int = 0,
        epoch: float = DEFAULT_EPOCH,
        _parent: Cluster | None = None,
    ) -> None:
        self.seed = seed
        self.seams = sim_seams(seed, epoch)
        self.loop: SimLoop = self.seams.loop
        self.scripts: Scripts = Scripts() if _parent is None else _parent.scripts
        self.links: dict[str, Link] = {}
        self.nodes: dict[str, SimNode] = {}
        self._closed = False
        self._due = 0.0
        self._hash = hashlib.sha256()
        self._changes = Changes()
        self._components: dict[str, components.Running] = {}
        self.store: MemoryStore = _bootstrapped(epoch).fork() if _parent is None else _parent.store.fork()
        self._run(self.store.start())
        self.server = ApiServer(self.store, self.seams)
        self._names = Names(self.server.resources)
        self._follow_store()
        self.client = direct_client(self.server.handle_as, identities.ADMIN, "navarch-test")
        for component in components.CONTROL_PLANE:
            self._start(component)
        shapes = [NodeShape(f"node-{i}", i) for i in range(1, nodes + 1)] if isinstance(nodes, int) else nodes
        for shape in shapes:
            self._add(shape)
        self.loop.run_until_idle()

    # --- life

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for name in list(self._components):
            self._components.pop(name).stop()
        for node in self.nodes.values():
            node.crash_kubelet()
        self.loop.run_until_idle()
        self.server.close()
        self.loop.close()

    def _use(self) -> None:
        if self._closed:
            raise UsageError("this cluster is closed: use it inside its `with` block, or before close()")

    # --- time

    @property
    def now(self) -> float:
        """The cluster's wall clock, seconds since the epoch."""
        return self.seams.clock.now()

    def settle(self, limit: str | float = "2h") -> None:
        """Run until nothing more would happen; virtual time moves on as far as that takes.

        Raises: NotSettled, with the keys that keep changing, after `limit` of virtual time.
        """
        self._use()
        settle(self.loop, self._changes, self._due, seconds(limit))

    def advance(self, duration: str | float) -> None:
        """Let virtual time pass: `"10m"`, `"30d"` or seconds."""
        self._use()
        advance_to(self.loop, self.loop.time() + seconds(duration))

    # --- objects

    def apply(self, manifest: Manifest, namespace: str = "default") -> Any:
        """Server-side apply of one or several objects; the object, or a list of them."""
        applied = [self._apply(tree, namespace) for tree in load(manifest)]
        return applied[0] if len(applied) == 1 else applied

    def _apply(self, tree: Tree, namespace: str) -> Obj:
        resource = self._resource_of(tree)
        metadata = tree.get("metadata") or {}
        if not metadata.get("name"):
            return self.create(tree, namespace)
        place = metadata.get("namespace") or (namespace if resource.namespaced else "")
        call = self.client.patch(
            resource, metadata["name"], tree, PatchType.APPLY, place, field_manager="navarch-test", force=True
        )
        return obj_of(self.run(call))

    def create(self, tree: Tree, namespace: str = "default") -> Obj:
        resource = self._resource_of(tree)
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
        self, kind: str | Resource, name: str, namespace: str = "default", *, propagation: str = "Background"
    ) -> None:
        resource = self._names.find(kind)
        place = namespace if resource.namespaced else ""
        self.run(self.client.delete(resource, name, place, propagation=propagation))

    def scale(self, kind: str | Resource, name: str, replicas: int, namespace: str = "default") -> None:
        self.patch(kind, name, {"spec": {"replicas": replicas}}, namespace, subresource="scale")

    def _resource_of(self, tree: Tree) -> Resource:
        group, _, version = tree.get("apiVersion", "").rpartition("/")
        for served in self.server.resources:
            kind = served.kind
            if (kind.kind, kind.group, kind.version) == (tree.get("kind"), group, version) and "get" in kind.verbs:
                return served.resource
        raise UsageError(f"no kind {tree.get('kind')!r} is served in {tree.get('apiVersion')!r}")

    # --- nodes and faults

    def add_node(self, name: str = "", **shape: Any) -> SimNode:
        """A further node; `shape` are fields of NodeShape."""
        self._use()
        index = max((n.shape.index for n in self.nodes.values()), default=0) + 1
        node = self._add(NodeShape(name or f"node-{index}", index, **shape))
        self.loop.run_until_idle()
        return node

    def node(self, name: str) -> SimNode:
        """Raises: UsageError for an unknown name."""
        found = self.nodes.get(name)
        if found is None:
            raise UsageError(f"there is no node {name!r}; there are {', '.join(self.nodes) or 'none'}")
        return found

    def kill_node(self, name: str) -> None:
        """Switch a node off: its containers are gone, its Node stays until somebody notices."""
        self._use()
        self.node(name).power_off()
        self._due = self.loop.time() + NODE_GRACE_S

    def start_node(self, name: str) -> None:
        """Switch a node on again, or heal its link."""
        self._use()
        node = self.node(name)
        node.link.cut = False
        node.start(self.loop)
        self.loop.run_until_idle()

    def partition(self, name: str) -> None:
        """Cut a node off the API server; its containers go on."""
        self._use()
        link = self.node(name).link
        link.cut = True
        link.drop_watches()
        self._due = self.loop.time() + NODE_GRACE_S

    def crash(self, component: str) -> None:
        """Kill a component of the control plane, or a node's kubelet, and start it again at once."""
        self._use()
        if component in self.nodes:
            node = self.nodes[component]
            node.crash_kubelet()
            self.loop.run_until_idle()
            node.start(self.loop)
            return
        running = self._components.get(component)
        if running is None:
            raise UsageError(f"there is no component {component!r}; there are {', '.join(self._components)}")
        running.stop()
        self.loop.run_until_idle()
        self._start(running.component)

    # --- history

    def event_hash(self) -> str:
        """A digest of every change in the store so far, in order."""
        return self._hash.hexdigest()

    def fork(self) -> Cluster:
        """A copy of this cluster that goes its own way. Stored objects are shared until they differ.

        Components start anew in the copy, as after a crash, and take up what they find. Settle first: what
        a component was about to do is not copied.
        """
        self._use()
        twin = Cluster(0, seed=self.seed, epoch=self.now, _parent=self)
        for name, node in self.nodes.items():
            copied = twin._make_node(node.shape)
            copied.restore(node.snapshot())
            if node.running:
                copied.start(twin.loop)
            twin.nodes[name] = copied
        twin.loop.run_until_idle()
        return twin

    def _follow_store(self) -> None:
        index = self.store.index
        for bucket in sorted({served.bucket for served in self.server.resources}):
            index.watch(bucket, index.revision, self._note)

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            self._hash.update(b"-" if event.deleted else b"+")
            self._hash.update(event.entry.key.encode())
            self._hash.update(event.entry.value)
        self._changes.note(events)

    # --- running

    def run(self, awaitable: Awaitable[T]) -> T:
        """Carry out one asynchronous call in virtual time, and what follows from it at once."""
        self._use()
        return self._run(awaitable)

    def _run(self, awaitable: Awaitable[T]) -> T:
        return self.loop.run_until_complete(awaitable)

    def client_for(self, name: str, user: User) -> RestClient:
        """A client over a link of its own, as components have."""
        link = self.links.setdefault(name, Link(name, counts=lambda call: _DIARY not in call.path))
        return linked_client(self.server.handle_as, user, link)

    def _start(self, component: components.Component) -> None:
        running = components.start(component, self)
        self._components[component.name] = running
        self.links[component.name].on_crash = lambda: self._restart(component)

    def _restart(self, component: components.Component) -> None:
        """Kill a component in the midst of things; it starts again a second later."""
        self._components[component.name].stop()
        self.loop.call_later(1.0, self._start, component)

    def _add(self, shape: NodeShape) -> SimNode:
        node = self.nodes[shape.name] = self._make_node(shape)
        node.start(self.loop)
        return node

    def _make_node(self, shape: NodeShape) -> SimNode:
        user = identities.node(shape.name)
        link = self.links.setdefault(shape.name, Link(shape.name, counts=lambda call: _DIARY not in call.path))

        def make_client() -> RestClient:
            return linked_client(self.server.handle_as, user, link)

        return SimNode(shape, self.seams, self.scripts, link, make_client)


def seconds(duration: str | float) -> float:
    """`"90s"`, `"10m"`, `"30d"`, or a number. Raises: UsageError."""
    if isinstance(duration, int | float):
        return float(duration)
    text = duration.strip()
    try:
        if text.endswith("d"):
            return float(text[:-1]) * 86400
        return times.parse_duration(text)
    except ValueError:
        raise UsageError(f"{duration!r} is no duration: write it like 90s, 10m, 2h30m or 30d") from None


_templates: dict[float, MemoryStore] = {}


def _bootstrapped(epoch: float) -> MemoryStore:
    """A store with everything that a cluster starts with; made once per process and epoch."""
    template = _templates.get(epoch)
    if template is None:
        seams = sim_seams(0, epoch)
        template = MemoryStore()
        seams.loop.run_until_complete(template.start())
        server = ApiServer(template, seams)
        seams.loop.run_until_complete(bootstrap(server, BootstrapConfig()))
        server.close()
        _templates[epoch] = template
    return template
