"""Finding entries by what they are, not by key: pods by their node, anything by a label.

A `Lookup` belongs to one bucket and one facet. Before the first question all entries are looked at, which is done
bit by bit (`catch_up`): of 100,000 pods it takes most of a second. A write only marks its key as out of date,
which costs next to nothing; the next question looks at those keys again. Who asks no more pays no more: when
too much is out of date, the lookup goes.

Called by `index.py` alone.

Worked example, a lookup of pods by node:
    unread [a, b, c]; catch_up(2) -> c and b are read, False; catch_up(2) -> a is read, True
    found(("n1",)) -> {a, c}
    a is written   -> marked {a}; found(("n2",)) -> a is read again: n2 -> {a, b}
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from navarch.store.contract import Entry, Facet

#: A bucket with fewer keys is scanned: that takes no longer than to keep lookups.
FEW_KEYS = 256

#: A lookup with more keys out of date than half of the bucket is dropped, if they are more than these.
SLACK = 1_000


class Lookup:
    """The keys of a bucket by the value of one facet."""

    __slots__ = ("_by_value", "_facet", "_marked", "_unread", "_value_of")

    def __init__(self, facet: Facet, keys: Iterable[str]) -> None:
        self._facet = facet
        self._value_of: dict[str, str] = {}
        #: One key, or a set of several: names are had by one each, and sets would cost more than the entries.
        self._by_value: dict[str, str | set[str]] = {}
        #: Those that were never looked at; all others of the bucket that are out of date are marked.
        self._unread = list(keys)
        self._marked: set[str] = set()

    def mark(self, key: str) -> None:
        """The key was written or deleted."""
        self._marked.add(key)

    def is_stale(self, size: int) -> bool:
        """Whether so much of the bucket's `size` keys is out of date that nobody seems to ask."""
        return len(self._marked) > max(SLACK, size // 2)

    def catch_up(self, entries: Mapping[str, Entry], limit: int) -> bool:
        """Look at no more than `limit` entries that were never looked at; whether none is left."""
        unread = self._unread
        for key in unread[-limit:]:
            self._renew(key, entries.get(key))
        del unread[-limit:]
        return not unread

    def found(self, entries: Mapping[str, Entry], values: Sequence[str] | None) -> list[Collection[str]]:
        """The keys with one of these values (None: with any), in disjoint collections that are not to be changed."""
        if self._unread:
            self.catch_up(entries, len(self._unread))
        for key in self._marked:
            self._renew(key, entries.get(key))
        self._marked.clear()
        found = self._by_value.values() if values is None else map(self._by_value.get, dict.fromkeys(values))
        return [(keys,) if isinstance(keys, str) else keys for keys in found if keys is not None]

    def _renew(self, key: str, entry: Entry | None) -> None:
        before = self._value_of.pop(key, None)
        now = self._facet.value_of(entry) if entry is not None else None
        if now is not None:
            self._value_of[key] = now
        if before == now:
            return
        if before is not None:
            self._take_out(before, key)
        if now is not None:
            self._put_in(now, key)

    def _put_in(self, value: str, key: str) -> None:
        keys = self._by_value.setdefault(value, key)
        if isinstance(keys, set):
            keys.add(key)
        elif keys != key:
            self._by_value[value] = {keys, key}

    def _take_out(self, value: str, key: str) -> None:
        keys = self._by_value[value]
        if isinstance(keys, set):
            keys.discard(key)
            if len(keys) == 1:
                self._by_value[value] = keys.pop()
        else:
            del self._by_value[value]
