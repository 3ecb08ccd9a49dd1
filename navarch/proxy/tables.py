"""The kernel's tables as dictionaries: what a transaction would leave there. No sockets, no privileges.

The simulation's applier, and the tests' check that a transaction is one the kernel would take: like the
kernel it refuses to remove what is not there, and to add what is.
"""

from __future__ import annotations

from navarch.proxy.nft import Slot, Transaction, ready_made
from navarch.proxy.rules import Family


class ApplyError(RuntimeError):
    """A transaction was refused; nothing of it has happened."""


class Tables:
    """Implements `apply.Applier`. `elements` are the contents by set; `commits` counts transactions."""

    def __init__(self, families: tuple[Family, ...] = ("ip",)) -> None:
        self.families = families
        self.elements: dict[Slot, str] = {}
        self.chains: set[tuple[Family, str]] = set()
        self.commits = 0

    async def apply(self, transaction: Transaction) -> None:
        self.commit(transaction)

    async def intact(self) -> bool:
        return self.commits > 0

    async def close(self, *, remove: bool) -> None:
        if remove:
            self.elements, self.chains, self.commits = {}, set(), 0

    def commit(self, transaction: Transaction) -> None:
        """Raises: ApplyError."""
        elements = {} if transaction.full else dict(self.elements)
        chains = {(p.family, p.name) for p in ready_made(self.families)} if transaction.full else set(self.chains)
        chains.update((pick.family, pick.name) for pick in transaction.picks)
        for slot, old in transaction.removed:
            if elements.pop(slot, None) != old:
                raise ApplyError(f"no such element: {slot}")
        for slot, value in transaction.added:
            if slot in elements:
                raise ApplyError(f"element exists: {slot}")
            if value.startswith("goto ") and value != "goto refuse" and (slot.family, value[5:]) not in chains:
                raise ApplyError(f"no such chain: {value}")
            elements[slot] = value
        self.elements, self.chains = elements, chains
        self.commits += 1
