"""From a kubelet's /metrics/resource to the use of processor and memory. Pure.

Processor time comes as a total, so its use needs two points. Worked example:
    10.0 s of processor time at 12:00:00, 11.5 s at 12:00:15 -> 100m over a window of 15 s

A container that started between the two points used nothing before it started.

Source: metrics-server (which samples count, quantities as it writes them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from navarch.base import quantity
from navarch.base.times import format_duration, format_time
from navarch.schema.types import Tree

#: Over a shorter time a rate says nothing.
LEAST_WINDOW_S: Final = 0.5
#: A container whose only point is this late after its start shows nothing until there is another one.
LONGEST_WINDOW_S: Final = 90.0
API_VERSION: Final = "metrics.k8s.io/v1beta1"

_LINE: Final = re.compile(
    r"(node|container)_(cpu_usage|memory_working_set|start_time)_\w+(?:\{(.*)\})? (\S+)(?: (\d+))?"
)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')

#: (namespace, pod, container); all empty: the node itself.
Who = tuple[str, str, str]
NODE: Final[Who] = ("", "", "")


@dataclass(slots=True)
class Point:
    """What one container or node had used when it was looked at. Times are seconds since the epoch."""

    at: float = 0.0
    cpu_nanos: int = 0
    memory_bytes: int = 0
    started_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """Use over `window_s` until `at`."""

    at: float
    window_s: float
    nano_cores: int
    memory_bytes: int

    @property
    def tree(self) -> Tree:
        """The ResourceList."""
        memory = quantity.from_value(self.memory_bytes, "BinarySI")
        return {"cpu": str(quantity.Quantity(self.nano_cores)), "memory": str(memory)}


@dataclass(frozen=True, slots=True)
class Scrape:
    """All points of one node, taken at about `at`."""

    at: float = 0.0
    points: Mapping[Who, Point] = field(default_factory=dict)


def parse(text: str, now: float) -> Scrape:
    """What a kubelet's text says; lines of other metrics are passed over."""
    points: dict[Who, Point] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        labels = dict(_LABEL.findall(found[3] or ""))
        who = (labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))
        if (found[1] == "node") != (who == NODE):
            continue
        point = points.setdefault(who, Point(now))
        if found[2] == "cpu_usage":
            point.cpu_nanos = _nanos(found[4])
            point.at = int(found[5]) / 1000 if found[5] else now
        elif found[2] == "memory_working_set":
            point.memory_bytes = int(float(found[4]))
        else:
            point.started_at = float(found[4])
    return Scrape(now, points)


def _nanos(seconds: str) -> int:
    whole, dot, fraction = seconds.partition(".")
    if dot and whole.isdigit() and fraction.isdigit():
        return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
    return int(float(seconds) * 1e9)


def use(before: Point | None, after: Point) -> Use | None:
    """The use between two points; None where they do not tell."""
    if before is None or after.started_at > before.at or after.cpu_nanos < before.cpu_nanos:
        if not after.started_at or after.at - after.started_at > LONGEST_WINDOW_S:
            return None
        before = Point(after.started_at)
    window_s = after.at - before.at
    if window_s < LEAST_WINDOW_S:
        return None
    nano_cores = int((after.cpu_nanos - before.cpu_nanos) / window_s)
    return Use(after.at, window_s, nano_cores, after.memory_bytes)


@dataclass(frozen=True, slots=True)
class Look:
    """Two scrapes of one node."""

    before: Scrape
    after: Scrape

    def use(self, who: Who) -> Use | None:
        after = self.after.points.get(who)
        return use(self.before.points.get(who), after) if after is not None else None


def node_metrics(node: Tree, look: Look) -> Tree | None:
    """NodeMetrics of a Node, None if it was not measured."""
    used = look.use(NODE)
    return None if used is None else {**_head("NodeMetrics", node, used.at, used.window_s), "usage": used.tree}


def pod_metrics(pod: Tree, look: Look) -> Tree | None:
    """PodMetrics of a Pod, None until all of its running containers are measured."""
    metadata = pod["metadata"]
    found: list[tuple[str, Use]] = []
    for name in _running(pod):
        used = look.use((metadata["namespace"], metadata["name"], name))
        if used is None:
            return None
        found.append((name, used))
    if not found:
        return None
    latest = max((used for _, used in found), key=lambda used: used.at)
    containers = [{"name": name, "usage": used.tree} for name, used in found]
    return {**_head("PodMetrics", pod, latest.at, latest.window_s), "containers": containers}


def _running(pod: Tree) -> Iterable[str]:
    status = pod.get("status") or {}
    for key in ("containerStatuses", "initContainerStatuses"):
        for each in status.get(key) or ():
            if "running" in (each.get("state") or {}):
                yield each["name"]


def _head(kind: str, about: Tree, at: float, window_s: float) -> Tree:
    named = {key: about["metadata"][key] for key in ("name", "namespace", "labels") if about["metadata"].get(key)}
    return {
        "kind": kind,
        "apiVersion": API_VERSION,
        "metadata": {**named, "creationTimestamp": format_time(at)},
        "timestamp": format_time(at),
        "window": format_duration(round(window_s, 3)),
    }
