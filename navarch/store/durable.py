"""The durable store of one machine: a log of its own, written in groups.

Writes that arrive while a group is being made durable form the next group: one fsync for all of
them. A group gets its revisions when it is begun, and is published to the index, and its writers
answered, when it is durable. A key has at most one write under way; others wait for its outcome,
so that a conflict is only ever reported against what is durable.

When a group fails (full disk), its writers get StoreReadOnly, reads go on, and the
next write is simply tried. History is not read back: after a start `index.compacted` is the
revision of the start, and watchers from before list again.

The event loop makes the bytes of a group, a thread of its own writes them. Never run on the simulated loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from navarch.seams.contract import Clock
from navarch.store import former
from navarch.store.committer import Committer
from navarch.store.contract import Entry, StoreReadOnly
from navarch.store.disk import Disk
from navarch.store.expiry import Expiries
from navarch.store.files import Directory
from navarch.store.frames import Row
from navarch.store.index import LogIndex
from navarch.store.recovery import Recovered
from navarch.store.writes import check_deletable, check_revision, check_size, tombstone, written

#: Writes in one group, and bytes of documents after which it takes no further one. Filling it blocks the event loop:
#: 5 us a write.
GROUP_LIMIT = 500
GROUP_BYTES = 4 * 1024**2

#: When an expiry cannot be carried out now (full disk, write under way), it is tried again.
EXPIRY_RETRY_S = 1.0


class _Write:
    """One write on its way to the disk. `document` is None for a deletion."""

    __slots__ = ("answer", "document", "key", "ttl_s", "waiters")

    def __init__(self, key: str, document: bytes | None, ttl_s: float | None) -> None:
        self.key = key
        self.document = document
        self.ttl_s = ttl_s
        #: Whoever asked for it; an expiry asks for no answer.
        self.answer: asyncio.Future[Entry] | None = None
        #: Those who wait for their turn at this key.
        self.waiters: list[asyncio.Future[None]] = []


class DurableStore:
    """`store.contract.Store` in a directory."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.index = LogIndex()
        self._directory = directory
        self._clock = clock
        self._expiries = Expiries(self._expire)
        self._queue: deque[_Write] = deque()
        self._under_way: dict[str, _Write] = {}
        self._group: list[tuple[_Write, Row]] = []
        self._flush_planned = False
        self._upkeep_under_way = False
        self._disk: Disk | None = None
        self._committer: Committer | None = None

    async def start(self) -> None:
        """Raises: StoreUnusable, StoreReadOnly (a directory of an earlier version on a full disk)."""
        disk = Disk(Directory(self._directory))
        try:
            found = self._carried_over(disk) if (self._directory / former.DATABASE).exists() else disk.recover()
        except BaseException:
            disk.close()
            raise
        self._disk = disk
        self._committer = Committer()
        self.index.load(found.entries.values(), found.revision)
        now = self._clock.now()
        for key, expires_at in found.expires_at.items():
            self._expiries.set(key, expires_at - now)

    async def close(self) -> None:
        while self._under_way:
            await self._settled(next(reversed(self._under_way.values())))
        self._expiries.clear()
        if self._disk is not None and self._committer is not None:
            self._committer.close()
            self._disk.close()
            self._disk = self._committer = None

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        check_size(key, document)
        while (write := self._under_way.get(key)) is not None:
            await self._settled(write)
        check_revision(key, self.index.get(key), expected)
        return await self._answered(_Write(key, document, ttl_s))

    async def delete(self, key: str, expected: int) -> Entry:
        while (write := self._under_way.get(key)) is not None:
            await self._settled(write)
        check_deletable(key, self.index.get(key), expected)
        return await self._answered(_Write(key, None, None))

    async def sync(self) -> int:
        return self.index.revision

    async def compact(self, revision: int) -> None:
        self.index.forget(revision)

    def _carried_over(self, disk: Disk) -> Recovered:
        """The contents of a directory of the version before, in a log now. As long as the database is there, it counts.
        Raises: StoreUnusable, StoreReadOnly."""
        found = former.read(self._directory)
        disk.clear()
        disk.recover()
        for rows in _groups(found):
            disk.begin(rows, found.revision, found.entries.get)()
            disk.upkeep()
        (self._directory / former.DATABASE).unlink()
        return found

    def _answered(self, write: _Write) -> asyncio.Future[Entry]:
        write.answer = asyncio.get_running_loop().create_future()
        self._enqueue(write)
        return write.answer

    async def _settled(self, write: _Write) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        write.waiters.append(waiter)
        await waiter

    def _enqueue(self, write: _Write) -> None:
        assert self._disk is not None, "the store is not open"
        self._under_way[write.key] = write
        self._queue.append(write)
        self._plan_flush()

    def _plan_flush(self) -> None:
        """Begin the next group once those who are ready to write now have queued."""
        if self._queue and not self._group and not self._flush_planned and not self._upkeep_under_way:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        assert self._disk is not None and self._committer is not None
        self._flush_planned = False
        writes = self._next_group()
        now = self._clock.now()
        self._group = [(write, self._row(write, self.index.revision + n, now)) for n, write in enumerate(writes, 1)]
        rows = [row for _, row in self._group]
        commit = self._disk.begin(rows, self.index.revision + len(rows), self.index.get)
        self._committer.submit(commit, self._committed, light=len(rows) == 1 and not self._disk.upkeep_is_due())

    def _next_group(self) -> list[_Write]:
        writes: list[_Write] = []
        size = 0
        while self._queue and len(writes) < GROUP_LIMIT and size < GROUP_BYTES:
            write = self._queue.popleft()
            writes.append(write)
            size += len(write.document or b"")
        return writes

    def _row(self, write: _Write, revision: int, now: float) -> Row:
        current = self.index.get(write.key)
        if write.document is None:
            assert current is not None
            return Row(tombstone(current, revision), True, 0.0, current)
        expires_at = now + write.ttl_s if write.ttl_s is not None else 0.0
        return Row(written(write.key, write.document, revision, current), False, expires_at, current)

    def _committed(self, error: BaseException | None) -> None:
        if error is not None:
            self._fail(error)
            return
        group, self._group = self._group, []
        for write, _ in group:
            del self._under_way[write.key]
            self._expiries.set(write.key, write.ttl_s)
        self.index.publish([(row.entry, row.deleted) for _, row in group])
        for write, row in group:
            if write.answer is not None and not write.answer.done():
                write.answer.set_result(row.entry)
            _wake(write)
        self._keep_up()
        self._plan_flush()

    def _keep_up(self) -> None:
        """Now, for whoever has an answer does not wait any more, and the next writes may still be on their way."""
        assert self._disk is not None and self._committer is not None
        if self._disk.upkeep_is_due():
            self._upkeep_under_way = True
            self._committer.submit(self._disk.upkeep, self._kept_up, light=False)

    def _kept_up(self, error: BaseException | None) -> None:
        self._upkeep_under_way = False
        self._plan_flush()
        assert error is None, error

    def _fail(self, error: BaseException) -> None:
        group, self._group = self._group, []
        for write, _ in group:
            del self._under_way[write.key]
            if write.answer is None:
                self._expiries.set(write.key, EXPIRY_RETRY_S)
            elif not write.answer.done():
                write.answer.set_exception(StoreReadOnly(str(error)))
            _wake(write)
        self._plan_flush()

    def _expire(self, key: str) -> None:
        if key in self._under_way:
            self._expiries.set(key, EXPIRY_RETRY_S)
        elif self.index.get(key) is not None:
            self._enqueue(_Write(key, None, None))


def _wake(write: _Write) -> None:
    for waiter in write.waiters:
        if not waiter.done():
            waiter.set_result(None)


def _groups(found: Recovered) -> Iterator[list[Row]]:
    rows = [Row(entry, False, found.expires_at.get(key, 0.0)) for key, entry in found.entries.items()]
    for first in range(0, len(rows) or 1, GROUP_LIMIT):
        yield rows[first : first + GROUP_LIMIT]
