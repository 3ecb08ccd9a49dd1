"""The node IPAM controller: gives every node a range of pod addresses out of the cluster's.

One key for the whole cluster, so that no range is given twice. Pure: the ranges in use are read from
the nodes each time.

Source: Kubernetes' range allocator (`--cluster-cidr`, `--node-cidr-mask-size`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from navarch.api.views.node import Node
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Event, Intent, Patch, Plan
from navarch.control.sources import NODES
from navarch.control.world import Controller, Watch, World

CLUSTER: Final = "cluster"

Network = IPv4Network | IPv6Network


def reconcile(cidrs: Sequence[tuple[str, int]], world: World, _key: str, _now: float) -> Plan:
    nodes = sorted(world[NODES].values(), key=lambda n: n.metadata.name)
    waiting = [n for n in nodes if not n.spec.podCIDR and n.metadata.deletionTimestamp is None]
    if not waiting:
        return DONE
    used = {c for n in nodes for c in (n.spec.podCIDRs or (n.spec.podCIDR,)) if c}
    free = [_free(ip_network(cidr), mask, used) for cidr, mask in cidrs]
    intents: list[Intent] = []
    for node in waiting:
        given = [next(f, None) for f in free]
        chosen = [str(g) for g in given if g is not None]
        if len(chosen) < len(given) or not chosen:
            text = f"Node {node.metadata.name} status is now: CIDRNotAvailable"
            intents.append(Event(reference(NODES.resource, node.metadata), "Normal", "CIDRNotAvailable", text))
            continue
        patch = {"spec": {"podCIDR": chosen[0], "podCIDRs": chosen}}
        intents.append(Patch(NODES.resource, key_of(node), patch, uid=node.metadata.uid))
    return Plan(tuple(intents))


def _free(cluster: Network, mask: int, used: set[str]) -> Iterator[Network]:
    taken = [ip_network(u) for u in used]
    exact = {str(t) for t in taken if t.prefixlen == mask}
    odd = [t for t in taken if t.prefixlen != mask and t.version == cluster.version]
    for candidate in cluster.subnets(new_prefix=mask):
        if str(candidate) not in exact and not any(candidate.overlaps(t) for t in odd):
            yield candidate


def _on_node(_world: World, _key: ObjectKey, old: Node | None, new: Node | None) -> tuple[str, ...]:
    """A new node wants a range; one that goes gives its back."""
    return (CLUSTER,) if new is None or not new.spec.podCIDR else ()


def controller(cidrs: Sequence[tuple[str, int]]) -> Controller:
    """`cidrs`: (cluster network, prefix length of a node's range) per IP family."""
    return Controller("node-controller", (Watch(NODES, _on_node),), partial(reconcile, cidrs), workers=1)
