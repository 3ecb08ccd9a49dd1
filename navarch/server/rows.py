"""Many members in the order in which they came, who leave in any order: 9 bytes each, a dict takes 30 to 60.

    row.append(watcher)
    watcher.group = None; row.left()        # who leaves shows it (`is_here`), and it is said
    row.present()                           # those who did not leave, in order

Who has left keeps his place until the half of all has: leaving costs next to nothing on average.

Called by `watch_hub.py` and `watch_agenda.py`.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Row(Generic[T]):
    """Nobody comes twice."""

    __slots__ = ("_gone", "_members")

    def __init__(self) -> None:
        self._members: list[T] = []
        self._gone = 0

    def __len__(self) -> int:
        """How many are there."""
        return len(self._members) - self._gone

    def is_here(self, member: T) -> bool:
        """Whether a member has not left."""
        raise NotImplementedError

    def append(self, member: T) -> None:
        self._members.append(member)

    def left(self) -> None:
        """One more has left."""
        self._gone += 1
        if self._gone * 2 > len(self._members):
            self._members = self.present()
            self._gone = 0

    def present(self) -> list[T]:
        """Those that are there: a list of the caller's own."""
        return list(filter(self.is_here, self._members)) if self._gone else self._members.copy()
