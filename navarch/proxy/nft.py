"""Rules as elements of nftables sets and maps, and transactions on them as text. Pure.

The rules of the table never change: everything about services is data in maps. A change of one of 5,000
services touches no element of another. How a connection to 10.96.0.9:80 finds one of three backends:

    vip-frontends  10.96.0.9 . tcp . 80           : goto vip-pick-3
    vip-backends   10.96.0.9 . tcp . 80 . 0..2    : 10.244.0.5 . 8080, ...
    chain vip-pick-3 { ct mark set numgen random mod 3; dnat to KEY . ct mark map @vip-backends }

Services with as many backends share a chain; `hide` chains add a bit to the mark that asks for masquerading.
There are four flavours of these maps: `vip` is keyed by address and port, `port` by port alone (node ports);
`in-vip` and `in-port` come first for clients on this node, where those are served differently.

With session affinity a backend's mark is not its place but a number of its own, which `affinity` remembers for
each client; a number whose backend is gone is forgotten on next use. IPv6 clients stick by their hash instead, and
some move when the number of backends changes.

A commit of the kernel is atomic, but a packet under way may see a frontend before it and a slot after it.
That lookup misses, and the packet is looked up once more: so the base chains jump to `services` twice.

Maps are declared by `type`, never by `typeof`: nft 1.0.6 cannot add a rule later that uses one of the latter.

Source: nft(8); kube-proxy's nftables mode, from whose tables these differ in having no chain per service.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from navarch.proxy.rules import Address, Backend, Family, Frontend, ServiceRules

TABLE = "navarch-proxy"

#: The bit of the connection mark that asks for masquerading; the rest numbers a backend.
MASQUERADE_BIT = 0x4000

#: Chains for up to so many backends exist from the beginning.
READY_MADE_PICKS = 16

#: Elements per command: what fits in the kernel's message without trouble.
BATCH = 2000

FLAVOURS = ("vip", "port", "in-vip", "in-port")


class Slot(NamedTuple):
    """A place in a set or map of one table."""

    family: Family
    set: str
    key: str


class Pick(NamedTuple):
    """A chain that chooses among `backends`, remembering its choice for `affinity_s` if that is not 0.
    `hide`: and asks for masquerading; where choices are remembered, the backends' own marks do."""

    family: Family
    flavour: str
    backends: int
    affinity_s: int = 0
    hide: bool = False

    @property
    def name(self) -> str:
        if self.affinity_s:
            return f"{self.flavour}-sticky-{self.backends}-{self.affinity_s}"
        return f"{self.flavour}-{'hide' if self.hide else 'pick'}-{self.backends}"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One atomic change. `full` replaces everything there was. An element whose value changes is in both lists.
    `removed` are elements as they were."""

    full: bool = False
    picks: tuple[Pick, ...] = ()
    removed: tuple[tuple[Slot, str], ...] = ()
    added: tuple[tuple[Slot, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """What the fixed rules know of the node: its pods' CIDRs, and those of all services, by family."""

    families: tuple[Family, ...] = ("ip",)
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()


def elements(rules: ServiceRules, families: Sequence[Family]) -> dict[Slot, str]:
    """The elements of one service; sets have empty values."""
    out: dict[Slot, str] = {}
    for frontend in rules.frontends:
        out.update(_frontend(frontend))
    for ip in rules.cluster_ips:
        out[Slot("ip6" if ":" in ip else "ip", "cluster-ips", ip)] = ""
    for ip in rules.hairpins:
        out[Slot("ip6" if ":" in ip else "ip", "hairpins", f"{ip} . {ip}")] = ""
    return {slot: value for slot, value in out.items() if slot.family in families}


def picks(rules: ServiceRules) -> set[Pick]:
    """The chains that the service's elements go to, beside the ready-made ones."""
    out = set()
    for frontend in rules.frontends:
        for flavour, backends in _choices(frontend):
            if backends and (frontend.affinity_s or len(backends) > READY_MADE_PICKS):
                out.add(_pick(frontend, flavour, backends))
    return out


def key_of(address: Address) -> str:
    place = f"{address.protocol} . {address.port}"
    return f"{address.ip} . {place}" if address.ip else place


def placed(backends: Iterable[Backend], hide: bool) -> dict[int, Backend]:
    """Each backend with the mark of its place."""
    return {n + (MASQUERADE_BIT if hide else 0): backend for n, backend in enumerate(backends)}


