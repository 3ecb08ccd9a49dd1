"""What network policies mean for one pod: a list of rules, of which one must let a connection pass. Pure.

A pod that no policy of a direction selects is open in that direction and has no rules at all. Peers are named
by who they are (`Peers`), not by address: which addresses that is today is `members.py`'s business, so that a
pod which comes or goes changes no rule.

Source: networking.k8s.io/v1 NetworkPolicy and its documentation.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from navarch.api.views.meta import LabelSelector
from navarch.api.views.networking import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort
from navarch.api.views.pod import Pod
from navarch.base.selector import Selector, from_label_selector

INGRESS: Final = "ingress"
EGRESS: Final = "egress"
_LAST_PORT: Final = 65535
_ALL: Final = Selector(())


class Ports(NamedTuple):
    """A range of ports of one protocol. All of them: 1 to 65535 stand for "any", also where there are no ports."""

    protocol: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Peers:
    """Pods chosen by labels: in `namespace`, or where it is empty in the namespaces that `namespaces` matches.
    With `port`, only those that have a port of that name, and that port of theirs alone."""

    namespace: str = ""
    namespaces: Selector = _ALL
    pods: Selector = _ALL
    direction: str = INGRESS
    port: str = ""

    @property
    def name(self) -> str:
        text = "\n".join((self.namespace, str(self.namespaces), str(self.pods), self.direction, self.port))
        return f"{'ports' if self.port else 'peers'}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A connection passes if it comes from (goes to) `who`, at one of `ports`. None: anybody, any port."""

    who: Peers | IPBlock | None = None
    ports: tuple[Ports, ...] | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of one policy. Each clause lets some peers (None: everybody) reach some ports (none: all)."""

    selects: Selector
    clauses: tuple[tuple[tuple[Peers | IPBlock, ...] | None, tuple[NetworkPolicyPort, ...]], ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy made ready: its directions."""

    sides: Mapping[str, Side]


def compiled(policy: NetworkPolicy) -> Compiled:
    """A policy whose types are not given isolates for ingress, and for egress if it has rules for it."""
    spec, namespace = policy.spec, policy.metadata.namespace
    types = spec.policyTypes or (("Ingress", "Egress") if spec.egress else ("Ingress",))
    selects = from_label_selector(spec.podSelector or LabelSelector())
    sides = {}
    if "Ingress" in types:
        clauses = [(_who(r.from_, namespace, INGRESS), r.ports) for r in spec.ingress]
        sides[INGRESS] = Side(selects, tuple(clauses))
    if "Egress" in types:
        clauses = [(_who(r.to, namespace, EGRESS), r.ports) for r in spec.egress]
        sides[EGRESS] = Side(selects, tuple(clauses))
    return Compiled(sides)


def _who(peers: Sequence[NetworkPolicyPeer], namespace: str, direction: str) -> tuple[Peers | IPBlock, ...] | None:
    """None for everybody, which is what no peers mean."""
    found: list[Peers | IPBlock] = []
    for peer in peers:
        if peer.ipBlock is not None:
            found.append(peer.ipBlock)
            continue
        pods = from_label_selector(peer.podSelector or LabelSelector())
        if peer.namespaceSelector is None:
            found.append(Peers(namespace, _ALL, pods, direction))
        else:
            found.append(Peers("", from_label_selector(peer.namespaceSelector), pods, direction))
    return tuple(found) or None


def rules_of(policies: Iterable[Compiled], pod: Pod, direction: str) -> tuple[Rule, ...] | None:
    """What a pod's policies let pass; None if none isolates it in this direction."""
    found: set[Rule] = set()
    isolated = False
    for policy in policies:
        side = policy.sides.get(direction)
        if side is None or not side.selects.matches(pod.metadata.labels):
            continue
        isolated = True
        for who, ports in side.clauses:
            found.update(_rules(who, ports, pod, direction))
    return tuple(sorted(found, key=repr)) if isolated else None


def _rules(
    who: tuple[Peers | IPBlock, ...] | None, ports: Sequence[NetworkPolicyPort], pod: Pod, direction: str
) -> Iterator[Rule]:
    numbers = _numbers(ports, pod, direction)
    for each in who or (None,):
        if not ports or numbers:
            yield Rule(each, merged(numbers) if ports else None)
        if direction == EGRESS and not isinstance(each, IPBlock):
            # A name means another number at each peer; of addresses nobody knows the names.
            for name in (p for p in ports if isinstance(p.port, str)):
                yield Rule(_named(each, f"{name.protocol or 'TCP'} {name.port}"))


def _named(who: Peers | None, port: str) -> Peers:
    if who is None:
        return Peers(direction=EGRESS, port=port)
    return Peers(who.namespace, who.namespaces, who.pods, EGRESS, port)


def _numbers(ports: Sequence[NetworkPolicyPort], pod: Pod, direction: str) -> list[Ports]:
    found = []
    for each in ports:
        protocol = (each.protocol or "TCP").lower()
        if each.port is None:
            found.append(Ports(protocol, 1, _LAST_PORT))
        elif isinstance(each.port, int):
            found.append(Ports(protocol, each.port, each.endPort or each.port))
        elif direction == INGRESS:
            found += [Ports(protocol, n, n) for n in named_ports(pod, each.port, each.protocol or "TCP")]
    return found


def named_ports(pod: Pod, name: str, protocol: str) -> list[int]:
    """The numbers that a pod's containers have under a name."""
    containers = (*pod.spec.containers, *pod.spec.initContainers)
    return [
        p.containerPort for c in containers for p in c.ports if p.name == name and (p.protocol or "TCP") == protocol
    ]


def merged(ports: Iterable[Ports]) -> tuple[Ports, ...]:
    """Without overlaps, in order."""
    out: list[Ports] = []
    for each in sorted(ports):
        if out and out[-1].protocol == each.protocol and each.first <= out[-1].last + 1:
            out[-1] = Ports(each.protocol, out[-1].first, max(out[-1].last, each.last))
        else:
            out.append(each)
    return tuple(out)


def networks(block: IPBlock) -> tuple[str, tuple[str, ...]] | None:
    """A block and its exceptions as the kernel writes networks; None for one that is none."""
    try:
        outer = ipaddress.ip_network(block.cidr, strict=False)
        inner = [ipaddress.ip_network(each, strict=False) for each in block.except_]
    except ValueError:
        return None
    within = ipaddress.collapse_addresses(n for n in inner if n.version == outer.version)  # type: ignore[type-var]
    return str(outer), tuple(str(network) for network in within)
