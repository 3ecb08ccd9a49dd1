"""The queue: order, back-off, and who is woken by what."""

from __future__ import annotations

from navarch.scheduler.plugins.contract import Change
from navarch.scheduler.queue import SchedulingQueue
from navarch.scheduler.shape import PodInfo
from tests.scheduler.build import info, make_pod

WAKES = {"Fit": frozenset({Change.POD_REMOVED}), "Taints": frozenset({Change.NODE_TAINTS})}
FIT = frozenset({"Fit"})


def pod(name: str, *, priority: int = 0, since: float = 0.0) -> PodInfo:
    return info(make_pod(name, priority=priority), since=since)


def test_the_most_important_first_then_the_oldest() -> None:
    queue = SchedulingQueue(WAKES)
    for made in (pod("young", since=2), pod("old", since=1), pod("high", priority=5, since=3)):
        queue.add(made)
    assert [p.key.name for p in queue.pop(2)] == ["high", "old"]
    assert [p.key.name for p in queue.pop(2)] == ["young"]


def test_a_refused_pod_rests_until_something_it_cares_about_changes() -> None:
    queue = SchedulingQueue(WAKES)
    queue.add(pod("web"))
    queue.refused(queue.pop(1)[0], FIT, now=0)
    queue.changed({Change.NODE_TAINTS}, now=5)
    assert (len(queue), queue.resting, queue.next_due()) == (0, 1, None)
    queue.changed({Change.POD_REMOVED}, now=5)
    assert (len(queue), queue.resting) == (1, 0)


def test_a_change_during_the_back_off_wakes_at_its_end() -> None:
    queue = SchedulingQueue(WAKES)
    queue.add(pod("web"))
    queue.refused(queue.pop(1)[0], FIT, now=0)
    queue.changed({Change.POD_REMOVED}, now=0.5)
    assert (len(queue), queue.next_due()) == (0, 1)
    queue.release(now=0.9)
    assert len(queue) == 0
    queue.release(now=1)
    assert len(queue) == 1


def test_the_back_off_doubles_up_to_its_cap() -> None:
    queue = SchedulingQueue(WAKES)
    queue.add(pod("web"))
    waits = []
    for _ in range(6):
        queue.failed(queue.pop(1)[0], now=0)
        due = queue.next_due()
        assert due is not None
        waits.append(due)
        queue.release(due)
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_pod_that_is_gone_does_not_come_back() -> None:
    queue = SchedulingQueue(WAKES)
    queue.add(pod("web"))
    taken = queue.pop(1)[0]
    queue.remove(taken.key)
    queue.refused(taken, FIT, now=0)
    queue.failed(taken, now=0)
    queue.changed(set(Change), now=99)
    assert (len(queue), queue.resting, queue.next_due()) == (0, 0, None)
