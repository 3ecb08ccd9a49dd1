"""Which pods there are, whom policies mean by their peers, and which rules the pods of this node have. Pure.

    book = Book("node-1")
    book.pod(key, pod); book.namespace(name, labels); book.policy(key, policy)
    book.wanted()       # what the kernel should hold now

Only what is concerned is computed anew: a changed pod is held against the peers in use and, if it runs here,
against the policies of its namespace; a changed policy against this node's pods of its namespace.

Source: networking.k8s.io/v1 NetworkPolicy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from navarch.api.views.base import EMPTY
from navarch.api.views.networking import NetworkPolicy
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.proxy.policies.rules import EGRESS, INGRESS, Compiled, Peers, Rule, compiled, named_ports, rules_of

_FINAL: Final = ("Succeeded", "Failed")
DIRECTIONS: Final = (INGRESS, EGRESS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the kernel should hold: rules of this node's isolated pods by direction and address, and the elements of
    every group of peers that they name."""

    pods: Mapping[str, Mapping[str, tuple[Rule, ...]]] = field(default_factory=dict)
    peers: Mapping[Peers, frozenset[str]] = field(default_factory=dict)


class Book:
    """What one node knows. `families` are those of its pods' addresses."""

    def __init__(self, node: str, families: tuple[str, ...] = ("ip",)) -> None:
        self._node = node
        self._families = families
        self._pods: dict[ObjectKey, Pod] = {}
        self._in: dict[str, set[ObjectKey]] = {}
        self._labels: dict[str, Mapping[str, str]] = {}
        self._policies: dict[str, dict[ObjectKey, Compiled]] = {}
        #: Of this node's pods, by direction.
        self._rules: dict[ObjectKey, dict[str, tuple[Rule, ...]]] = {}
        self._members: dict[Peers, dict[ObjectKey, frozenset[str]]] = {}
        self._stale: set[ObjectKey] = set()

    # --- what is told

    def pod(self, key: ObjectKey, pod: Pod | None) -> None:
        """A pod is there or has changed; None: it is gone."""
        if pod is None or pod.status.phase in _FINAL or not pod.status.podIPs:
            self._pods.pop(key, None)
            self._in.get(key.namespace, set()).discard(key)
        else:
            self._pods[key] = pod
            self._in.setdefault(key.namespace, set()).add(key)
        for peers, members in self._members.items():
            self._place(peers, members, key)
        self._stale.add(key)

    def namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace has these labels; None: it is gone."""
        if labels is None:
            self._labels.pop(name, None)
        else:
            self._labels[name] = labels
        for peers, members in self._members.items():
            if not peers.namespace:
                for key in self._in.get(name, ()):
                    self._place(peers, members, key)

    def policy(self, key: ObjectKey, policy: NetworkPolicy | None) -> None:
        """A policy is there or has changed; None: it is gone."""
        there = self._policies.setdefault(key.namespace, {})
        there.pop(key, None)
        if policy is not None:
            there[key] = compiled(policy)
        elif not there:
            del self._policies[key.namespace]
        self._stale.update(self._in.get(key.namespace, ()))

    # --- what follows

    def wanted(self) -> Wanted:
        """What the kernel should hold now."""
        for key in self._stale:
            self._judge(key)
        self._stale.clear()
        pods: dict[str, dict[str, tuple[Rule, ...]]] = {direction: {} for direction in DIRECTIONS}
        used: set[Peers] = set()
        for key in sorted(self._rules):
            for direction, rules in self._rules[key].items():
                used.update(rule.who for rule in rules if isinstance(rule.who, Peers))
                for address in _addresses(self._pods[key], self._families):
                    pods[direction][address] = rules
        self._follow(used)
        peers = {each: frozenset().union(*self._members[each].values()) for each in used}
        return Wanted(pods, peers)

    def _judge(self, key: ObjectKey) -> None:
        self._rules.pop(key, None)
        pod = self._pods.get(key)
        if pod is None or pod.spec.nodeName != self._node or pod.spec.hostNetwork:
            return
        policies = self._policies.get(key.namespace, {}).values()
        found = {direction: rules_of(policies, pod, direction) for direction in DIRECTIONS}
        rules = {direction: each for direction, each in found.items() if each is not None}
        if rules:
            self._rules[key] = rules

    def _follow(self, used: set[Peers]) -> None:
        """From now on these peers are kept up to date, and no others."""
        for peers in [peers for peers in self._members if peers not in used]:
            del self._members[peers]
        for peers in used - self._members.keys():
            members = self._members[peers] = {}
            for key in self._in.get(peers.namespace, ()) if peers.namespace else self._pods:
                self._place(peers, members, key)

    def _place(self, peers: Peers, members: dict[ObjectKey, frozenset[str]], key: ObjectKey) -> None:
        pod = self._pods.get(key)
        if pod is not None and self._means(peers, key.namespace, pod):
            members[key] = frozenset(_elements(peers, pod, self._families))
        else:
            members.pop(key, None)

    def _means(self, peers: Peers, namespace: str, pod: Pod) -> bool:
        if pod.spec.hostNetwork and peers.direction == INGRESS:
            # Its address is the node's, from which much else comes.
            return False
        if peers.namespace not in ("", namespace):
            return False
        return peers.pods.matches(pod.metadata.labels) and peers.namespaces.matches(self._labels.get(namespace, EMPTY))


def _addresses(pod: Pod, families: Iterable[str]) -> list[str]:
    return [each.ip for each in pod.status.podIPs if ("ip6" if ":" in each.ip else "ip") in families]


def _elements(peers: Peers, pod: Pod, families: Iterable[str]) -> Iterable[str]:
    addresses = _addresses(pod, families)
    if not peers.port:
        return addresses
    protocol, _, name = peers.port.partition(" ")
    numbers = named_ports(pod, name, protocol)
    return [f"{address} . {protocol.lower()} . {number}" for address in addresses for number in numbers]
