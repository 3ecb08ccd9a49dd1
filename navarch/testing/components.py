"""The components of the simulated control plane, each with an identity and a link of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from navarch.client import identities
from navarch.control.collectors import run_controllers
from navarch.control.config import Config
from navarch.scheduler.run import Scheduler

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster

#: Published to every namespace; nothing in a simulation verifies it.
ROOT_CA = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class Component:
    """`run` makes the coroutine that is the component."""

    name: str
    run: Callable[[Cluster], Awaitable[None]]


@dataclass(slots=True)
class Running:
    """A component at work."""

    component: Component
    task: asyncio.Task[None]

    def stop(self) -> None:
        self.task.cancel()


def start(component: Component, cluster: Cluster) -> Running:
    coroutine = component.run(cluster)
    return Running(component, cluster.loop.create_task(coroutine, name=component.name))  # type: ignore[arg-type]


def _control(cluster: Cluster) -> Awaitable[None]:
    resources = tuple(
        served.resource
        for served in cluster.server.resources
        if served.builtin and {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )
    config = Config(resources=resources, root_ca=ROOT_CA, cluster_cidrs=("10.128.0.0/9",))
    client = cluster.client_for("kube-controller-manager", identities.CONTROLLER_MANAGER)

    def client_for(name: str):  # type: ignore[no-untyped-def]
        return cluster.client_for("kube-controller-manager", identities.controller(name))

    return run_controllers(client, cluster.seams, config, client_for=client_for)


def _scheduler(cluster: Cluster) -> Awaitable[None]:
    client = cluster.client_for("kube-scheduler", identities.SCHEDULER)
    return Scheduler(client, cluster.seams).run()


CONTROL_PLANE: tuple[Component, ...] = (
    Component("kube-controller-manager", _control),
    Component("kube-scheduler", _scheduler),
)
