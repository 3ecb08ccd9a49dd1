"""What the node and its pods use: /stats/summary for people and metrics-server, /metrics/resource for scrapers.

Pure: from runtime statistics and the machine's usage to JSON and text. Rates (nano cores) need two samples;
`Rates` keeps the last one.

Source: the kubelet's `stats/v1alpha1` types; the resource metrics endpoint's metric names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from navarch.api.views.pod import Pod
from navarch.base.times import format_time
from navarch.node.host.contract import MachineFacts, Usage
from navarch.node.runtime.contract import ContainerStats
from navarch.schema.types import Tree


@dataclass(slots=True)
class Rates:
    """CPU totals seen last, by container id (empty: the node): (time, nanoseconds)."""

    seen: dict[str, tuple[float, int]] = field(default_factory=dict)

    def nano_cores(self, key: str, now: float, total_nanos: int) -> int:
        """Use since the last sample; 0 for the first."""
        then, before = self.seen.get(key, (now, total_nanos))
        self.seen[key] = (now, total_nanos)
        return int(max(total_nanos - before, 0) / (now - then)) if now > then else 0


def summary(
    node: str,
    machine: MachineFacts,
    usage: Usage,
    pods: Iterable[Pod],
    stats: Sequence[ContainerStats],
    rates: Rates,
    now: float,
) -> Tree:
    """The Summary of /stats/summary."""
    stamp = format_time(now)
    used = usage.memory_total_bytes - usage.memory_available_bytes
    return {
        "node": {
            "nodeName": node,
            "startTime": format_time(machine.started_at),
            "cpu": {
                "time": stamp,
                "usageNanoCores": rates.nano_cores("", now, usage.cpu_nanos),
                "usageCoreNanoSeconds": usage.cpu_nanos,
            },
            "memory": {
                "time": stamp,
                "availableBytes": usage.memory_available_bytes,
                "usageBytes": used,
                "workingSetBytes": used,
            },
            "fs": {
                "time": stamp,
                "availableBytes": usage.storage_available_bytes,
                "capacityBytes": usage.storage_total_bytes,
                "usedBytes": usage.storage_total_bytes - usage.storage_available_bytes,
                "inodesFree": usage.inodes_free,
                "inodes": usage.inodes,
            },
            "rlimit": {"time": stamp, "maxpid": usage.pids_max, "curproc": usage.pids},
        },
        "pods": [_pod(pod, [s for s in stats if s.pod_uid == pod.metadata.uid], rates, stamp) for pod in pods],
    }


def _pod(pod: Pod, stats: Sequence[ContainerStats], rates: Rates, stamp: str) -> Tree:
    containers = [_container(s, rates, stamp) for s in stats]
    meta = pod.metadata
    return {
        "podRef": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
        "startTime": pod.status.startTime,
        "containers": containers,
        "cpu": {
            "time": stamp,
            "usageNanoCores": sum(c["cpu"]["usageNanoCores"] for c in containers),
            "usageCoreNanoSeconds": sum(s.cpu_nanos for s in stats),
        },
        "memory": {
            "time": stamp,
            "usageBytes": sum(s.memory_usage_bytes for s in stats),
            "workingSetBytes": sum(s.memory_working_set_bytes for s in stats),
            "rssBytes": sum(s.memory_rss_bytes for s in stats),
        },
    }


def _container(stats: ContainerStats, rates: Rates, stamp: str) -> Tree:
    return {
        "name": stats.name,
        "cpu": {
            "time": stamp,
            "usageNanoCores": rates.nano_cores(stats.id, stats.timestamp, stats.cpu_nanos),
            "usageCoreNanoSeconds": stats.cpu_nanos,
        },
        "memory": {
            "time": stamp,
            "usageBytes": stats.memory_usage_bytes,
            "workingSetBytes": stats.memory_working_set_bytes,
            "rssBytes": stats.memory_rss_bytes,
        },
        "rootfs": {"time": stamp, "usedBytes": stats.writable_layer_bytes},
    }


def resource_metrics(usage: Usage, pods: Iterable[Pod], stats: Sequence[ContainerStats], now: float) -> str:
    """/metrics/resource in the text format; every sample carries the milliseconds at which it was taken."""
    names = {p.metadata.uid: (p.metadata.namespace, p.metadata.name) for p in pods}
    known = [(s, *names[s.pod_uid]) for s in stats if s.pod_uid in names]
    used = usage.memory_total_bytes - usage.memory_available_bytes
    cpu, memory, started = [], [], []
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for s, namespace, name in known:
        labels, at = f'{{container="{s.name}",namespace="{namespace}",pod="{name}"}}', round(s.timestamp * 1000)
        cpu.append(f"container_cpu_usage_seconds_total{labels} {_seconds(s.cpu_nanos)} {at}")
        memory.append(f"container_memory_working_set_bytes{labels} {s.memory_working_set_bytes} {at}")
        started.append(f"container_start_time_seconds{labels} {s.started_at:.3f}")
        cpu_nanos, memory_bytes = totals.get((namespace, name), (0, 0))
        totals[namespace, name] = (cpu_nanos + s.cpu_nanos, memory_bytes + s.memory_working_set_bytes)
    stamp = round(now * 1000)
    of_pods = [(f'{{namespace="{space}",pod="{name}"}}', *total) for (space, name), total in totals.items()]
    families = {
        ("container_cpu_usage_seconds_total", "counter"): cpu,
        ("container_memory_working_set_bytes", "gauge"): memory,
        ("container_start_time_seconds", "gauge"): started,
        ("node_cpu_usage_seconds_total", "counter"): [
            f"node_cpu_usage_seconds_total {_seconds(usage.cpu_nanos)} {stamp}"
        ],
        ("node_memory_working_set_bytes", "gauge"): [f"node_memory_working_set_bytes {used} {stamp}"],
        ("pod_cpu_usage_seconds_total", "counter"): [
            f"pod_cpu_usage_seconds_total{labels} {_seconds(nanos)} {stamp}" for labels, nanos, _ in of_pods
        ],
        ("pod_memory_working_set_bytes", "gauge"): [
            f"pod_memory_working_set_bytes{labels} {held} {stamp}" for labels, _, held in of_pods
        ],
        ("resource_scrape_error", "gauge"): ["resource_scrape_error 0"],
    }
    out = []
    for (name, type_), lines in families.items():
        out += [f"# HELP {name} [STABLE] {_HELP[name]}", f"# TYPE {name} {type_}", *lines]
    return "\n".join(out) + "\n"


_HELP = {
    "container_cpu_usage_seconds_total": "Processor time of the container since it started",
    "container_memory_working_set_bytes": "Working set of the container",
    "container_start_time_seconds": "Start of the container, since the epoch",
    "node_cpu_usage_seconds_total": "Processor time of the node since it booted",
    "node_memory_working_set_bytes": "Working set of the node",
    "pod_cpu_usage_seconds_total": "Processor time of the pod's containers",
    "pod_memory_working_set_bytes": "Working set of the pod's containers",
    "resource_scrape_error": "1 if something could not be measured",
}


def _seconds(nanos: int) -> str:
    """Exactly: a total of months still tells microseconds apart."""
    return f"{nanos // 1_000_000_000}.{nanos % 1_000_000_000:09}"
