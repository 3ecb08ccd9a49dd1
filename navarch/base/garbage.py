"""When Python's garbage collector looks at what, in processes that hold a cluster.

Nearly all that such a process makes goes when its last user is done with it. What is left to the
collector are cycles: tasks and exceptions mostly, short-lived. But each full look goes through every
object that can be part of a cycle, and a server that holds 150,000 pods would stand still for seconds.
So three things are done:

- What there is one of per stored object (`store.contract.Entry`, the caches' views) is made without
  a header for the collector. It never sees them.
- The young are looked at seldom (`THRESHOLDS`): what a request makes is gone when it is answered, and
  only what it leaves behind counts.
- What has outlived a full look is frozen: no later look goes through it again, so a full look costs what
  has come since the last one. Frozen objects still go when their last user is done with them. Only a
  cycle that dies after that stays; to find those, all is thawed for a look whenever the frozen have
  doubled, as long as there are few enough of them (`THAW_LIMIT`) for the pause to stay short.

A process calls `begin` first and `settle` once it stands.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Final

#: New objects until a look at the young; looks until one at the middle-aged; such until a full one.
THRESHOLDS: Final = (20_000, 1, 1)

#: No more frozen objects than these are thawed for a look: it takes 20 to 100 nanoseconds for each.
THAW_LIMIT: Final = 100_000

#: The generation that a full look is of.
OLDEST: Final = 2


@dataclass(slots=True)
class Policy:
    """Decides what follows a look. `frozen_then` is how many objects were frozen after the last thaw."""

    frozen_then: int

    def thaws(self, frozen: int) -> bool:
        """Whether a full look that is about to begin shall go through what is frozen too."""
        return 2 * self.frozen_then <= frozen <= THAW_LIMIT

    def thawed(self, frozen: int) -> None:
        """A look went through everything, and `frozen` objects were frozen after it."""
        self.frozen_then = max(frozen, 1)


class _Freezer:
    """Carries the policy out, called by the collector before and after each look."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._thawed = False

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != OLDEST:
            return
        if phase == "start":
            self._thawed = self._policy.thaws(gc.get_freeze_count())
            if self._thawed:
                gc.unfreeze()
            return
        gc.freeze()
        if self._thawed:
            self._policy.thawed(gc.get_freeze_count())


def begin() -> None:
    """Let loading and starting go on without looks at all that stays."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """Look through everything once, and from then on at what is new. Called once per process."""
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_Freezer(Policy(max(gc.get_freeze_count(), 1))))
