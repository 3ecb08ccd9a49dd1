"""Network policies in nftables: what the tables contain, and transactions that bring them up to date. Pure.

    map ingress-pods   10.244.0.5 : jump ingress-1f0c...      only isolated pods of this node
    chain ingress-1f0c { ip saddr @peers-77aa tcp dport { 80, 443 } return;  drop }
    set peers-77aa     10.244.0.7, 10.244.1.3                 pods of the whole cluster

A chain is named after what it contains and never changes: a pod whose rules change is pointed to another chain,
and pods with equal rules share one. Pods that come and go change elements alone. The base chains are fixed:

- what belongs to an established connection passes, also after a change;
- `forward` sees what goes from pod to pod, also over the bridge of one node, and what comes from elsewhere. Addresses
  of services are those of pods by then;
- `input` sees what goes to the node itself: only what came by way of a service is held against policies;
- what the node itself sends (probes) is not looked at.

Source: nft(8); NetworkPolicy's documentation (traffic to and from a pod's own node is always allowed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from navarch.api.views.networking import IPBlock
from navarch.proxy.policies.members import Wanted
from navarch.proxy.policies.rules import INGRESS, Peers, Ports, Rule, networks
from navarch.proxy.rules import Family

TABLE: Final = "navarch-policies"
#: Elements per command.
BATCH: Final = 2000
OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class Contents:
    """One family's table: lines by chain, elements by set, and the chain of each address by map."""

    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def contents(wanted: Wanted, family: Family) -> Contents:
    """What one family's table shall contain."""
    chains: dict[str, tuple[str, ...]] = {}
    maps: dict[str, dict[str, str]] = {}
    own = set()
    for direction, pods in wanted.pods.items():
        targets = maps[f"{direction}-pods"] = {}
        for address, rules in pods.items():
            if _family(address) != family:
                continue
            own.add(f"{address} . {address}")
            lines = tuple(line for rule in rules for line in _lines(rule, direction, family))
            name = f"{direction}-{hashlib.sha256(' '.join(lines).encode()).hexdigest()[:16]}"
            chains[name] = lines
            targets[address] = name
    sets = {
        peers.name: frozenset(each for each in members if _family(each) == family)
        for peers, members in wanted.peers.items()
    }
    return Contents(chains, {**sets, OWN: frozenset(own)}, maps)


def _family(element: str) -> Family:
    return "ip6" if ":" in element else "ip"


def _lines(rule: Rule, direction: str, family: Family) -> Iterator[str]:
    side = "saddr" if direction == INGRESS else "daddr"
    match rule.who:
        case None:
            who = ""
        case IPBlock():
            found = networks(rule.who)
            if found is None or _family(found[0]) != family:
                return
            who = _block(f"{family} {side}", *found)
        case Peers(port=""):
            who = f"{family} {side} @{rule.who.name} "
        case Peers():
            yield f"{family} daddr . meta l4proto . th dport @{rule.who.name} return"
            return
    if rule.ports is None:
        yield f"{who}return"
        return
    by_protocol: dict[str, list[Ports]] = {}
    for each in rule.ports:
        by_protocol.setdefault(each.protocol, []).append(each)
    for protocol, ports in by_protocol.items():
        yield f"{who}{_ports(protocol, ports)} return"


def _block(field_: str, network: str, without: tuple[str, ...]) -> str:
    everything = network.endswith("/0")
    text = "" if everything else f"{field_} {network} "
    return text + (f"{field_} != {{ {', '.join(without)} }} " if without else "")


def _ports(protocol: str, ports: Iterable[Ports]) -> str:
    ranges = [str(p.first) if p.first == p.last else f"{p.first}-{p.last}" for p in ports]
    if ranges == ["1-65535"]:
        return f"meta l4proto {protocol}"
    return f"{protocol} dport {{ {', '.join(ranges)} }}"


# --- text


def full(wanted: Contents, family: Family) -> str:
    """One transaction after which the table contains this and nothing else."""
    return f"add table {family} {TABLE}\ndelete table {family} {TABLE}\n{_base(family)}\n" + changes(
        _EMPTY, wanted, family
    )


def removal(family: Family) -> str:
    """Takes the table away, whether or not it is there."""
    return f"add table {family} {TABLE}\ndelete table {family} {TABLE}\n"


_EMPTY: Final = Contents(sets={OWN: frozenset()}, maps={"ingress-pods": {}, "egress-pods": {}})


def changes(before: Contents, after: Contents, family: Family) -> str:
    """The transaction from one to the other; empty if there is nothing to do."""
    lines: list[str] = []
    table = f"{family} {TABLE}"
    for name in sorted(after.sets.keys() - before.sets.keys()):
        lines.append(f"add set {table} {name} {{ type {_type(name, family)}; }}")
    for name in sorted(after.chains.keys() - before.chains.keys()):
        body = "".join(f"    {line}\n" for line in (*after.chains[name], "drop"))
        lines.append(f"table {table} {{\n  chain {name} {{\n{body}  }}\n}}")
    for name in sorted(after.sets):
        old, new = before.sets.get(name, frozenset()), after.sets[name]
        lines += _elements("delete", table, name, old - new)
        lines += _elements("add", table, name, new - old)
    for name in sorted(before.maps.keys() | after.maps.keys()):
        was = {f"{address} : jump {chain}" for address, chain in before.maps.get(name, {}).items()}
        now = {f"{address} : jump {chain}" for address, chain in after.maps.get(name, {}).items()}
        lines += _elements("delete", table, name, was - now)
        lines += _elements("add", table, name, now - was)
    lines += [f"delete chain {table} {name}" for name in sorted(before.chains.keys() - after.chains.keys())]
    lines += [f"delete set {table} {name}" for name in sorted(before.sets.keys() - after.sets.keys())]
    return "\n".join(lines) + "\n" if lines else ""


def _elements(verb: str, table: str, name: str, elements: Iterable[str]) -> Iterator[str]:
    ordered = sorted(elements)
    for start in range(0, len(ordered), BATCH):
        yield f"{verb} element {table} {name} {{ {', '.join(ordered[start : start + BATCH])} }}"


def _type(set_: str, family: Family) -> str:
    address = "ipv6_addr" if family == "ip6" else "ipv4_addr"
    if set_ == OWN:
        return f"{address} . {address}"
    return f"{address} . inet_proto . inet_service" if set_.startswith("ports-") else address


def _base(family: Family) -> str:
    address = _type("", family)
    return f"""\
table {family} {TABLE} {{
  map egress-pods {{ type {address} : verdict; }}
  map ingress-pods {{ type {address} : verdict; }}
  set {OWN} {{ type {_type(OWN, family)}; }}
  chain forward {{
    type filter hook forward priority 10; policy accept;
    ct state established,related accept
    {family} saddr . {family} daddr @{OWN} accept
    {family} saddr vmap @egress-pods
    {family} daddr vmap @ingress-pods
  }}
  chain input {{
    type filter hook input priority 10; policy accept;
    ct state established,related accept
    ct status dnat {family} saddr vmap @egress-pods
  }}
}}"""
