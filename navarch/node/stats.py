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


def resource_metrics(usage: Usage, pods: Iterable[Pod], stats: Sequence[ContainerStats]) -> str:
    """/metrics/resource in the text format."""
    names = {p.metadata.uid: (p.metadata.namespace, p.metadata.name) for p in pods}
    used = usage.memory_total_bytes - usage.memory_available_bytes
    out = [
        "# TYPE node_cpu_usage_seconds_total counter",
        f"node_cpu_usage_seconds_total {usage.cpu_nanos / 1e9:.6f}",
        "# TYPE node_memory_working_set_bytes gauge",
        f"node_memory_working_set_bytes {used}",
        "# TYPE container_cpu_usage_seconds_total counter",
    ]
    known = [(s, *names[s.pod_uid]) for s in stats if s.pod_uid in names]
    for s, namespace, name in known:
        labels = f'{{container="{s.name}",namespace="{namespace}",pod="{name}"}}'
        out.append(f"container_cpu_usage_seconds_total{labels} {s.cpu_nanos / 1e9:.6f}")
    out.append("# TYPE container_memory_working_set_bytes gauge")
    for s, namespace, name in known:
        labels = f'{{container="{s.name}",namespace="{namespace}",pod="{name}"}}'
        out.append(f"container_memory_working_set_bytes{labels} {s.memory_working_set_bytes}")
    return "\n".join(out) + "\n"
