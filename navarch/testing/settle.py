"""Running a simulation until nothing more would happen.

What is still to happen is what waits on a timer that is not routine (`seams.contract.routine`): a
container that is starting, a back-off, a deadline. Heartbeats and steady probes go on for ever and do
not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from navarch.base.errors import NavarchError
from navarch.seams.sim import SimLoop
from navarch.store.contract import Event

#: In a stretch of time without events, routine runs for this long at its end; before that it is skipped.
TAIL_S = 60.0

#: Longest stretch that is played out in full.
QUIET_S = 180.0


#: What changes for ever and says nothing about why.
_HEARTBEATS = ("leases.coordination.k8s.io/", "events/", "nodes/")


class NotSettled(NavarchError):
    """A cluster that keeps changing. The text names the keys that changed most and who changed them."""


class Changes:
    """Counts what changed, and by whom, since `reset`."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self._last: dict[str, Event] = {}

    def reset(self) -> None:
        self.keys.clear()
        self._last.clear()

    def note(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.entry.key.startswith(_HEARTBEATS):
                continue
            self.keys[event.entry.key] += 1
            self._last[event.entry.key] = event

    def report(self, most: int = 5) -> str:
        lines = [f"  {key}: {count} changes{self._why(key)}" for key, count in self.keys.most_common(most)]
        return "\n".join(lines) or "  (nothing was written: something waits without writing)"

    def _why(self, key: str) -> str:
        event = self._last[key]
        managers = event.entry.value.rpartition(b'"manager":"')[2].partition(b'"')[0].decode()
        text = f", last by {managers}" if managers and len(managers) < 100 else ""
        for reason in (b"CrashLoopBackOff", b"ImagePullBackOff"):
            if reason in event.entry.value:
                text += f" ({reason.decode()}: it will be tried for ever; use advance() instead of settle())"
        return text


def settle(loop: SimLoop, changes: Changes, until: float, limit_s: float) -> None:
    """Run until no event is pending, and at least to `until` (loop time).

    Raises: NotSettled after `limit_s` of virtual time.
    """
    changes.reset()
    loop.run_until_idle()
    end = max(loop.time(), until) + limit_s
    while True:
        following = loop.next_event()
        if following is None or following < until:
            following = until if loop.time() < until else following
        if following is None:
            return
        if following > end:
            raise NotSettled(
                f"the cluster still changes after {limit_s:.0f} s of virtual time; most changes:\n{changes.report()}"
                f"\nwaiting now: {_waiting(loop)}"
            )
        advance_to(loop, following)


def wait_for(loop: SimLoop, changes: Changes, what: Callable[[], object], limit_s: float) -> None:
    """Let time pass until `what()` is true. Raises: NotSettled after `limit_s` of virtual time."""
    changes.reset()
    end = loop.time() + limit_s
    loop.run_until_idle()
    while not what():
        following = loop.next_timer()
        if following is None or following > end:
            raise NotSettled(
                f"what was waited for did not come within {limit_s:.0f} s of virtual time; most changes:\n"
                f"{changes.report()}\nwaiting now: {_waiting(loop)}"
            )
        loop.advance(following - loop.time())


def _waiting(loop: SimLoop, most: int = 5) -> str:
    """Whose timers are pending, the most frequent owners first."""
    owners = Counter(loop.waiting())
    return ", ".join(f"{owner} x{n}" if n > 1 else owner for owner, n in owners.most_common(most)) or "nothing"


def advance_to(loop: SimLoop, target: float) -> None:
    """Move time on to `target`. Long stretches in which only routine is due are passed over: each
    routine timer runs once, late, and then as usual for the last minute."""
    while loop.time() < target:
        following = loop.next_event()
        stop = target if following is None else min(following, target)
        if stop - loop.time() > QUIET_S:
            loop.advance(TAIL_S)
            following = loop.next_event()
            stop = target if following is None else min(following, target)
            if stop - loop.time() > QUIET_S:
                loop.skip(stop - TAIL_S)
                continue
        loop.advance(stop - loop.time())
