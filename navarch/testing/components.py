"""The components of the simulated control plane, each with an identity and a link of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from navarch.client import identities
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.control.catalog import single_minded
from navarch.control.collectors import run_collectors
from navarch.control.config import Config
from navarch.control.runner import ControlPlane
from navarch.control.sources import PODS
from navarch.control.views import Bare
from navarch.scheduler.run import Scheduler
from navarch.seams.contract import Seams
from navarch.server.app import ApiServer
from navarch.wire.messages import User

#: Published to every namespace; nothing in a simulation verifies it.
ROOT_CA = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n"


class Site(Protocol):
    """Where components run: a simulated cluster, or a live one."""

    server: ApiServer

    @property
    def seams(self) -> Seams: ...

    def client_for(self, name: str, user: User) -> Client: ...


class Part(Protocol):
    """A component at work: it gets nothing but a client, seams and configuration."""

    def run(self) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Component:
    """`make` builds it anew at each start."""

    name: str
    make: Callable[[Site], Part]


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


class PatientScheduler:
    """A scheduler that is made when the first pod waits for a node: numpy takes as long to load as all the
    rest of a cluster, and many tests have no pods."""

    def __init__(self, client: Client, seams: Seams) -> None:
        self._client = client
        self._seams = seams

    async def run(self) -> None:
        found = asyncio.Event()
        pods = Informer(self._client, PODS.resource, Bare, field_selector="spec.nodeName=", rng=self._seams.rng)
        pods.on_change(lambda _key, _old, _new: found.set())
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(pods.run())
            group.create_task(_when(found, looking.cancel))
        await Scheduler(self._client, self._seams).run()


async def _when(event: asyncio.Event, act: Callable[[], object]) -> None:
    await event.wait()
    act()


def start(component: Component, site: Site, loop: asyncio.AbstractEventLoop) -> Running:
    part = component.make(site)
    return Running(component, part, loop.create_task(part.run(), name=component.name))


def _control(site: Site) -> Part:
    resources = tuple(
        served.resource
        for served in site.server.resources
        if served.builtin and {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )
    config = Config(resources=resources, root_ca=ROOT_CA, cluster_cidrs=("10.128.0.0/9",))
    client = site.client_for("kube-controller-manager", identities.CONTROLLER_MANAGER)

    def client_for(name: str) -> Client:
        return site.client_for("kube-controller-manager", identities.controller(name))

    return Controllers(client, site.seams, config, client_for)


def _scheduler(site: Site) -> Part:
    return PatientScheduler(site.client_for("kube-scheduler", identities.SCHEDULER), site.seams)


CONTROL_PLANE: tuple[Component, ...] = (
    Component("kube-controller-manager", _control),
    Component("kube-scheduler", _scheduler),
)
