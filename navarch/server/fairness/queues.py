"""Fair queues of waiting requests. Pure.

Each flow is dealt a hand of a few queues (shuffle sharding): a flow that floods fills its own hand, and
another flow hardly ever shares the whole of it. Queues are served by virtual time: the next request comes
from the queue that has been served least.

Source: KEP-1040; apiserver `util/shufflesharding`; start-time fair queueing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


def hand_of(flow: str, queues: int, size: int) -> list[int]:
    """`size` different queues out of `queues`, always the same for a flow."""
    entropy = int.from_bytes(hashlib.sha256(flow.encode()).digest()[:16])
    hand: list[int] = []
    for left in range(queues, queues - min(size, queues), -1):
        entropy, card = divmod(entropy, left)
        # The card-th of the queues that are not in the hand yet.
        for taken in sorted(hand):
            card += taken <= card
        hand.append(card)
    return hand


class QueueSet(Generic[T]):
    """The queues of one priority level. Items are told apart by identity."""

    def __init__(self, queues: int, hand_size: int, length_limit: int) -> None:
        self._queues: list[OrderedDict[int, tuple[T, int]]] = [OrderedDict() for _ in range(queues)]
        self._served = [0.0] * queues
        self._hand_size = hand_size
        self._length_limit = length_limit
        #: The virtual time: what the queue that was served last had been served before.
        self._now = 0.0
        self.count = 0

    def put(self, flow: str, item: T, seats: int) -> bool:
        """Add to the shortest queue of the flow's hand; False when that is full."""
        hand = hand_of(flow, len(self._queues), self._hand_size)
        index = min(hand, key=lambda i: (len(self._queues[i]), i))
        queue = self._queues[index]
        if len(queue) >= self._length_limit:
            return False
        if not queue:
            # A queue that was idle has no claim from then.
            self._served[index] = max(self._served[index], self._now)
        queue[id(item)] = (item, seats)
        self.count += 1
        return True

    def first(self) -> tuple[T, int] | None:
        """The item whose turn it is, with its seats. It stays until it is removed."""
        if not self.count:
            return None
        index = self._next()
        return next(iter(self._queues[index].values()))

    def take(self) -> T:
        """Remove the item whose turn it is, and charge its queue."""
        index = self._next()
        _, (item, seats) = self._queues[index].popitem(last=False)
        self._now = self._served[index]
        self._served[index] += seats
        self.count -= 1
        return item

    def remove(self, item: T) -> None:
        """Forget an item that waits no longer."""
        for queue in self._queues:
            if queue.pop(id(item), None) is not None:
                self.count -= 1
                return

    def _next(self) -> int:
        waiting = (index for index, queue in enumerate(self._queues) if queue)
        return min(waiting, key=lambda index: (self._served[index], index))
