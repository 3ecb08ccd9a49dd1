"""`kubectl describe node`."""

from __future__ import annotations

from navarch.base import quantity
from navarch.cli.output.describe.context import Context, Lines, rfc1123, yes
from navarch.cli.selection import Found
from navarch.schema.types import Tree

_ROLE = "node-role.kubernetes.io/"
_SYSTEM_INFO = (
    ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)  # fmt: skip
_ALWAYS_SHOWN = ("cpu", "memory", "ephemeral-storage")


def node(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    labels: dict[str, str] = metadata.get("labels") or {}
    out.line(0, "Name:", found.name)
    roles = sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))
    out.line(0, "Roles:", ",".join(roles) or "<none>")
    out.labels("Labels", labels)
    out.annotations(metadata.get("annotations"))
    out.line(0, "CreationTimestamp:", rfc1123(metadata.get("creationTimestamp")))
    taints = [
        f"{t['key']}{'=' + t['value'] if t.get('value') else ''}:{t['effect']}" for t in _sorted(spec.get("taints"))
    ]
    out.pairs("Taints", taints)
    out.line(0, "Unschedulable:", yes(spec.get("unschedulable")))
    _lease(out, found, context)
    _conditions(out, status)
    _addresses(out, status)
    for title, key in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        amounts: dict[str, str] = status.get(key) or {}
        if amounts:
            out.put(0, f"{title}:\n")
            for name in sorted(amounts):
                out.line(1, f"{name}:", amounts[name])
    info = status.get("nodeInfo") or {}
    out.put(0, "System Info:\n")
    for title, key in _SYSTEM_INFO:
        out.line(1, f"{title}:", info.get(key, ""))
    if spec.get("podCIDR"):
        out.line(0, "PodCIDR:", spec["podCIDR"])
    if spec.get("podCIDRs"):
        out.line(0, "PodCIDRs:", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        out.line(0, "ProviderID:", spec["providerID"])
    _pods(out, found, status, context)
    context.events(out, found)
    return out.render()


def _lease(out: Lines, found: Found, context: Context) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{found.name}"
    lease = context.get(path)
    if lease is None:
        out.line(0, "Lease:", f'Failed to get lease: leases.coordination.k8s.io "{found.name}" not found')
        return
    spec = lease.get("spec") or {}
    out.put(0, "Lease:\n")
    out.line(1, "HolderIdentity:", spec.get("holderIdentity", "<unset>"))
    out.line(1, "AcquireTime:", rfc1123(spec["acquireTime"]) if spec.get("acquireTime") else "<unset>")
    out.line(1, "RenewTime:", rfc1123(spec["renewTime"]) if spec.get("renewTime") else "<unset>")


def _conditions(out: Lines, status: Tree) -> None:
    if not status.get("conditions"):
        return
    out.put(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n")
    out.put(0, "  ----\t------\t-----------------\t------------------\t------\t-------\n")
    for c in status["conditions"]:
        times = f"{rfc1123(c.get('lastHeartbeatTime'))} \t{rfc1123(c.get('lastTransitionTime'))}"
        out.put(0, f"  {c['type']} \t{c['status']} \t{times} \t{c.get('reason', '')} \t{c.get('message', '')}\n")


def _addresses(out: Lines, status: Tree) -> None:
    out.put(0, "Addresses:\n")
    for address in status.get("addresses") or []:
        out.line(1, f"{address['type']}:", address["address"])


def _pods(out: Lines, found: Found, status: Tree, context: Context) -> None:
    selector = f"spec.nodeName={found.name},status.phase!=Succeeded,status.phase!=Failed"
    pods = context.items("/api/v1/pods", fieldSelector=selector)
    allocatable: dict[str, str] = status.get("allocatable") or status.get("capacity") or {}
    out.line(0, "Non-terminated Pods:", f"({len(pods)} in total)")
    heads = ("Namespace", "Name", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    out.put(0, "  " + "\t".join(heads) + "\n")
    out.put(0, "  " + "\t".join("-" * len(head) for head in heads) + "\n")
    totals: dict[tuple[str, str], int] = {}
    for pod in pods:
        cells = [pod["metadata"]["namespace"], pod["metadata"]["name"]]
        amounts = {kind: _amounts(pod, kind) for kind in ("requests", "limits")}
        for kind, of_kind in amounts.items():
            for name, nano in of_kind.items():
                totals[kind, name] = totals.get((kind, name), 0) + nano
        for name in ("cpu", "memory"):
            cells += [_share(amounts[kind].get(name, 0), name, allocatable) for kind in ("requests", "limits")]
        out.put(0, "  " + "\t".join([*cells, context.age(pod["metadata"].get("creationTimestamp"))]) + "\n")
    out.put(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n")
    out.put(0, "  Resource\tRequests\tLimits\n  --------\t--------\t------\n")
    extended = sorted(name for name in allocatable if name not in (*_ALWAYS_SHOWN, "pods"))
    for name in (*_ALWAYS_SHOWN, *extended):
        shown = [_share(totals.get((kind, name), 0), name, allocatable) for kind in ("requests", "limits")]
        out.put(0, f"  {name}\t{shown[0]}\t{shown[1]}\n")


def _amounts(pod: Tree, kind: str) -> dict[str, int]:
    """What a pod's containers ask for together; a larger init container counts instead."""
    total: dict[str, int] = {}
    for container in pod["spec"]["containers"]:
        for name, text in ((container.get("resources") or {}).get(kind) or {}).items():
            total[name] = total.get(name, 0) + quantity.parse(text).nano
    for container in pod["spec"].get("initContainers") or []:
        for name, text in ((container.get("resources") or {}).get(kind) or {}).items():
            total[name] = max(total.get(name, 0), quantity.parse(text).nano)
    return total


def _share(nano: int, name: str, allocatable: dict[str, str]) -> str:
    """`250m (6%)`"""
    of = quantity.parse(allocatable[name]).nano if name in allocatable else 0
    style: quantity.Format = "DecimalSI" if name == "cpu" else "BinarySI"
    return f"{quantity.Quantity(nano, style)} ({nano * 100 // of if of else 0}%)"


def _sorted(taints: list[Tree] | None) -> list[Tree]:
    return sorted(taints or [], key=lambda taint: (taint["effect"], taint["key"]))
