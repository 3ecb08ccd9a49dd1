"""What fake containers use: as much as their scripts say, from their start on.

Processor time is counted when somebody looks, at the rate of that moment. So a script that changes counts from
the last look on.
"""

from __future__ import annotations

from collections.abc import Iterable

from navarch.base import quantity
from navarch.node.host.memory import Load
from navarch.node.runtime.contract import ContainerStats, ContainerStatus
from navarch.node.runtime.script import Script

#: By container: when it was looked at last, and its processor time until then in nanoseconds.
Readings = dict[str, tuple[float, int]]


class Meter:
    """Reads the containers of one runtime. `gone_nanos` is what ended containers have used."""

    def __init__(self) -> None:
        self.readings: Readings = {}
        self.gone_nanos = 0

    def read(self, status: ContainerStatus, script: Script, now: float) -> ContainerStats:
        """One running container."""
        at, nanos = self.readings.get(status.id, (status.started_at, 0))
        nanos += int(quantity.milli_value(script.cpu) * 1_000_000 * max(now - at, 0.0))
        self.readings[status.id] = (now, nanos)
        memory = quantity.value(script.memory)
        return ContainerStats(
            status.id,
            status.pod_uid,
            status.name,
            now,
            status.started_at,
            nanos,
            memory,
            memory,
            writable_layer_bytes=quantity.value(script.disk),
        )

    def ended(self, container_id: str) -> None:
        self.gone_nanos += self.readings.pop(container_id, (0.0, 0))[1]

    def total(self, stats: Iterable[ContainerStats]) -> Load:
        """Processor time of all that ever ran, memory and disk of what runs."""
        cpu, memory, disk = self.gone_nanos, 0, 0
        for each in stats:
            cpu += each.cpu_nanos
            memory += each.memory_working_set_bytes
            disk += each.writable_layer_bytes
        return Load(cpu, memory, disk)
