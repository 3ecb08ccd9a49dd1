"""Random histories: what users do to a cluster, and what goes wrong meanwhile, from a seed.

`workload(seed)` is pure: the same seed gives the same operations. Each operation knows how to happen
(`run`), and what it changes in the world as declared. One that makes no sense where it stands (an update
of a deployment that is not there) does nothing, so that a failing history can be shortened at will.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from navarch.base.errors import StatusError
from navarch.node.runtime.script import Script
from navarch.testing import builders
from navarch.testing.cluster import Cluster
from navarch.testing.invariants import Invariants
from navarch.testing.rest import CAUSE, Declared, Key

#: Nodes of a random cluster and their size; what is declared fits with a node to spare.
NODES, NODE_CPUS = 4, 4

NAMESPACES = ("default", "team")
NAMES = ("web", "api")
IMAGES = ("app:1", "app:2", "app:3")
JOB_IMAGE = "job:1"
#: Its containers take their time to stop.
SLOW_IMAGE, SLOW_STOP_S = "slow:1", 4.0

_USERS_CANNOT = (403, 404, 409)


@dataclass(slots=True)
class Play:
    """A history under way."""

    c: Cluster
    invariants: Invariants
    declared: Declared
    #: Images that each deployment had, the newest last.
    images: dict[Key, list[str]]


class Op(Protocol):
    """One thing that happens."""

    def run(self, play: Play) -> None: ...


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float

    def run(self, play: Play) -> None:
        play.c.advance(self.seconds)


@dataclass(frozen=True, slots=True)
class Deploy:
    """Create a deployment, or change what there is."""

    key: Key
    replicas: int
    image: str
    surge: int | str
    unavailable: int | str

    def run(self, play: Play) -> None:
        c, (namespace, name) = play.c, self.key
        home = c.find("namespace", namespace)
        if home is None:
            c.apply(builders.namespace(namespace))
        elif home.metadata.deletionTimestamp or _is_going(c, self.key):
            return
        tree = builders.deployment(
            name,
            self.replicas,
            self.image,
            max_surge=self.surge,
            max_unavailable=self.unavailable,
            requests={"cpu": "400m"},
        )
        tree["metadata"]["annotations"] = {CAUSE: self.image}
        c.apply(tree, namespace)
        play.declared.deployments[self.key] = (self.replicas, self.image)
        play.images.setdefault(self.key, []).append(self.image)


@dataclass(frozen=True, slots=True)
class Scale:
    key: Key
    replicas: int

    def run(self, play: Play) -> None:
        namespace, name = self.key
        if self.key in play.declared.deployments:
            play.c.scale("deployment", name, self.replicas, namespace)
            play.declared.deployments[self.key] = (self.replicas, play.declared.deployments[self.key][1])


@dataclass(frozen=True, slots=True)
class SetImage:
    """Update a deployment; without an image: undo the last update."""

    key: Key
    image: str = ""

    def run(self, play: Play) -> None:
        known = play.images.get(self.key, [])
        image = self.image or (known[-2] if len(known) > 1 else "")
        if self.key not in play.declared.deployments or not image:
            return
        namespace, name = self.key
        path = "/spec/template/spec/containers/0/image"
        update = {"op": "replace", "path": path, "value": image}
        cause = {"op": "replace", "path": f"/metadata/annotations/{CAUSE.replace('/', '~1')}", "value": image}
        play.c.patch("deployment", name, [update, cause], namespace)
        play.declared.deployments[self.key] = (play.declared.deployments[self.key][0], image)
        known.append(image)


@dataclass(frozen=True, slots=True)
class Undeploy:
    key: Key
    propagation: str

    def run(self, play: Play) -> None:
        namespace, name = self.key
        if self.key in play.declared.deployments:
            play.c.delete("deployment", name, namespace, propagation=self.propagation)
            del play.declared.deployments[self.key]
            play.images.pop(self.key, None)


@dataclass(frozen=True, slots=True)
class RunJob:
    name: str
    completions: int
    parallelism: int

    def run(self, play: Play) -> None:
        key = ("default", self.name)
        if key not in play.declared.jobs:
            tree = builders.job(
                self.name, JOB_IMAGE, completions=self.completions, parallelism=self.parallelism, backoff_limit=50
            )
            play.c.apply(tree)
            play.declared.jobs[key] = self.completions


@dataclass(frozen=True, slots=True)
class Daemon:
    """Create a daemon set, or delete it if it is there."""

    name: str

    def run(self, play: Play) -> None:
        key = ("default", self.name)
        if key in play.declared.daemon_sets:
            play.c.delete("daemonset", self.name)
            play.declared.daemon_sets.discard(key)
        else:
            play.c.apply(builders.daemon_set(self.name, requests={"cpu": "100m"}))
            play.declared.daemon_sets.add(key)


@dataclass(frozen=True, slots=True)
class Serve:
    """A service for the deployment of the same name."""

    key: Key

    def run(self, play: Play) -> None:
        namespace, name = self.key
        home = play.c.find("namespace", namespace)
        if home is not None and not home.metadata.deletionTimestamp:
            play.c.apply(builders.service(name), namespace)
            play.declared.services.add(self.key)


@dataclass(frozen=True, slots=True)
class Solo:
    """A pod of nobody on one node. If it is there, it is told to end, taken away while it does, and made again:
    a kubelet that hears late of the new one must spare it."""

    name: str
    node: str

    def run(self, play: Play) -> None:
        key = ("default", self.name)
        if key in play.declared.pods:
            play.c.delete("pod", self.name)
            play.c.advance(SLOW_STOP_S + 1)
            play.c.delete("pod", self.name, grace_s=0)
        play.c.apply(builders.pod(self.name, SLOW_IMAGE, nodeName=self.node))
        play.declared.pods.add(key)


@dataclass(frozen=True, slots=True)
class EndNamespace:
    name: str

    def run(self, play: Play) -> None:
        play.c.delete("namespace", self.name)
        play.declared.forget_namespace(self.name)
        for key in [k for k in play.images if k[0] == self.name]:
            del play.images[key]


@dataclass(frozen=True, slots=True)
class Drain:
    node: str

    def run(self, play: Play) -> None:
        play.invariants.excuse(120)
        play.c.drain(self.node)


@dataclass(frozen=True, slots=True)
class Uncordon:
    node: str

    def run(self, play: Play) -> None:
        play.c.uncordon(self.node)


@dataclass(frozen=True, slots=True)
class KillNode:
    """Switch a node off, if all others are on."""

    node: str

    def run(self, play: Play) -> None:
        if all(n.running for n in play.c.nodes.values()):
            play.invariants.excuse(600)
            play.c.kill_node(self.node)


@dataclass(frozen=True, slots=True)
class StartNode:
    node: str

    def run(self, play: Play) -> None:
        play.invariants.excuse(120)
        play.c.start_node(self.node)


@dataclass(frozen=True, slots=True)
class LinkFault:
    """`kind` is a method of `Faults` that takes a component and an amount."""

    kind: str
    component: str
    amount: float

    def run(self, play: Play) -> None:
        c = play.c
        actions: dict[str, Callable[[], None]] = {
            "delay": lambda: c.delay(self.component, self.amount),
            "lag": lambda: c.lag(self.component, self.amount),
            "reorder": lambda: c.reorder(self.component, self.amount),
            "drop": lambda: c.drop(self.component),
            "conflict": lambda: c.conflict(self.component, int(self.amount)),
            "lose_answers": lambda: c.lose_answers(self.component, int(self.amount)),
            "crash_after": lambda: c.crash_after(self.component, int(self.amount)),
            "heal": lambda: c.heal(self.component),
        }
        actions[self.kind]()


@dataclass(frozen=True, slots=True)
class Partition:
    """Cut a node off for so long."""

    node: str
    seconds: float

    def run(self, play: Play) -> None:
        play.invariants.excuse(self.seconds + 120)
        play.c.partition(self.node)
        play.c.advance(self.seconds)
        play.c.heal(self.node)


@dataclass(frozen=True, slots=True)
class FullDisk:
    seconds: float

    def run(self, play: Play) -> None:
        play.invariants.excuse(self.seconds + 120)
        play.c.fill_disk()
        play.c.advance(self.seconds)
        play.c.free_disk()


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """Every write takes so long from now on."""

    seconds: float

    def run(self, play: Play) -> None:
        play.c.slow_disk(self.seconds)


@dataclass(frozen=True, slots=True)
class JumpClock:
    seconds: float

    def run(self, play: Play) -> None:
        play.invariants.excuse(120)
        play.c.jump_clock(self.seconds)


def new_cluster(seed: int) -> Cluster:
    """The cluster in which a workload plays."""
    c = Cluster(0, seed=seed)
    for _ in range(NODES):
        c.add_node(cpus=NODE_CPUS)
    c.scripts.image(JOB_IMAGE, Script(exit_after_s=20))
    c.scripts.image(SLOW_IMAGE, Script(stop_s=SLOW_STOP_S))
    return c


def _is_going(c: Cluster, key: Key) -> bool:
    found = c.find("deployment", key[1], key[0])
    return found is not None and bool(found.metadata.deletionTimestamp)


def attempt(op: Op, play: Play) -> None:
    """Let it happen. What a user is refused was not done."""
    try:
        op.run(play)
    except StatusError as error:
        if error.code not in _USERS_CANNOT:
            raise


def workload(seed: int, length: int = 24) -> tuple[Op, ...]:
    """A random history, with a pause after each operation. It begins with something to work on."""
    chance = random.Random(seed)
    ops: list[Op] = [_deploy(chance), Serve((NAMESPACES[0], NAMES[0]))]
    for _ in range(length):
        make = chance.choices([m for m, _ in _MENU], [w for _, w in _MENU])[0]
        ops += [make(chance), Pause(chance.choice((0.0, 0.02, 0.5, 3.0, 15.0, 45.0)))]
    return tuple(ops)


def _key(chance: random.Random) -> Key:
    return chance.choice(NAMESPACES), chance.choice(NAMES)


def _node(chance: random.Random) -> str:
    return f"node-{chance.randint(1, NODES)}"


def _component(chance: random.Random) -> str:
    return chance.choice(("kube-controller-manager", "kube-controller-manager", "kube-scheduler", _node(chance)))


def _deploy(chance: random.Random) -> Op:
    surge, unavailable = chance.choice(((1, 0), (0, 1), ("25%", "25%"), (2, 1), ("50%", 0)))
    return Deploy(_key(chance), chance.randint(0, 5), chance.choice(IMAGES), surge, unavailable)


def _link_fault(chance: random.Random) -> Op:
    kind = chance.choice(
        ("delay", "lag", "reorder", "drop", "conflict", "lose_answers", "crash_after", "crash_after", "heal")
    )
    if kind == "lag":
        amount = chance.choice((0.01, 0.2))
    else:
        amount = round(chance.uniform(0.1, 4.0), 2) if kind in ("delay", "reorder") else chance.randint(1, 5)
    return LinkFault(kind, _component(chance), amount)


#: What may happen, and how often.
_MENU: tuple[tuple[Callable[[random.Random], Op], int], ...] = (
    (_deploy, 6),
    (lambda r: Scale(_key(r), r.randint(0, 5)), 6),
    (lambda r: SetImage(_key(r), r.choice(IMAGES)), 6),
    (lambda r: SetImage(_key(r)), 2),
    (lambda r: Undeploy(_key(r), r.choice(("Background", "Foreground"))), 2),
    (lambda r: RunJob(f"job-{r.randint(1, 3)}", r.randint(1, 4), r.randint(1, 3)), 2),
    (lambda r: Daemon("agent"), 1),
    (lambda r: Serve(_key(r)), 2),
    (lambda r: EndNamespace(NAMESPACES[1]), 1),
    (lambda r: Drain(_node(r)), 1),
    (lambda r: Uncordon(_node(r)), 1),
    (lambda r: KillNode(_node(r)), 1),
    (lambda r: StartNode(_node(r)), 1),
    (_link_fault, 10),
    (lambda r: Partition(_node(r), r.choice((5.0, 60.0, 400.0))), 1),
    (lambda r: FullDisk(r.choice((1.0, 20.0))), 1),
    (lambda r: SlowDisk(r.choice((0.0, 0.005, 0.1))), 2),
    (lambda r: JumpClock(r.choice((-3600.0, 30.0, 3600.0))), 1),
)
