"""Finding entries by what they are, not by key: pods by their node, anything by a label.

A `Lookup` belongs to one bucket and one facet. It is made at the first question, in the time of one
scan. A write only marks its key as out of date, which costs next to nothing; the next question looks at
those keys again. Who asks no more pays no more: when too much is out of date, the lookup goes.

Called by `index.py` alone.

Worked example, a lookup of pods by node:
    marked {a, b, c}; found(("n1",)) -> values of a, b, c are read: n1, n2, n1 -> {a, c}
    a is written   -> marked {a}; found(("n2",)) -> a is read again: n2 -> {a, b}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from navarch.store.contract import Entry, Facet

#: A bucket with fewer keys is scanned: that takes no longer than to keep lookups.
FEW_KEYS = 256

#: A lookup with more keys out of date than half of the bucket is dropped, if they are more than these.
SLACK = 1_000


class Lookup:
    """The keys of a bucket by the value of one facet."""

    __slots__ = ("_by_value", "_facet", "_marked", "_value_of")

    def __init__(self, facet: Facet, keys: Iterable[str]) -> None:
        self._facet = facet
        self._value_of: dict[str, str] = {}
        self._by_value: dict[str, set[str]] = {}
        self._marked = set(keys)

    def mark(self, key: str) -> None:
        """The key was written or deleted."""
        self._marked.add(key)

    def is_stale(self, size: int) -> bool:
        """Whether so much of the bucket's `size` keys is out of date that nobody seems to ask."""
        return len(self._marked) > max(SLACK, size // 2)

    def found(self, entries: Mapping[str, Entry], values: Sequence[str] | None) -> list[set[str]]:
        """The keys with one of these values (None: with any), in disjoint sets that are not to be changed."""
        for key in self._marked:
            self._renew(key, entries.get(key))
        self._marked.clear()
        if values is None:
            return list(self._by_value.values())
        return [keys for value in values if (keys := self._by_value.get(value))]

    def _renew(self, key: str, entry: Entry | None) -> None:
        before = self._value_of.pop(key, None)
        now = self._facet.value_of(entry) if entry is not None else None
        if now is not None:
            self._value_of[key] = now
        if before == now:
            return
        if before is not None:
            keys = self._by_value[before]
            keys.discard(key)
            if not keys:
                del self._by_value[before]
        if now is not None:
            self._by_value.setdefault(now, set()).add(key)
