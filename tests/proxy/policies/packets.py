"""Follows a connection through what policies want of one node, and asks the policies themselves the naive way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from navarch.api.views.base import decode
from navarch.api.views.networking import IPBlock, NetworkPolicy
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.proxy.policies.members import Book, Wanted
from navarch.proxy.policies.rules import EGRESS, INGRESS, Peers, Rule

Tree = dict[str, Any]


def pod(name: str, ip: str, namespace: str = "default", node: str = "node-1", **labels: str) -> Pod:
    """With a port 8080 that is called `web`; `b` in a pod's name makes that 9090."""
    port = 9090 if "b" in name else 8080
    containers = [{"name": "main", "ports": [{"name": "web", "containerPort": port, "protocol": "TCP"}]}]
    tree = {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": containers},
        "status": {"phase": "Running", "podIPs": [{"ip": ip}]},
    }
    return decode(Pod, msgspec.json.encode(tree))


def policy(spec: Tree, namespace: str = "default") -> NetworkPolicy:
    return decode(NetworkPolicy, msgspec.json.encode({"metadata": {"name": "p", "namespace": namespace}, "spec": spec}))


def book(pods: Iterable[Pod], policies: Iterable[NetworkPolicy], namespaces: Mapping[str, Mapping[str, str]]) -> Book:
    found = Book("node-1")
    for name, labels in namespaces.items():
        found.namespace(name, labels)
    for each in pods:
        found.pod(ObjectKey(each.metadata.namespace, each.metadata.name), each)
    for n, made in enumerate(policies):
        found.policy(ObjectKey(made.metadata.namespace, f"p{n}"), made)
    return found


def passes(wanted: Wanted, source: str, destination: str, port: int, protocol: str = "tcp") -> bool:
    """What the node's chains would say of a new connection."""
    if source == destination and any(source in pods for pods in wanted.pods.values()):
        return True
    for direction, address, other in ((EGRESS, source, destination), (INGRESS, destination, source)):
        rules = wanted.pods[direction].get(address)
        if rules is not None and not any(_fits(wanted, rule, other, port, protocol) for rule in rules):
            return False
    return True


def _fits(wanted: Wanted, rule: Rule, other: str, port: int, protocol: str) -> bool:
    match rule.who:
        case IPBlock(cidr, without):
            address = ipaddress.ip_address(other)
            if address not in ipaddress.ip_network(cidr) or any(address in ipaddress.ip_network(n) for n in without):
                return False
        case Peers():
            element = f"{other} . {protocol} . {port}" if rule.who.port else other
            if element not in wanted.peers[rule.who]:
                return False
    return rule.ports is None or any(p.protocol == protocol and p.first <= port <= p.last for p in rule.ports)
