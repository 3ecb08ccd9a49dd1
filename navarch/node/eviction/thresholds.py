"""When a node is under pressure: signals, their thresholds, and what KubeletConfiguration says of them. Pure.

A threshold is met while less is available than it says; a soft one counts when it has been met for its grace
period. Worked example: {"memory.available": "100Mi", "nodefs.available": "10%"}

Source: the kubelet's `eviction/api` and `eviction/helpers.go`; the documentation of node-pressure eviction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from navarch.base import quantity
from navarch.base.times import parse_duration
from navarch.node.host.contract import Usage
from navarch.schema.types import Tree

#: Signal -> (condition of the node, resource as messages name it). The order is that in which they are dealt with.
SIGNALS: Final[Mapping[str, tuple[str, str]]] = {
    "memory.available": ("MemoryPressure", "memory"),
    "nodefs.available": ("DiskPressure", "ephemeral-storage"),
    "nodefs.inodesFree": ("DiskPressure", "inodes"),
    "imagefs.available": ("DiskPressure", "ephemeral-storage"),
    "imagefs.inodesFree": ("DiskPressure", "inodes"),
    "pid.available": ("PIDPressure", "pids"),
}
DISK: Final = frozenset(signal for signal, (condition, _) in SIGNALS.items() if condition == "DiskPressure")
#: Source: the kubelet's defaults on Linux.
DEFAULT_HARD: Final[Mapping[str, str]] = {
    "memory.available": "100Mi",
    "nodefs.available": "10%",
    "nodefs.inodesFree": "5%",
    "imagefs.available": "15%",
    "imagefs.inodesFree": "5%",
}


@dataclass(frozen=True, slots=True)
class EvictionConfig:
    """The fields of KubeletConfiguration that begin with `eviction`: quantities or percentages by signal. A hard
    threshold of 0% is none."""

    hard: Mapping[str, str] = field(default_factory=lambda: DEFAULT_HARD)
    soft: Mapping[str, str] = field(default_factory=dict)
    soft_grace_s: Mapping[str, float] = field(default_factory=dict)
    minimum_reclaim: Mapping[str, str] = field(default_factory=dict)
    pressure_transition_s: float = 300.0
    max_pod_grace_s: int = 0


class EvictionConfigError(ValueError):
    """The settings contradict themselves; the message says how."""


def config_of(tree: Tree) -> EvictionConfig:
    """From a KubeletConfiguration. Raises: EvictionConfigError."""
    config = EvictionConfig(
        hard=_texts(tree, "evictionHard") if "evictionHard" in tree else DEFAULT_HARD,
        soft=_texts(tree, "evictionSoft"),
        soft_grace_s={k: parse_duration(v) for k, v in _texts(tree, "evictionSoftGracePeriod").items()},
        minimum_reclaim=_texts(tree, "evictionMinimumReclaim"),
        pressure_transition_s=parse_duration(str(tree.get("evictionPressureTransitionPeriod") or "5m0s")) or 300.0,
        max_pod_grace_s=int(tree.get("evictionMaxPodGracePeriod") or 0),
    )
    for signal in (*config.hard, *config.soft, *config.minimum_reclaim):
        if signal not in SIGNALS:
            raise EvictionConfigError(f"unknown eviction signal {signal}")
    for signal in config.soft:
        if signal not in config.soft_grace_s:
            raise EvictionConfigError(f"grace period must be specified for the soft eviction threshold {signal}")
    list(thresholds(config))
    return config


def _texts(tree: Tree, name: str) -> dict[str, str]:
    found: dict[str, Any] = tree.get(name) or {}
    return {key: str(value) for key, value in found.items()}


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a signal's capacity: `share` of it, or an absolute number."""

    text: str
    absolute: int = 0
    share: float = 0.0

    def of(self, capacity: int) -> int:
        return int(capacity * self.share) if self.share else self.absolute


def amount(text: str) -> Amount:
    """Raises: EvictionConfigError."""
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if not 0 <= share <= 1:
                raise EvictionConfigError(f"eviction percentage threshold must be from 0% to 100%: {text}")
            return Amount(text, share=share)
        return Amount(text, absolute=quantity.value(text))
    except ValueError as error:
        raise EvictionConfigError(f"eviction threshold {text!r}: {error}") from error


@dataclass(frozen=True, slots=True)
class Threshold:
    """`grace_s` 0: a hard one. `reclaim`: what has to be free beyond the value before the pressure ends."""

    signal: str
    value: Amount
    grace_s: float = 0.0
    hard: bool = True
    reclaim: Amount = Amount("0")


def thresholds(config: EvictionConfig) -> Iterator[Threshold]:
    """All of them, in the order in which they are dealt with. Raises: EvictionConfigError."""
    for signal in SIGNALS:
        reclaim = amount(config.minimum_reclaim.get(signal, "0"))
        if signal in config.hard:
            yield Threshold(signal, amount(config.hard[signal]), reclaim=reclaim)
        if signal in config.soft:
            grace_s = config.soft_grace_s.get(signal, 0.0)
            yield Threshold(signal, amount(config.soft[signal]), grace_s, hard=False, reclaim=reclaim)


@dataclass(frozen=True, slots=True)
class Level:
    """What a signal measures: bytes, inodes or processes."""

    available: int
    capacity: int


def levels(usage: Usage) -> dict[str, Level]:
    """The signals of a machine; one whose capacity is unknown is left out."""
    found = {
        "memory.available": Level(usage.memory_available_bytes, usage.memory_total_bytes),
        "nodefs.available": Level(usage.storage_available_bytes, usage.storage_total_bytes),
        "nodefs.inodesFree": Level(usage.inodes_free, usage.inodes),
        "imagefs.available": Level(usage.images_available, usage.images_capacity),
        "imagefs.inodesFree": Level(*_image_inodes(usage)),
        "pid.available": Level(usage.pids_max - usage.pids, usage.pids_max),
    }
    return {signal: level for signal, level in found.items() if level.capacity > 0}


def _image_inodes(usage: Usage) -> tuple[int, int]:
    if usage.images_total_bytes:
        return usage.images_inodes_free, usage.images_inodes
    return usage.inodes_free, usage.inodes


def is_met(threshold: Threshold, level: Level, *, with_reclaim: bool) -> bool:
    wanted = threshold.value.of(level.capacity)
    if with_reclaim:
        wanted += threshold.reclaim.of(level.capacity)
    return level.available < wanted