def numbered(backends: Iterable[Backend], hide: bool) -> dict[int, Backend]:
    """Each backend with a mark of its own, the same wherever and whenever it is computed."""
    bit = MASQUERADE_BIT if hide else 0
    out: dict[int, Backend] = {}
    for backend in sorted(backends):
        number = zlib.crc32(f"{backend.ip} {backend.port}".encode()) & ~MASQUERADE_BIT | bit
        while number in out or not number & ~MASQUERADE_BIT:
            number = (number + 1) & 0xFFFF_FFFF & ~MASQUERADE_BIT | bit
        out[number] = backend
    return out


def _choices(frontend: Frontend) -> Iterator[tuple[str, tuple[Backend, ...]]]:
    flavour = "vip" if frontend.address.ip else "port"
    yield flavour, frontend.backends
    if frontend.inside is not None:
        yield f"in-{flavour}", frontend.inside


def _pick(frontend: Frontend, flavour: str, backends: tuple[Backend, ...]) -> Pick:
    hide = _hides(frontend, flavour) and not frontend.affinity_s
    return Pick(frontend.address.family, flavour, len(backends), frontend.affinity_s, hide)


def _hides(frontend: Frontend, flavour: str) -> bool:
    return frontend.masquerade and not flavour.startswith("in-")


def _frontend(frontend: Frontend) -> Iterator[tuple[Slot, str]]:
    family = frontend.address.family
    key = key_of(frontend.address)
    outer = "vip" if frontend.address.ip else "port"
    for flavour, backends in _choices(frontend):
        if not backends:
            continue
        yield Slot(family, f"{flavour}-frontends", key), f"goto {_pick(frontend, flavour, backends).name}"
        hide = _hides(frontend, flavour)
        marks = numbered(backends, hide) if frontend.affinity_s else placed(backends, hide)
        for n, (mark, (ip, port)) in enumerate(marks.items()):
            yield Slot(family, f"{flavour}-backends", f"{key} . {mark:#010x}"), f"{ip} . {port}"
            if frontend.affinity_s:
                yield Slot(family, f"{flavour}-numbers", f"{key} . {n:#010x}"), f"{mark:#010x}"
    if not frontend.backends:
        yield Slot(family, f"{outer}-unserved", key), "goto refuse" if frontend.refuse else "drop"
    if frontend.sources:
        yield Slot(family, "guarded", key), ""
        for source in frontend.sources:
            yield Slot(family, "admitted", f"{key} . {source}"), ""


def text(transaction: Transaction, network: Network) -> str:
    """The transaction in nft's language. One call of nft with it is one commit."""
    lines: list[str] = []
    if transaction.full:
        for family in network.families:
            lines += [f"add table {family} {TABLE}", f"delete table {family} {TABLE}", _table(family, network)]
    for pick in transaction.picks:
        lines.append(f"table {pick.family} {TABLE} {{\n{_pick_chain(pick)}}}")
    removed: dict[tuple[Family, str], list[str]] = {}
    for slot, _ in transaction.removed:
        removed.setdefault((slot.family, slot.set), []).append(slot.key)
    added: dict[tuple[Family, str], list[str]] = {}
    for slot, value in transaction.added:
        added.setdefault((slot.family, slot.set), []).append(f"{slot.key} : {value}" if value else slot.key)
    for verb, groups in (("delete", removed), ("add", added)):
        for (family, name), items in groups.items():
            for start in range(0, len(items), BATCH):
                batch = ", ".join(items[start : start + BATCH])
                lines.append(f"{verb} element {family} {TABLE} {name} {{ {batch} }}")
    return "\n".join(lines) + "\n"


def removal(network: Network) -> str:
    """Takes the tables away, whether or not they are there."""
    return "".join(f"add table {f} {TABLE}\ndelete table {f} {TABLE}\n" for f in network.families)


def ready_made(families: Iterable[Family]) -> list[Pick]:
    return [
        Pick(family, flavour, n, hide=hide)
        for family in families
        for flavour in FLAVOURS
        for hide in ((False,) if flavour.startswith("in-") else (False, True))
        for n in range(1, READY_MADE_PICKS + 1)
    ]


def _key(flavour: str, family: Family) -> str:
    place = "meta l4proto . th dport"
    return place if flavour.endswith("port") else f"{family} daddr . {place}"


def _pick_chain(pick: Pick) -> str:
    family, flavour = pick.family, pick.flavour
    key = _key(flavour, family)
    dnat = f"meta l4proto {{ tcp, udp, sctp }} dnat {family} to {key} . ct mark map @{flavour}-backends"
    offset = f" offset {MASQUERADE_BIT}" if pick.hide else ""
    choose = f"ct mark set numgen random mod {pick.backends}{offset}"
    if not pick.affinity_s:
        return f"""\
  chain {pick.name} {{
    {choose}
    {dnat}
  }}
"""
    number = f"ct mark set {key} . ct mark map @{flavour}-numbers"
    if family == "ip6":
        # nft has too few registers to remember IPv6 clients (1.0.6 aborts): they stick by their hash.
        return f"""\
  chain {pick.name} {{
    ct mark set jhash ip6 saddr mod {pick.backends}
    {number}
    {dnat}
  }}
"""
    client = f"{family} saddr . {key}"
    remember = f"update @{flavour}-affinity {{ {client} timeout {pick.affinity_s}s : ct mark }}"
    return f"""\
  chain {pick.name} {{
    ct mark set {client} map @{flavour}-affinity
    {remember}
    {dnat}
    delete @{flavour}-affinity {{ {client} : ct mark }}
    {choose}
    {number}
    {remember}
    {dnat}
  }}
"""


