"""`Cluster`: the whole control plane and its nodes in one process, on a virtual clock.

The components are those of production. What differs is beneath them: a simulated loop for time, a
seeded source of chance, a store in memory, links that can fail, and nodes without containers. Nothing
sleeps, no thread runs, and one seed gives one history (`event_hash`).
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from navarch.base import times
from navarch.base.errors import UsageError
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.client.informer import Informer
from navarch.client.rest import RestClient
from navarch.node.runtime.script import Scripts
from navarch.seams.sim import DEFAULT_EPOCH, SimClock, SimLoop, SimRng, SimSeams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.stages import Stage
from navarch.server.subresources.backends import Handle, KubeletAccess
from navarch.store.contract import Event
from navarch.testing.calls import MANAGER, Calls
from navarch.testing.components import CONTROL_PLANE, Controllers, Running
from navarch.testing.disk import SimStore
from navarch.testing.faults import Faults
from navarch.testing.links import Link, linked_client
from navarch.testing.nodes import NodeShape, SimNode, silent
from navarch.testing.objects import Names
from navarch.testing.settle import Changes, advance_to, settle, wait_for
from navarch.wire.messages import User

T = TypeVar("T")


class Cluster(Calls, Faults):
    """`nodes` many simulated nodes, named node-1, node-2, ...; every choice of chance comes from `seed`.

    Use it as a context manager, or `close` it. Raises: UsageError for calls that cannot be carried out
    (unknown node, resource or duration, a closed cluster), StatusError for what the API refuses.
    """

    #: The nodes to be switched on with the control plane, as soon as anything is asked of this cluster;
    #: None: it runs.
    _asleep: tuple[str, ...] | None

    def __init__(self, nodes: int | Sequence[NodeShape] = 1, *, seed: int = 0, epoch: float = DEFAULT_EPOCH) -> None:
        # The loop comes first: while there is one, the collector leaves alone what the template is made of.
        loop = SimLoop()
        self._set_up(loop, seed, epoch, _template(epoch).fork(), SimRng(seed), SimRng(seed + 1))
        self.scripts = Scripts()
        shapes = [NodeShape(f"node-{i}", i) for i in range(1, nodes + 1)] if isinstance(nodes, int) else nodes
        for shape in shapes:
            self.nodes[shape.name] = self._make_node(shape)
        self._asleep = tuple(self.nodes)
        self._wake()

    def _set_up(self, loop: SimLoop, seed: int, epoch: float, store: SimStore, rng: SimRng, weather: SimRng) -> None:
        """An API server over `store`, and nothing yet that uses it."""
        self.seed = seed
        self.loop = loop
        self.seams = SimSeams(SimClock(self.loop, epoch), rng, self.loop)
        #: The weather between the components: apart from the chance that they themselves take.
        self._weather = weather
        self.links: dict[str, Link] = {}
        self.nodes: dict[str, SimNode] = {}
        self._closed = False
        self._due = 0.0
        self._hash = hashlib.sha256()
        self._changes = Changes()
        self._components: dict[str, Running] = {}
        self._asleep = ()
        self.store = store
        self._run(store.start())
        self.server = ApiServer(store, self.seams, ServerConfig(kubelets=KubeletAccess(local=self._kubelet)))
        self._names = Names(self.server.resources)
        self._follow_store()
        self.client = direct_client(self.server.handle_as, identities.ADMIN, MANAGER)

    def _wake(self) -> None:
        """Start the components."""
        if self._asleep is None:
            return
        asleep, self._asleep = self._asleep, None
        # What a first start writes came with the template.
        self.server.pages.progress.reach(*Stage)
        for component in CONTROL_PLANE:
            self._start(component)
        for name in asleep:
            self.nodes[name].start(self.loop.create_task)
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
        for running in self._components.values():
            running.stop()
        for node in self.nodes.values():
            node.crash_kubelet()
        self.loop.run_until_idle()
        self.server.close()
        self.loop.close()

    def _use(self) -> None:
        self._check_open()
        self._wake()

    def _check_open(self) -> None:
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

    def wait_for(self, what: Callable[[], object], limit: str | float = "2h") -> None:
        """Let virtual time pass until `what()` is true; it is asked whenever something has happened.

        Raises: NotSettled if it is not within `limit` of virtual time.
        """
        self._use()
        wait_for(self.loop, self._changes, what, seconds(limit))

    # --- nodes

    def add_node(self, name: str = "", **shape: Any) -> SimNode:
        """A further node; `shape` are fields of NodeShape."""
        self._use()
        index = max((n.shape.index for n in self.nodes.values()), default=0) + 1
        made = NodeShape(name or f"node-{index}", index, **shape)
        node = self.nodes[made.name] = self._make_node(made)
        node.start(self.loop.create_task)
        self.loop.run_until_idle()
        return node

    def informers(self) -> Iterator[tuple[str, Informer[Any]]]:
        """The informers of the control plane, each with the component's name: what it believes."""
        self._use()
        for name, running in self._components.items():
            if isinstance(running.part, Controllers):
                yield from ((name, informer) for informer in running.part.informers)

    # --- history

    def event_hash(self) -> str:
        """A digest of every change in the store so far, in order."""
        return self._hash.hexdigest()

    def fork(self) -> Cluster:
        """A copy of this cluster that goes its own way. Stored objects are shared until they differ; faults
        that last are copied.

        Components start anew in the copy, as after a crash, when something is first asked of it, and take
        up what they find. Settle first: what a component was about to do is not copied.
        """
        self._check_open()
        twin = Cluster.__new__(Cluster)
        twin._set_up(SimLoop(), self.seed, self.now, self.store.fork(), self.seams.rng.copy(), self._weather.copy())
        twin.scripts = self.scripts
        twin.store.full, twin.store.latency_s = self.store.full, self.store.latency_s
        twin.links = {name: link.copy(twin._weather) for name, link in self.links.items()}
        twin._due = max(0.0, self._due - self.loop.time())
        for name, node in self.nodes.items():
            copied = twin.nodes[name] = twin._make_node(node.shape)
            twin.loop.call_soon(copied.restore, node.snapshot())
        twin.loop.run_until_idle()
        awake = tuple(name for name, node in self.nodes.items() if node.powered)
        twin._asleep = awake if self._asleep is None else self._asleep
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
        if self._closed and isinstance(awaitable, Coroutine):
            awaitable.close()
        self._use()
        return self._run(awaitable)

    def _run(self, awaitable: Awaitable[T]) -> T:
        return self.loop.run_until_complete(awaitable)

    def client_for(self, name: str, user: User) -> RestClient:
        """A client over a link of its own, as components have."""
        return linked_client(self.server.handle_as, user, self._link_for(name))

    def _link_for(self, name: str) -> Link:
        return self.links.setdefault(name, Link(name, self._weather))

    def _kubelet(self, name: str, _path: str) -> Handle:
        """Who answers for the kubelet of a node: it is in this process, or nobody is."""
        node = self.nodes.get(name)
        server = node.server() if node is not None and node.running else None
        return server.handle if server is not None else silent

    def _make_node(self, shape: NodeShape) -> SimNode:
        link = self._link_for(shape.name)

        def make_client() -> RestClient:
            link.dead = False
            return linked_client(self.server.handle_as, identities.node(shape.name), link)

        link.on_crash = lambda: self._crashed(shape.name)
        return SimNode(shape, self.seams, self.scripts, make_client)


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


_templates: dict[float, SimStore] = {}

#: The template's ids must not be those that a cluster draws from its own seed.
_TEMPLATE_SEED = 1 << 64


def _template(epoch: float) -> SimStore:
    """The store of a cluster without nodes that has come to rest; made once per process and epoch."""
    template = _templates.get(epoch)
    if template is None:
        bare = Cluster.__new__(Cluster)
        bare._set_up(SimLoop(), _TEMPLATE_SEED, epoch, SimStore(), SimRng(_TEMPLATE_SEED), SimRng(0))
        bare._run(bootstrap(bare.server, BootstrapConfig()))
        bare.settle()
        bare.close()
        template = _templates[epoch] = bare.store
        # Modules, facts and the template live as long as the process: the collector need not look at
        # them time and again while clusters come and go.
        gc.freeze()
    return template
