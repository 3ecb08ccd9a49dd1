"""Who has put which element into the tables, and the transaction that a changed service needs. Pure.

Two services may claim one element: the same external IP and port, or a pod that backs both. The first owner
in order of name has its way, and when it goes the next one's value takes the place.

Worked example:
    ledger = Ledger(network)
    ledger.replace(ObjectKey("default", "web"), rules)
    ledger.take()     # Transaction(added=...) of what changed since the last take
"""

from __future__ import annotations

from navarch.base.resource import ObjectKey
from navarch.proxy import nft
from navarch.proxy.nft import Network, Pick, Slot, Transaction
from navarch.proxy.rules import NO_RULES, ServiceRules

Claims = tuple[tuple[ObjectKey, str], ...]


class Ledger:
    """What the tables should contain. The first transaction is a full one."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._elements: dict[ObjectKey, dict[Slot, str]] = {}
        self._picks: dict[ObjectKey, set[Pick]] = {}
        self._claims: dict[Slot, Claims] = {}
        #: What touched slots held when the last transaction was taken.
        self._before: dict[Slot, str | None] = {}
        self._made: set[Pick] = set()
        self._full = True

    def replace(self, owner: ObjectKey, rules: ServiceRules = NO_RULES) -> None:
        """From now on the owner has these rules and no others."""
        old = self._elements.pop(owner, {})
        new = nft.elements(rules, self._network.families)
        if new:
            self._elements[owner] = new
            self._picks[owner] = nft.picks(rules)
        else:
            self._picks.pop(owner, None)
        for slot, value in old.items():
            if new.get(slot) != value:
                self._claim(slot, owner, new.get(slot))
        for slot, value in new.items():
            if slot not in old:
                self._claim(slot, owner, value)

    def start_over(self) -> None:
        """Make the next transaction a full one: nothing is known of the kernel's tables."""
        self._full = True

    def take(self) -> Transaction | None:
        """What to change since the last call; None if nothing."""
        if self._full:
            self._full = False
            self._before.clear()
            self._made = {pick for picks in self._picks.values() for pick in picks}
            added = tuple((slot, claims[0][1]) for slot, claims in self._claims.items())
            return Transaction(True, tuple(sorted(self._made)), (), added)
        changed = [(slot, old, self._value(slot)) for slot, old in self._before.items()]
        changed = [(slot, old, new) for slot, old, new in changed if old != new]
        self._before.clear()
        if not changed:
            return None
        wanted = {
            pick
            for owner in {self._claims[s][0][0] for s, _, new in changed if new is not None}
            for pick in self._picks.get(owner, ())
        }
        picks = sorted(wanted - self._made)
        self._made.update(picks)
        return Transaction(
            picks=tuple(picks),
            removed=tuple((slot, old) for slot, old, _ in changed if old is not None),
            added=tuple((slot, new) for slot, _, new in changed if new is not None),
        )

    def _value(self, slot: Slot) -> str | None:
        claims = self._claims.get(slot)
        return claims[0][1] if claims else None

    def _claim(self, slot: Slot, owner: ObjectKey, value: str | None) -> None:
        self._before.setdefault(slot, self._value(slot))
        others = [c for c in self._claims.get(slot, ()) if c[0] != owner]
        claims = tuple(sorted([*others, (owner, value)])) if value is not None else tuple(others)
        if claims:
            self._claims[slot] = claims
        else:
            self._claims.pop(slot, None)
