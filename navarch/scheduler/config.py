"""The scheduler's configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """`name` is the spec.schedulerName of the pods that are ours."""

    name: str = "default-scheduler"
    #: Pods planned at once: few enough that a plan stays well below 50 ms.
    batch: int = 256
    #: Writes under way at a time.
    writers: int = 64
