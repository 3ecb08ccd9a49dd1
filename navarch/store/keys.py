"""A sorted set of keys that stays fast at a million: the order of one bucket.

Used by `index.py` alone. Keys lie in blocks of bounded length, so that an insertion moves a few
kilobytes at most, and a range is found by two bisections. Nothing is sorted at read time.

Worked example, with blocks of at most 4:
    blocks [a b c] [d f]    lasts [c f]
    add e  -> lasts says the second block -> [d e f]
    between(b, e) -> from (0, 1) up to (1, 1) -> b c d
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import chain

#: A full block is split in two. 1,000 pointers are 8 kB: moving half of them takes under 0.2 us.
BLOCK_LIMIT = 1_000


class SortedKeys:
    """Distinct strings in code point order, which is also the bytewise order of their UTF-8."""

    __slots__ = ("_blocks", "_lasts", "_length")

    def __init__(self) -> None:
        self._blocks: list[list[str]] = []
        self._lasts: list[str] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._blocks)

    def copy(self) -> SortedKeys:
        twin = SortedKeys()
        twin._blocks = [block.copy() for block in self._blocks]
        twin._lasts = self._lasts.copy()
        twin._length = self._length
        return twin

    def add(self, key: str) -> None:
        """Insert a key that is not in the set yet."""
        self._length += 1
        if not self._blocks:
            self._blocks.append([key])
            self._lasts.append(key)
            return
        at = bisect_left(self._lasts, key)
        if at == len(self._lasts):
            at -= 1
            self._blocks[at].append(key)
            self._lasts[at] = key
        else:
            insort(self._blocks[at], key)
        if len(self._blocks[at]) > BLOCK_LIMIT:
            self._split(at)

    def remove(self, key: str) -> None:
        """Take out a key that is in the set."""
        at, place = self._find(key)
        block = self._blocks[at]
        assert block[place] == key
        del block[place]
        self._length -= 1
        if not block:
            del self._blocks[at], self._lasts[at]
        elif place == len(block):
            self._lasts[at] = block[-1]

    def between(self, low: str, high: str, limit: int = 0) -> list[str]:
        """The keys from `low` (inclusive) to `high` (exclusive), at most `limit` of them (0: all)."""
        first, start = self._find(low)
        last, stop = self._find(high)
        if first > last or (first == last and start >= stop):
            return []
        if first == last:
            if limit:
                stop = min(stop, start + limit)
            return self._blocks[first][start:stop]
        if limit:
            return self._take(first, start, last, stop, limit)
        tail = self._blocks[last][:stop] if last < len(self._blocks) else []
        return list(chain(self._blocks[first][start:], chain.from_iterable(self._blocks[first + 1 : last]), tail))

    def count(self, low: str, high: str) -> int:
        """How many keys there are from `low` (inclusive) to `high` (exclusive)."""
        first, start = self._find(low)
        last, stop = self._find(high)
        if first > last:
            return 0
        return max(0, sum(map(len, self._blocks[first:last])) - start + stop)

    def _take(self, first: int, start: int, last: int, stop: int, limit: int) -> list[str]:
        taken = self._blocks[first][start : start + limit]
        at = first + 1
        while len(taken) < limit and at <= last and at < len(self._blocks):
            block = self._blocks[at]
            end = stop if at == last else len(block)
            taken += block[: min(end, limit - len(taken))]
            at += 1
        return taken

    def _find(self, key: str) -> tuple[int, int]:
        """Where `key` is or would be: block and place in it. Past all keys: (number of blocks, 0)."""
        at = bisect_left(self._lasts, key)
        if at == len(self._lasts):
            return at, 0
        return at, bisect_left(self._blocks[at], key)

    def _split(self, at: int) -> None:
        block = self._blocks[at]
        middle = len(block) // 2
        self._blocks[at : at + 1] = [block[:middle], block[middle:]]
        self._lasts.insert(at, block[middle - 1])
