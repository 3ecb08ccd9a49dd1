"""What may go wrong, on purpose: in nodes, links, components, the disk and the clock.

A component is named as in `Cluster.components`: `kube-controller-manager`, `kube-scheduler`, or a node's
name for its kubelet. `resource` is a plural (`pods`); "" means all. Everything here happens in the
virtual instant of the call, and lasts until it is undone (`heal`) unless it says otherwise.
"""

from __future__ import annotations

from navarch.base.errors import UsageError
from navarch.client.rest import RestClient
from navarch.seams.sim import SimLoop, SimSeams
from navarch.server.app import ApiServer
from navarch.testing import components
from navarch.testing.components import Component, Running
from navarch.testing.disk import SimStore
from navarch.testing.links import Link
from navarch.testing.nodes import SimNode
from navarch.wire.messages import User

#: How long a node that stopped reporting is taken for alive. Source: node lifecycle, 40 s and a look.
NODE_GRACE_S = 50.0
#: How long a component that was killed stays away.
RESTART_S = 1.0


class Faults:
    """The faults of a `Cluster`."""

    loop: SimLoop
    seams: SimSeams
    server: ApiServer
    store: SimStore
    links: dict[str, Link]
    nodes: dict[str, SimNode]
    _components: dict[str, Running]
    _due: float

    def _use(self) -> None:
        raise NotImplementedError

    def client_for(self, name: str, user: User) -> RestClient:
        """A client over a link of its own, as components have."""
        raise NotImplementedError

    # --- nodes

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
        self._expect_notice()

    def start_node(self, name: str) -> None:
        """Switch a node on again, and heal its link."""
        self._use()
        node = self.node(name)
        self._heal(self._link(name))
        node.start(self.loop.create_task)
        self.loop.run_until_idle()

    def partition(self, name: str) -> None:
        """Cut a node or another component off the API server; its containers go on."""
        self._use()
        link = self._link(name)
        link.cut = True
        link.drop_watches()
        self._expect_notice()

    def _expect_notice(self) -> None:
        """A node's silence means something only after its grace period: settle waits for it."""
        self._due = max(self._due, self.loop.time() + NODE_GRACE_S)

    # --- components

    @property
    def components(self) -> tuple[str, ...]:
        """The names of everything that has a link: the control plane, and the nodes."""
        return (*(component.name for component in components.CONTROL_PLANE), *self.nodes)

    def crash(self, component: str) -> None:
        """Kill a component of the control plane, or a node's kubelet, and start it again at once."""
        self._use()
        self._link(component)
        self._stop(component)
        self.loop.run_until_idle()
        self._start_again(component)

    def crash_after(self, component: str, writes: int = 1) -> None:
        """Kill a component right after its `writes`-th write from now, before it can make another one; it
        starts again a second later. Events and heartbeats do not count as writes."""
        self._use()
        self._link(component).writes_left = writes

    def _crashed(self, component: str) -> None:
        self._stop(component)
        self.loop.call_later(RESTART_S, self._start_again, component)

    def _stop(self, component: str) -> None:
        if component in self.nodes:
            self.nodes[component].crash_kubelet()
        else:
            self._components[component].stop()

    def _start_again(self, component: str) -> None:
        if component in self.nodes:
            if self.nodes[component].powered:
                self.nodes[component].start(self.loop.create_task)
        else:
            self._start(self._components[component].component)

    def _start(self, component: Component) -> None:
        self._components[component.name] = components.start(component, self, self.loop)
        link = self.links[component.name]
        link.dead = False
        link.on_crash = lambda: self._crashed(component.name)

    # --- links

    def delay(self, component: str, seconds: float, resource: str = "") -> None:
        """Watch events reach the component this much later."""
        self._use()
        self._link(component).delays_s[resource] = seconds

    def lag(self, component: str, seconds: float) -> None:
        """The component's calls are on their way for so long: what it has read may be out of date by then."""
        self._use()
        self._link(component).lag_s = seconds

    def reorder(self, component: str, within_s: float, resource: str = "") -> None:
        """Each delivery takes up to `within_s` longer: what one watch tells overtakes what another tells."""
        self._use()
        self._link(component).jitter_s[resource] = within_s

    def drop(self, component: str, resource: str = "") -> None:
        """Lose the component's watch connections, with all events that had not arrived."""
        self._use()
        self._link(component).drop_watches(resource)
        self.loop.run_until_idle()

    def conflict(self, component: str, writes: int = 1) -> None:
        """The component's next updates and patches are answered 409 Conflict."""
        self._use()
        self._link(component).conflicts += writes

    def lose_answers(self, component: str, writes: int = 1) -> None:
        """The component's next writes are carried out, but it hears nothing of it."""
        self._use()
        self._link(component).lost_answers += writes

    def heal(self, component: str = "") -> None:
        """Undo what was done to a component's link, or to all links."""
        self._use()
        for link in [self._link(component)] if component else self.links.values():
            self._heal(link)
        self.loop.run_until_idle()

    def _heal(self, link: Link) -> None:
        if link.cut:
            # Settle must wait until the news has spread: the component tries again with a back-off.
            self._expect_notice()
        link.heal()

    def _link(self, name: str) -> Link:
        found = self.links.get(name)
        if found is None:
            raise UsageError(f"there is no component {name!r}; there are {', '.join(self.components)}")
        return found

    # --- disk and clock

    def fill_disk(self) -> None:
        """The store refuses every write; the API answers writes with 503, reads go on."""
        self._use()
        self.store.full = True

    def free_disk(self) -> None:
        self._use()
        self.store.full = False

    def slow_disk(self, seconds: float) -> None:
        """Every write takes so long from now on: writers of one object come into each other's way."""
        self._use()
        self.store.latency_s = seconds

    def jump_clock(self, seconds: float) -> None:
        """Set the wall clock forward, or back. Timers do not notice."""
        self._use()
        self.seams.clock.jump(seconds)
