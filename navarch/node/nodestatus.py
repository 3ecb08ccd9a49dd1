"""The Node object as its kubelet writes it: pure, from configuration and what the machine says.

Source: the kubelet's `nodestatus/setters.go` (conditions, texts), `kubelet_node_status.go` (labels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from navarch.base import quantity
from navarch.base.times import format_time
from navarch.node.config import NodeConfig
from navarch.node.host.contract import MachineFacts, Usage
from navarch.node.runtime.contract import ImageRef, RuntimeCondition, Version
from navarch.schema.types import Tree

#: Images named in the status.
IMAGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured for one status. `pressures` are the conditions that are True."""

    machine: MachineFacts
    usage: Usage
    version: Version
    conditions: Sequence[RuntimeCondition]
    images: Sequence[ImageRef] = ()
    pressures: frozenset[str] = frozenset()


def capacity(config: NodeConfig, machine: MachineFacts) -> dict[str, str]:
    """What the node has in all."""
    found = {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{machine.storage_bytes // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{machine.memory_bytes // 1024}Ki",
        "pods": str(config.max_pods),
    }
    return found | dict(config.capacity)


def allocatable(config: NodeConfig, machine: MachineFacts) -> dict[str, str]:
    """What pods may use of it."""
    out = {}
    for name, text in capacity(config, machine).items():
        total = quantity.parse(text)
        out[name] = str(total.sub(quantity.parse(config.reserved[name]))) if name in config.reserved else text
    return out


def node_object(config: NodeConfig, seen: Seen, now: float) -> Tree:
    """The Node to register."""
    machine = seen.machine
    labels = {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": machine.operating_system,
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": config.name,
        "kubernetes.io/os": machine.operating_system,
        **config.labels,
    }
    annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true", **config.annotations}
    spec: Tree = {}
    if config.pod_cidr:
        spec |= {"podCIDR": config.pod_cidr, "podCIDRs": [config.pod_cidr]}
    if config.provider_id:
        spec["providerID"] = config.provider_id
    if config.taints:
        spec["taints"] = [dict(t) for t in config.taints]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.name, "labels": labels, "annotations": annotations},
        "spec": spec,
        "status": node_status(config, seen, {}, now),
    }


def node_status(config: NodeConfig, seen: Seen, before: Mapping[str, Tree], now: float) -> Tree:
    """NodeStatus. `before` are the conditions written last, by type: their transition times are kept."""
    machine = seen.machine
    status: Tree = {
        "capacity": capacity(config, machine),
        "allocatable": allocatable(config, machine),
        "conditions": [_condition(found, before.get(found["type"]), now) for found in _conditions(seen)],
        "addresses": [{"type": type_, "address": address} for type_, address in config.addresses],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.system_uuid,
            "bootID": machine.boot_id,
            "kernelVersion": machine.kernel_version,
            "osImage": machine.os_image,
            "containerRuntimeVersion": f"{seen.version.name}://{seen.version.version}",
            "kubeletVersion": config.kubelet_version,
            "kubeProxyVersion": "",
            "operatingSystem": machine.operating_system,
            "architecture": machine.architecture,
        },
    }
    largest = sorted(seen.images, key=lambda i: (-i.size_bytes, i.id))[:IMAGES_SHOWN]
    if largest:
        status["images"] = [{"names": [*i.digests, *i.tags], "sizeBytes": i.size_bytes} for i in largest]
    return status


def _conditions(seen: Seen) -> list[Tree]:
    return [
        _pressure("MemoryPressure", seen, "KubeletHasInsufficientMemory", "KubeletHasSufficientMemory"),
        _pressure("DiskPressure", seen, "KubeletHasDiskPressure", "KubeletHasNoDiskPressure"),
        _pressure("PIDPressure", seen, "KubeletHasInsufficientPID", "KubeletHasSufficientPID"),
        _ready(seen),
    ]


_TEXTS = {
    "KubeletHasInsufficientMemory": "kubelet has insufficient memory available",
    "KubeletHasSufficientMemory": "kubelet has sufficient memory available",
    "KubeletHasDiskPressure": "kubelet has disk pressure",
    "KubeletHasNoDiskPressure": "kubelet has no disk pressure",
    "KubeletHasInsufficientPID": "kubelet has insufficient PID available",
    "KubeletHasSufficientPID": "kubelet has sufficient PID available",
}


def _pressure(type_: str, seen: Seen, bad: str, good: str) -> Tree:
    pressed = type_ in seen.pressures
    reason = bad if pressed else good
    return {"type": type_, "status": "True" if pressed else "False", "reason": reason, "message": _TEXTS[reason]}


def _ready(seen: Seen) -> Tree:
    failed = [c for c in seen.conditions if not c.status]
    if failed:
        problems = []
        for found in failed:
            name = "container runtime" if found.type == "RuntimeReady" else "container runtime network"
            problems.append(f"{name} not ready: {found.type}=false reason:{found.reason} message:{found.message}")
        return {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": ", ".join(problems)}
    text = "kubelet is posting ready status"
    return {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": text}


def _condition(found: Tree, before: Tree | None, now: float) -> Tree:
    stamp = format_time(now)
    kept = before is not None and before["status"] == found["status"]
    since = before["lastTransitionTime"] if kept and before is not None else stamp
    return {
        "type": found["type"],
        "status": found["status"],
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": since,
        "reason": found["reason"],
        "message": found["message"],
    }


def differs(before: Tree, after: Tree) -> bool:
    """Something other than heartbeat times changed."""
    return _timeless(before) != _timeless(after)


def _timeless(status: Tree) -> Tree:
    conditions = [{k: v for k, v in c.items() if k != "lastHeartbeatTime"} for c in status.get("conditions", ())]
    return {**status, "conditions": conditions}