def _key_type(flavour: str, family: Family) -> str:
    place = "inet_proto . inet_service"
    return place if flavour.endswith("port") else f"{_address_type(family)} . {place}"


def _address_type(family: Family) -> str:
    return "ipv6_addr" if family == "ip6" else "ipv4_addr"


def _maps(flavour: str, family: Family) -> str:
    key, address = _key_type(flavour, family), _address_type(family)
    return f"""\
  map {flavour}-frontends {{ type {key} : verdict; }}
  map {flavour}-unserved {{ type {key} : verdict; }}
  map {flavour}-backends {{ type {key} . mark : {address} . inet_service; }}
  map {flavour}-numbers {{ type {key} . mark : mark; }}
  map {flavour}-affinity {{ type {address} . {key} : mark; flags dynamic,timeout; size 262144; }}
"""


def _table(family: Family, network: Network) -> str:
    vip, port = _key("vip", family), _key("port", family)
    pods = [c for c in network.pod_cidrs if (":" in c) == (family == "ip6")]
    services = [c for c in network.service_cidrs if (":" in c) == (family == "ip6")]
    any_pod = f"{{ {', '.join(pods)} }}"
    loopback = "127.0.0.0/8" if family == "ip" else "::1"
    address = _address_type(family)
    local_pods = f"    {family} saddr {any_pod} jump inside\n" if pods else ""
    outsiders = (
        f"    {family} saddr != {any_pod} fib saddr type != local ct status dnat "
        f"ct original {family} daddr @cluster-ips masquerade fully-random\n"
        if pods
        else ""
    )
    unallocated = f"    {family} daddr {{ {', '.join(services)} }} drop\n" if services else ""
    chains = "".join(_pick_chain(p) for p in ready_made((family,)))
    return f"""\
table {family} {TABLE} {{
{"".join(_maps(flavour, family) for flavour in FLAVOURS)}\
  set cluster-ips {{ type {address}; }}
  set hairpins {{ type {address} . {address}; }}
  set guarded {{ type {_key_type("vip", family)}; }}
  set admitted {{ type {_key_type("vip", family)} . {address}; flags interval; }}
{chains}\
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject
  }}
  chain inside {{
    {vip} vmap @in-vip-frontends
    fib daddr type local {port} vmap @in-port-frontends
  }}
  chain services {{
    fib saddr type local jump inside
{local_pods}\
    {vip} vmap @vip-frontends
    fib daddr type local {port} vmap @port-frontends
  }}
  chain dnat-prerouting {{
    type nat hook prerouting priority -100; policy accept;
    jump services
    jump services
  }}
  chain dnat-output {{
    type nat hook output priority -100; policy accept;
    jump services
    jump services
  }}
  chain snat-postrouting {{
    type nat hook postrouting priority 100; policy accept;
    oifname "lo" return
    ct status dnat ct mark & {MASQUERADE_BIT:#x} == {MASQUERADE_BIT:#x} masquerade fully-random
    ct status dnat {family} saddr . {family} daddr @hairpins masquerade fully-random
    ct status dnat {family} saddr {loopback} masquerade fully-random
{outsiders}\
  }}
  chain guard {{
    {vip} @guarded {vip} . {family} saddr != @admitted drop
  }}
  chain guard-prerouting {{
    type filter hook prerouting priority -110; policy accept;
    ct state new jump guard
  }}
  chain guard-output {{
    type filter hook output priority -110; policy accept;
    ct state new jump guard
  }}
  chain unserved {{
    ct status dnat return
    {vip} vmap @vip-unserved
    fib daddr type local {port} vmap @port-unserved
    {family} daddr @cluster-ips goto refuse
{unallocated}\
  }}
  chain unserved-input {{
    type filter hook input priority 0; policy accept;
    ct state new jump unserved
  }}
  chain unserved-forward {{
    type filter hook forward priority 0; policy accept;
    ct state new jump unserved
  }}
  chain unserved-output {{
    type filter hook output priority 0; policy accept;
    ct state new jump unserved
  }}
}}"""
