"""How repeated events are counted, summed up and limited: a pure function of what was recorded before.

Caller: `recorder.py`. Identical events become one object whose count grows; many events that differ
in the text alone become one "combined" event; an object that causes events faster than a token
bucket allows is silenced.

Source: the behaviour of client-go's event correlator (its default limits).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, TypeVar

from navarch.api.views.pod import ObjectReference

#: Different texts for one object and reason within `AGGREGATE_WINDOW_S` before they are combined.
AGGREGATE_LIMIT: Final = 10
AGGREGATE_WINDOW_S: Final = 600.0
#: Token bucket per source and object: 25 at once, then one in five minutes.
SPAM_BURST: Final = 25
SPAM_REFILL_PER_S: Final = 1 / 300
#: Entries kept of each memory, least recently used dropped first.
MEMORY: Final = 4096

COMBINED: Final = "(combined from similar events): "

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to `about`. `type` is Normal or Warning."""

    about: ObjectReference
    type: str
    reason: str
    message: str


@dataclass(slots=True)
class Series:
    """An Event object as it stands: its name is empty until it is written."""

    occurrence: Occurrence
    first_at: float
    last_at: float
    count: int = 1
    namespace: str = ""
    name: str = ""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last_at: float = 0.0


class Correlator:
    """Remembers what one component recorded."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._series: OrderedDict[tuple[str, ...], Series] = OrderedDict()

    def take(self, occurrence: Occurrence, now: float) -> Series | None:
        """The series that `occurrence` belongs to, with its count raised; None if it is silenced."""
        key, occurrence = self._combine(occurrence, now)
        if not self._allowed(occurrence.about, now):
            return None
        series = self._series.get(key)
        if series is None:
            series = Series(occurrence, now, now)
        else:
            series.occurrence = occurrence
            series.last_at = now
            series.count += 1
        _remember(self._series, key, series)
        return series

    def _combine(self, occurrence: Occurrence, now: float) -> tuple[tuple[str, ...], Occurrence]:
        group = (*_identity(occurrence.about), occurrence.type, occurrence.reason)
        similar = self._similar.get(group)
        if similar is None or now - similar.last_at > AGGREGATE_WINDOW_S:
            similar = _Similar()
        similar.last_at = now
        similar.messages.add(occurrence.message)
        _remember(self._similar, group, similar)
        if len(similar.messages) < AGGREGATE_LIMIT:
            return (*group, occurrence.about.fieldPath, occurrence.message), occurrence
        similar.messages.pop()
        combined = Occurrence(occurrence.about, occurrence.type, occurrence.reason, COMBINED + occurrence.message)
        return group, combined

    def _allowed(self, about: ObjectReference, now: float) -> bool:
        key = _identity(about)
        bucket = self._buckets.get(key) or _Bucket(SPAM_BURST, now)
        bucket.tokens = min(SPAM_BURST, bucket.tokens + (now - bucket.filled_at) * SPAM_REFILL_PER_S)
        bucket.filled_at = now
        _remember(self._buckets, key, bucket)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _identity(about: ObjectReference) -> tuple[str, ...]:
    return (about.kind, about.namespace, about.name, about.uid, about.apiVersion)


def _remember(memory: OrderedDict[tuple[str, ...], T], key: tuple[str, ...], value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MEMORY:
        memory.popitem(last=False)
