"""The store of several machines: a real etcd cluster, shared by several control planes.

Documents lie in etcd unstamped, because their revision is not known before they are written; the
index holds them stamped. One watch of etcd feeds the index. It watches *all* keys, so that every
revision of etcd arrives and the index can tell for sure that it has caught up with a write; what
is not under `prefix` only moves the revision. A connection that breaks is resumed after the last
revision seen; if etcd has compacted that away, everything is read again and the difference is
published, and history before it is forgotten.

gRPC cannot run on the simulated loop: this never does.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Iterable, Sequence

import grpc

from navarch.store.contract import Entry, RevisionConflict, StoreError, StoreUnavailable, stamp
from navarch.store.etcd_channels import CALL_TIMEOUT_S, HistoryCompacted
from navarch.store.etcd_client import EtcdClient
from navarch.store.etcd_pb import etcd_pb2 as pb
from navarch.store.index import Change, LogIndex
from navarch.store.writes import check_size, tombstone

#: Pause before the watch is opened again, doubled each time it fails at once.
RESUME_FIRST_S = 0.05
RESUME_LAST_S = 2.0

#: A watch that is so long behind a write hangs on a member that is frozen or cut off.
FOLLOWS_S = 1.0


class EtcdStore:
    """`store.contract.Store` in etcd. `targets` are its members as `host:port`. `fault` says in words what keeps
    the index from following, "" while nothing does."""

    def __init__(
        self, targets: Sequence[str], credentials: grpc.ChannelCredentials | None = None, prefix: str = "/navarch/"
    ) -> None:
        assert prefix.endswith("/")
        self.index = LogIndex()
        self.fault = ""
        self._targets = tuple(targets)
        self._credentials = credentials
        self._prefix = prefix.encode()
        self._client: EtcdClient | None = None
        self._feeder: asyncio.Task[None] | None = None
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waits = 0

    async def start(self) -> None:
        """Raises: StoreUnavailable."""
        self._client = EtcdClient(self._targets, self._credentials)
        try:
            found, revision = await self._client.read_all(self._prefix)
        except BaseException:
            await self.close()
            raise
        self.index.load(map(self._entry, found), revision)
        self._feeder = asyncio.create_task(self._feed(), name="etcd watch")

    async def close(self) -> None:
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.wait([self._feeder])
            if not self._feeder.cancelled():
                self._feeder.result()
            self._feeder = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        check_size(key, document)
        client = self._connected()
        before = self.index.get(key) if expected else None
        lease = await client.grant(max(1, math.ceil(ttl_s))) if ttl_s is not None else 0
        done, revision = await client.put(self._key(key), document, expected, lease)
        await self._shown(revision)
        current = self.index.get(key)
        if not done:
            raise RevisionConflict(key, current)
        if current is not None and current.revision == revision:
            return current
        return Entry(key, stamp(document, revision), revision, before.create_revision if before else revision)

    async def delete(self, key: str, expected: int) -> Entry:
        client = self._connected()
        if expected <= 0:
            raise RevisionConflict(key, self.index.get(key))
        removed, revision = await client.delete(self._key(key), expected)
        await self._shown(revision)
        if removed is None:
            raise RevisionConflict(key, self.index.get(key))
        return tombstone(self._entry(removed), revision)

    async def sync(self) -> int:
        await self._shown(await self._connected().revision())
        return self.index.revision

    async def compact(self, revision: int) -> None:
        await self._connected().compact(revision)
        self.index.forget(revision)

    def _connected(self) -> EtcdClient:
        assert self._client is not None, "the store is not open"
        return self._client

    def _key(self, key: str) -> bytes:
        return self._prefix + key.encode()

    def _entry(self, pair: pb.KeyValue) -> Entry:
        key = pair.key[len(self._prefix) :].decode()
        return Entry(key, stamp(pair.value, pair.mod_revision), pair.mod_revision, pair.create_revision)

    async def _shown(self, revision: int) -> None:
        """Wait until the index has caught up with `revision`. Raises: StoreUnavailable."""
        if self.index.revision >= revision:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits += 1
        heapq.heappush(self._waiters, (revision, self._waits, waiter))
        loop = asyncio.get_running_loop()
        hurry = loop.call_later(FOLLOWS_S, self._connected().leave_watch)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await waiter
        except TimeoutError:
            raise StoreUnavailable(f"etcd is at revision {revision}, its watch does not follow") from None
        finally:
            hurry.cancel()

    async def _feed(self) -> None:
        """Keep the index up to date for as long as the store is open."""
        pause_s = RESUME_FIRST_S
        while True:
            before = self.index.revision
            try:
                async for answer in self._connected().watch_all(self.index.revision):
                    self.fault = ""
                    self._take_in(answer.events)
                self.fault = "etcd ended the watch"
            except HistoryCompacted:
                await self._read_again()
            except StoreError as error:
                # Out of reach: reads go on from what the index holds, writers are told by their own calls.
                self.fault = str(error)
            pause_s = RESUME_FIRST_S if self.index.revision > before else min(2 * pause_s, RESUME_LAST_S)
            await asyncio.sleep(pause_s)

    def _take_in(self, events: Iterable[pb.Event]) -> None:
        changes: list[Change] = []
        latest: dict[str, Entry] = {}
        revision = 0
        for event in events:
            revision = event.kv.mod_revision
            if not event.kv.key.startswith(self._prefix):
                continue
            entry = self._entry(event.kv)
            deleted = event.type == pb.Event.DELETE
            if deleted:
                last = latest.get(entry.key) or self.index.get(entry.key)
                assert last is not None, entry.key
                entry = tombstone(last, revision)
            latest[entry.key] = entry
            changes.append((entry, deleted))
        self._publish(changes, revision)

    async def _read_again(self) -> None:
        """Publish what has changed during an outage that etcd keeps no history of."""
        try:
            found, revision = await self._connected().read_all(self._prefix)
        except StoreError:
            return
        self._publish(difference(self.index, [self._entry(pair) for pair in found], revision), revision)
        self.index.forget(revision)

    def _publish(self, changes: list[Change], revision: int) -> None:
        self.index.publish(changes)
        self.index.advance(revision)
        while self._waiters and self._waiters[0][0] <= self.index.revision:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)


def difference(index: LogIndex, found: Iterable[Entry], revision: int) -> list[Change]:
    """The changes that lead from what `index` holds to what was `found` at `revision`.

    What was deleted and made anew is told as such. When exactly something was deleted is not
    known: the revision is the last one possible.
    """
    now = {entry.key: entry for entry in found}
    changes = [(entry, False) for entry in now.values() if entry.revision > index.revision]
    for old in index.entries():
        new = now.get(old.key)
        if new is None:
            changes.append((tombstone(old, revision), True))
        elif new.create_revision != old.create_revision:
            changes.append((tombstone(old, new.create_revision - 1), True))
    changes.sort(key=lambda change: change[0].revision)
    return changes
