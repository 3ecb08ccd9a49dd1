"""What a store is: a revisioned key-value log with the semantics of etcd v3.

A store keeps *documents*: the JSON bytes of one object each. The revision of the last write is part
of the document (`metadata.resourceVersion`), but is known only when the write has its place in the
log. So documents are written with an empty resourceVersion, and the store hands them out with it
filled in (`stamp`). The writer guarantees that `metadata` precedes every other field that could
carry an empty resourceVersion, and that resourceVersion precedes labels and annotations.

Keys are `<bucket>/<namespace>/<name>`, or `<bucket>/<name>` for cluster-scoped resources; the
bucket is `pods`, `deployments.apps`, ... Order is bytewise.

Reads are synchronous: they come from the in-memory index over the log, which holds exactly what
is committed and published. Writes are asynchronous: they return when the write is durable *and*
visible in the index. Events are published in revision order, to every watcher in the same order.

One contract suite (`tests/store/test_contract.py`) runs against every implementation.

Source: etcd v3 API (revisions, compare on mod_revision, watch, compaction, leases).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from navarch.base.errors import NavarchError

#: What `stamp` looks for. It cannot occur inside a JSON string, where quotes are escaped.
UNSTAMPED = b'"resourceVersion":""'


class StoreError(NavarchError):
    """The root of store errors."""


class RevisionConflict(StoreError):
    """The key's revision is not the expected one. `current` is what stands there, None if nothing."""

    def __init__(self, key: str, current: Entry | None) -> None:
        super().__init__(f"{key}: revision is {current.revision if current else 0}")
        self.key = key
        self.current = current


class Compacted(StoreError):
    """The revision asked for is older than the history that is kept."""

    def __init__(self, wanted: int, oldest: int) -> None:
        super().__init__(f"revision {wanted} is compacted, the oldest kept is {oldest}")
        self.wanted = wanted
        self.oldest = oldest


class StoreReadOnly(StoreError):
    """Writes are refused: the disk is full or failing. Reads go on. The text says what to do."""


class StoreUnavailable(StoreError):
    """The store cannot be reached now. Whether a write under way took place is not known."""


class StoreUnusable(StoreError):
    """The store cannot be opened: it is in use, unreachable or of another format. The text says what to do."""


class ValueTooLarge(StoreError):
    """The document is larger than `MAX_DOCUMENT_BYTES`."""


#: etcd's default request limit, which clients know.
MAX_DOCUMENT_BYTES = 1_572_864


class Entry(msgspec.Struct, gc=False, eq=False):
    """A committed document. Immutable but for `attrs`, which belongs to the API server: what it
    derives from the document once (labels, selectable fields) and needs at every list and watch.

    The garbage collector does not look at entries and events: there are as many as objects, and nothing
    that they hold leads back to them."""

    key: str
    value: bytes
    revision: int
    create_revision: int
    attrs: Any = None


class Event(msgspec.Struct, gc=False, eq=False):
    """One change. `entry` is the new state, or, when `deleted`, the last state stamped with the
    revision of the deletion. `previous` is the state before, None when created.
    `views` is for readers that share decoded forms of one event."""

    entry: Entry
    previous: Entry | None
    deleted: bool
    views: Any = None

    @property
    def revision(self) -> int:
        return self.entry.revision


#: Called synchronously at publication, in revision order, with the events of one bucket. It must
#: neither block nor raise; a consumer that needs time queues them, bounded.
Deliver = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Facet:
    """A property that entries of a bucket are found by; `name` tells it from the bucket's others.
    `value_of` must give the same for the same entry always; None: the entry does not have the property."""

    name: str
    value_of: Callable[[Entry], str | None] = field(compare=False)


#: A facet, and the values of which an entry must have one; None: any.
Condition = tuple[Facet, Sequence[str] | None]


class Index(Protocol):
    """The synchronous side: what is committed, and the history that is kept."""

    @property
    def revision(self) -> int:
        """The revision of the last published write."""

    @property
    def compacted(self) -> int:
        """Watches and exact reads from before this revision raise Compacted; 0 at first."""

    def get(self, key: str) -> Entry | None: ...

    def range(self, prefix: str, start: str = "", limit: int = 0) -> list[Entry]:
        """Entries under `prefix` (`pods/` or `pods/default/`) in key order, from key `start`
        (inclusive) on, at most `limit` (0: all)."""

    def range_at(self, prefix: str, revision: int, start: str = "", limit: int = 0) -> list[Entry]:
        """As `range`, as things stood right after `revision`. Raises: Compacted."""

    def changed(self, bucket: str) -> int:
        """The revision of the last change in a bucket, 0 if nothing was ever in it: who derives something
        from the whole of it need not look again before this is another."""

    def count(self, prefix: str, start: str = "", revision: int | None = None) -> int:
        """How many entries `range`, or with a revision `range_at`, would give. Raises: Compacted."""

    def catch_up(self, prefix: str, conditions: Sequence[Condition], limit: int) -> bool:
        """Prepare `select`, looking at no more than `limit` entries; whether it needs no more of that."""

    def select(
        self, prefix: str, conditions: Sequence[Condition], start: str = "", revision: int | None = None
    ) -> list[Entry] | None:
        """As `range`, or with a revision as `range_at`, but entries that do not meet all conditions may be
        left out; it costs what it returns. None where so many meet them that to look at the whole range costs
        no more. Raises: Compacted."""

    def past(self, bucket: str, after: int) -> list[Event]:
        """The events of `bucket` with a revision above `after`, in order. Raises: Compacted."""

    def watch(self, bucket: str, after: int, deliver: Deliver) -> Callable[[], None]:
        """Deliver every event of `bucket` with a revision above `after`: those of the past before
        this call returns, later ones as they are published. Returns the function that ends it.

        Raises: Compacted.
        """


class Store(Protocol):
    """The asynchronous side: writing, compaction, life cycle."""

    @property
    def index(self) -> Index: ...

    async def start(self) -> None:
        """Recover, and fill the index. Nothing else may be called before it returns."""

    async def close(self) -> None:
        """Finish the writes under way and release files. Idempotent."""

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        """Write `document` if the key's revision is `expected` (0: the key must not exist).
        With `ttl_s` the store deletes the key that many seconds later.

        Raises: RevisionConflict, ValueTooLarge, StoreReadOnly, StoreUnavailable.
        """

    async def delete(self, key: str, expected: int) -> Entry:
        """Delete the key if its revision is `expected`; returns the last state, stamped with the
        revision of the deletion. Raises: RevisionConflict, StoreReadOnly, StoreUnavailable."""

    async def sync(self) -> int:
        """Return when the index shows everything that was acknowledged anywhere before the call;
        the index's revision then. At once for stores with a single writer process. Raises: StoreUnavailable."""

    async def compact(self, revision: int) -> None:
        """Forget history up to and including `revision`: how things stood right after it can still be read."""


def stamp(document: bytes, revision: int) -> bytes:
    """The document with its empty resourceVersion filled in."""
    return document.replace(UNSTAMPED, b'"resourceVersion":"%d"' % revision, 1)


def restamp(value: bytes, old: int, new: int) -> bytes:
    """A stamped document moved to another revision: what a DELETED event shows."""
    return value.replace(b'"resourceVersion":"%d"' % old, b'"resourceVersion":"%d"' % new, 1)
