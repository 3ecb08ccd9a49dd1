"""The cluster's zone: records by owner, changed one service at a time. Synchronous, in memory.

Several services can have data under one name (a pod's address points back to each headless service that
has it), so data is kept by owner and joined.
"""

from __future__ import annotations

from collections.abc import Iterable

from navarch.base.resource import ObjectKey
from navarch.dns.answer import Data
from navarch.dns.records import Records

NOTHING: Records = {}


class Zone:
    """Implements `answer.ZoneData`."""

    def __init__(self, domain: str = "cluster.local", ttl_s: int = 30) -> None:
        self.domain = domain
        self.ttl_s = ttl_s
        self.serial = 1
        self._owners: dict[ObjectKey, Records] = {}
        self._data: dict[tuple[str, int], dict[ObjectKey, tuple[Data, ...]]] = {}
        self._types: dict[str, dict[int, None]] = {}
        #: How many names with data lie at or below a name.
        self._below: dict[str, int] = {}
        for name in ("svc", "pod", "dns-version"):
            self._count(f"{name}.{domain}", 1)

    def __len__(self) -> int:
        return len(self._owners)

    def replace(self, owner: ObjectKey, records: Records = NOTHING) -> bool:
        """From now on the owner has these records and no others. False if it had just these."""
        old = self._owners.get(owner, NOTHING)
        if old == records:
            return False
        self.serial += 1
        for (name, type_), _ in old.items():
            if (name, type_) not in records:
                self._withdraw(owner, name, type_)
        for (name, type_), data in records.items():
            self._put(owner, name, type_, data)
        if records:
            self._owners[owner] = records
        else:
            del self._owners[owner]
        return True

    def find(self, name: str, type_: int) -> tuple[Data, ...]:
        claims = self._data.get((name, type_))
        if claims is None:
            return ()
        if len(claims) == 1:
            return next(iter(claims.values()))
        return tuple(dict.fromkeys(data for owner in sorted(claims) for data in claims[owner]))

    def types(self, name: str) -> Iterable[int]:
        return self._types.get(name, ())

    def exists(self, name: str) -> bool:
        return name in self._below

    def _put(self, owner: ObjectKey, name: str, type_: int, data: tuple[Data, ...]) -> None:
        claims = self._data.setdefault((name, type_), {})
        if not claims:
            self._types.setdefault(name, {})[type_] = None
            self._count(name, 1)
        claims[owner] = data

    def _withdraw(self, owner: ObjectKey, name: str, type_: int) -> None:
        claims = self._data[name, type_]
        del claims[owner]
        if claims:
            return
        del self._data[name, type_]
        del self._types[name][type_]
        if not self._types[name]:
            del self._types[name]
        self._count(name, -1)

    def _count(self, name: str, step: int) -> None:
        """Note that one more, or one less, (name, type) makes the name and all above it exist."""
        while name:
            count = self._below.get(name, 0) + step
            if count:
                self._below[name] = count
            else:
                del self._below[name]
            name = name.partition(".")[2]
