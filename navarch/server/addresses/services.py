"""Services get their cluster IPs and node ports here, between admission and validation.

What a client did not say is filled in (families, policy, addresses, ports); what an update leaves out
but had before stays; what a change of type no longer needs goes back.

Source: registry/core/service/storage (allocation and defaulting by type); KEP-563 for families.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

import orjson

from navarch.api.validation.services import cluster_ip_errors
from navarch.base.errors import internal_error
from navarch.base.field import FieldError, invalid, invalid_value
from navarch.base.resource import ObjectKey
from navarch.schema.types import Tree
from navarch.seams.contract import Rng
from navarch.server.addresses.pool import Pool, number_of, port_band
from navarch.server.addresses.ranges import Ranges
from navarch.server.addresses.transitions import (
    WITH_NODE_PORTS,
    changes_address,
    downgrade,
    drop_what_the_type_lost,
    keep_what_was,
    needs_health_check,
    synchronise,
)
from navarch.server.reactions import Reaction
from navarch.store.contract import Event, Index

if TYPE_CHECKING:
    from navarch.server.pipeline import Write

NODE_PORT_RANGE = (30000, 32767)

#: (pool, number) pairs that one write holds.
Holding = list[tuple[Pool, int]]


class ServiceAddresses(Reaction):
    """The reaction (see reactions.py) of Services."""

    buckets = ("services",)

    def __init__(self, index: Index, cidrs: Sequence[str], rng: Rng) -> None:
        self._ranges = Ranges(index, cidrs, rng)
        self._ports = Pool((port_band(*NODE_PORT_RANGE),), rng)
        #: Who has which address.
        self.owners: dict[str, ObjectKey] = {}
        #: Called with each address that a Service got or gave back.
        self.on_change: Callable[[str], None] = _ignored
        self._held: dict[int, Holding] = {}
        for entry in index.range("services/"):
            self._count(orjson.loads(entry.value), +1)
        self._cancel = index.watch("services", index.revision, self._follow)

    def close(self) -> None:
        self._cancel()
        self._ranges.close()

    # --- the reaction

    def before_create(self, write: Write, tree: Tree) -> None:
        """Raises: StatusError 422 for an address or port that is not to be had."""
        asked = list(tree["spec"].get("clusterIPs", ())) or [tree["spec"].get("clusterIP", "")]
        self._allocate(tree, None, dry_run=write.options.dry_run)
        if not tree["metadata"].get("name") and (given := addresses_of(tree["spec"])):
            # An address is an object that names its Service, and is written first.
            self.abandon(tree)
            address = f'IPAddress.networking.k8s.io "{given[0]}"'
            text = f"failed to allocate IP: {address} is invalid: spec.parentRef.name: Required value"
            raise invalid("Service", "", "", [invalid_value("spec.clusterIPs", asked, text)])

    def before_update(self, write: Write, tree: Tree, old: Tree) -> None:
        """Raises: StatusError 422 for an address or port that is not to be had."""
        if write.subresource:
            return
        spec, before = tree["spec"], old["spec"]
        drop_what_the_type_lost(spec, before)
        keep_what_was(spec, before)
        synchronise(spec, before)
        if changes_address(spec, before):
            return  # validation refuses it, in words about what was asked for
        self._allocate(tree, old, dry_run=write.options.dry_run)

    def abandon(self, tree: Tree) -> None:
        """The write that held numbers did not happen."""
        for pool, number in self._held.pop(id(tree), ()):
            pool.release(number)

    def settle(self, tree: Tree) -> None:
        """The write happened: the store's event has counted what was held."""
        self.abandon(tree)

    # --- following the store

    def _follow(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.previous is not None:
                self._count(orjson.loads(event.previous.value), -1)
            if not event.deleted:
                self._count(orjson.loads(event.entry.value), +1)

    def _count(self, service: Tree, sign: int) -> None:
        for pool, number in self._numbers(service["spec"]):
            if sign > 0:
                pool.take(number)
            else:
                pool.give_back(number)
        metadata = service["metadata"]
        for address in addresses_of(service["spec"]):
            if sign > 0:
                self.owners[address] = ObjectKey(metadata["namespace"], metadata["name"])
            else:
                self.owners.pop(address, None)
            self.on_change(address)

    def _numbers(self, spec: Tree) -> Iterator[tuple[Pool, int]]:
        for address in addresses_of(spec):
            number = number_of(address)
            if number is not None and (pool := self._ranges.pool_of(address)) is not None:
                yield pool, number
        # One number may serve several protocols of a service.
        ports = {p["nodePort"] for p in spec.get("ports", ()) if p.get("nodePort")}
        if check := spec.get("healthCheckNodePort"):
            ports.add(check)
        for port in sorted(ports):
            yield self._ports, port

    # --- allocation

    def _allocate(self, tree: Tree, old: Tree | None, *, dry_run: bool) -> None:
        spec = tree["spec"]
        holding: Holding = []
        self._held[id(tree)] = holding
        mine = set(self._numbers(old["spec"])) if old is not None else set()
        try:
            if spec.get("type") == "ExternalName":
                return
            if old is None and spec.get("clusterIP") and not spec.get("clusterIPs"):
                spec["clusterIPs"] = [spec["clusterIP"]]
            errors = cluster_ip_errors(spec)
            if not errors and old is not None:
                downgrade(spec, old["spec"])
            errors = errors or self._families(spec)
            errors = errors or self._cluster_ips(spec, mine, holding)
            errors = errors or self._node_ports(spec, old, mine, holding, dry_run)
            if errors:
                raise invalid("Service", "", tree["metadata"].get("name", ""), errors)
        except BaseException:
            self.abandon(tree)
            raise
        if not holding:
            del self._held[id(tree)]

    def _families(self, spec: Tree) -> list[FieldError]:
        """Fill in ipFamilyPolicy and ipFamilies."""
        have = list(self._ranges.families)
        policy = spec.get("ipFamilyPolicy")
        families: list[str] = list(spec.get("ipFamilies", ()))
        errors: list[FieldError] = []
        for index, address in enumerate(spec.get("clusterIPs", ())):
            if index < len(families) or number_of(address) is None:
                continue
            family = f"IPv{ip_address(address).version}"
            if family not in have:
                text = f"{family} is not configured on this cluster"
                errors.append(invalid_value(f"spec.clusterIPs[{index}]", spec["clusterIPs"], text))
            families.append(family)
        if errors:
            return errors
        headless_without_selector = spec.get("clusterIP") == "None" and not spec.get("selector")
        if policy is None:
            policy = "RequireDualStack" if headless_without_selector and len(families) > 1 else "SingleStack"
        if policy == "SingleStack" and len(families) > 1:
            text = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"
            return [invalid_value("spec.ipFamilyPolicy", policy, text)]
        families = families or have[:1]
        both = families + [f for f in ("IPv4", "IPv6") if f not in families]
        wants_both = policy == "RequireDualStack" and headless_without_selector
        if wants_both or (policy in ("RequireDualStack", "PreferDualStack") and len(have) > 1):
            families = both
        elif policy == "RequireDualStack":
            text = "this cluster is not configured for dual-stack services"
            return [invalid_value("spec.ipFamilyPolicy", policy, text)]
        missing = [f for f in families if f not in have] if not headless_without_selector else []
        if missing:
            text = "not configured on this cluster"
            return [invalid_value(f"spec.ipFamilies[{families.index(f)}]", f, text) for f in missing]
        spec["ipFamilies"], spec["ipFamilyPolicy"] = families, policy
        return []

    def _cluster_ips(self, spec: Tree, mine: set[tuple[Pool, int]], holding: Holding) -> list[FieldError]:
        asked: list[str] = list(spec.get("clusterIPs", ()))
        if not asked and spec.get("clusterIP"):
            asked = [spec["clusterIP"]]
        if asked and asked[0] == "None":
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
            return []
        given: list[str] = []
        for position, family in enumerate(spec["ipFamilies"]):
            pool = self._ranges.pool(family)
            if position < len(asked):
                error = _hold_address(pool, asked, position, mine, holding)
                if error is not None:
                    return [error]
                given.append(asked[position])
                continue
            number = pool.hold_any()
            if number is None:
                raise internal_error(f"failed to allocate a serviceIP: range {self._ranges.text(family)} is full")
            holding.append((pool, number))
            given.append(str(ip_address(number) if family == "IPv4" else ip_address(number.to_bytes(16, "big"))))
        spec["clusterIP"], spec["clusterIPs"] = given[0], given
        return []

    def _node_ports(
        self, spec: Tree, old: Tree | None, mine: set[tuple[Pool, int]], holding: Holding, dry_run: bool
    ) -> list[FieldError]:
        type_ = spec.get("type")
        if type_ not in WITH_NODE_PORTS:
            return []
        wants = type_ == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True)
        # Ports that differ only in protocol share one number.
        shared: dict[int, int] = {}
        for position, port in enumerate(spec.get("ports", ())):
            number = port.get("nodePort") or (shared.get(port["port"]) if wants else None)
            if number and number not in shared.values():
                error = self._hold_port(f"spec.ports[{position}].nodePort", number, mine, holding, dry_run)
                if error is not None:
                    return [error]
            elif not number and wants:
                number = self._any_port(holding)
            if number:
                port["nodePort"] = number
                shared[port["port"]] = number
        if not needs_health_check(spec) or (old is not None and needs_health_check(old["spec"])):
            return []
        return self._health_check(spec, mine, holding, dry_run)

    def _health_check(
        self, spec: Tree, mine: set[tuple[Pool, int]], holding: Holding, dry_run: bool
    ) -> list[FieldError]:
        asked = spec.get("healthCheckNodePort")
        if asked:
            error = self._hold_port("spec.healthCheckNodePort", asked, mine, holding, dry_run)
            return [error] if error is not None else []
        spec["healthCheckNodePort"] = self._any_port(holding)
        return []

    def _hold_port(
        self, path: str, number: int, mine: set[tuple[Pool, int]], holding: Holding, dry_run: bool
    ) -> FieldError | None:
        pool = self._ports
        if (pool, number) in mine or (pool, number) in holding:
            return None
        if number not in pool:
            if dry_run:
                # Kubernetes' trial asks only who has a port, and nobody has this one.
                return None
            low, high = NODE_PORT_RANGE
            text = f"provided port is not in the valid range. The range of valid ports is {low}-{high}"
            return invalid_value(path, number, text)
        if not pool.free(number):
            return invalid_value(path, number, "provided port is already allocated")
        pool.hold(number)
        holding.append((pool, number))
        return None

    def _any_port(self, holding: Holding) -> int:
        number = self._ports.hold_any()
        if number is None:
            raise internal_error("failed to allocate a nodePort: range is full")
        holding.append((self._ports, number))
        return number


def addresses_of(spec: Tree) -> list[str]:
    """The cluster IPs of a Service; none for a headless one."""
    return [address for address in spec.get("clusterIPs", ()) if address != "None"]


def _ignored(_address: str) -> None:
    pass


def _hold_address(
    pool: Pool, asked: list[str], position: int, mine: set[tuple[Pool, int]], holding: Holding
) -> FieldError | None:
    address = asked[position]
    number = number_of(address)
    if number is None or (pool, number) in mine:
        # Not an address: validation says so.
        return None
    why = ""
    if number not in pool:
        why = "the provided network does not match the current range"
    elif not pool.free(number):
        why = "provided IP is already allocated"
    if why:
        return invalid_value("spec.clusterIPs", asked, f"failed to allocate IP {address}: {why}")
    pool.hold(number)
    holding.append((pool, number))
    return None
