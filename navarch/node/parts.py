"""What all pod workers of one kubelet share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from navarch.api.views.pod import ObjectReference, Pod
from navarch.api.views.service import Service
from navarch.client.contract import Client
from navarch.node.config import NodeConfig
from navarch.node.host.contract import Host
from navarch.node.images import Images
from navarch.node.objects import Objects
from navarch.node.probes import Prober
from navarch.node.runtime.contract import Runtime
from navarch.node.status import NodeFacts
from navarch.node.statuses import Statuses
from navarch.seams.contract import Seams


class Events(Protocol):
    """Where events go: `navarch.client.recorder.Recorder`, or nowhere."""

    def event(self, about: ObjectReference, type_: str, reason: str, message: str) -> None: ...


class NoEvents:
    """Notes nothing, for simulations where nobody reads events."""

    def event(self, about: ObjectReference, type_: str, reason: str, message: str) -> None:
        """Forget it."""


@dataclass(slots=True)
class Parts:
    """`spawn` runs a coroutine as a task that the kubelet's TaskGroup owns."""

    config: NodeConfig
    client: Client
    seams: Seams
    runtime: Runtime
    host: Host
    prober: Prober
    images: Images
    objects: Objects
    statuses: Statuses
    events: Events
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    node: NodeFacts
    machine_memory_bytes: int
    starting: asyncio.Semaphore
    services: Callable[[], Iterable[Service]] = tuple
    allocatable: Mapping[str, str] = field(default_factory=dict)
    #: The pods that hold resources of the node.
    holders: Callable[[], list[Pod]] = list

    def now(self) -> float:
        return self.seams.clock.now()
