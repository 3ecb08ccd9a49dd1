"""The components of the simulated control plane, each with an identity and a link of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from navarch.client import identities
from navarch.client.contract import Client
from navarch.control.catalog import single_minded
from navarch.control.collectors import run_collectors
from navarch.control.config import Config
from navarch.control.runner import ControlPlane
from navarch.scheduler.run import Scheduler
from navarch.seams.contract import Seams

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster

#: Published to every namespace; nothing in a simulation verifies it.
ROOT_CA = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n"


class Part(Protocol):
    """A component at work: it gets nothing but a client, seams and configuration."""

    def run(self) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Component:
    """`make` builds it anew at each start."""

    name: str
    make: Callable[[Cluster], Part]


@dataclass(slots=True)
class Running:
    """A component at work."""

    component: Component
    part: Part
    task: asyncio.Task[None]

    def stop(self) -> None:
        self.task.cancel()


class Controllers:
    """All controllers. `informers` are what those with fixed sources believe."""

    def __init__(self, client: Client, seams: Seams, config: Config, client_for: Callable[[str], Client]) -> None:
        plane = ControlPlane(client, seams, single_minded(config), client_for=client_for)
        self.informers = tuple(plane.informers.values())
        self._plane = plane
        self._collect = partial(run_collectors, client, seams, config, client_for=client_for)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._plane.run())
            group.create_task(self._collect())


def start(component: Component, cluster: Cluster) -> Running:
    part = component.make(cluster)
    return Running(component, part, cluster.loop.create_task(part.run(), name=component.name))


def _control(cluster: Cluster) -> Part:
    resources = tuple(
        served.resource
        for served in cluster.server.resources
        if served.builtin and {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )
    config = Config(resources=resources, root_ca=ROOT_CA, cluster_cidrs=("10.128.0.0/9",))
    client = cluster.client_for("kube-controller-manager", identities.CONTROLLER_MANAGER)

    def client_for(name: str) -> Client:
        return cluster.client_for("kube-controller-manager", identities.controller(name))

    return Controllers(client, cluster.seams, config, client_for)


def _scheduler(cluster: Cluster) -> Part:
    client = cluster.client_for("kube-scheduler", identities.SCHEDULER)
    return Scheduler(client, cluster.seams)


CONTROL_PLANE: tuple[Component, ...] = (
    Component("kube-controller-manager", _control),
    Component("kube-scheduler", _scheduler),
)
