"""Shuffle sharding and fair queues."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from navarch.server.fairness.queues import QueueSet, hand_of


@given(st.text(), st.integers(1, 64), st.integers(1, 12))
def test_a_hand_is_of_different_queues_and_always_the_same(flow: str, queues: int, size: int) -> None:
    hand = hand_of(flow, queues, size)
    assert len(set(hand)) == len(hand) == min(queues, size)
    assert set(hand) <= set(range(queues))
    assert hand == hand_of(flow, queues, size)


def test_all_queues_are_dealt() -> None:
    dealt = {index for flow in range(200) for index in hand_of(str(flow), 16, 4)}
    assert dealt == set(range(16))


class Item:
    def __init__(self, flow: str) -> None:
        self.flow = flow


@given(st.lists(st.sampled_from("abcd"), max_size=60))
def test_what_is_put_comes_out_once_and_in_order_within_a_queue(flows: list[str]) -> None:
    queues: QueueSet[Item] = QueueSet(8, 1, 100)
    items = [Item(flow) for flow in flows]
    for item in items:
        assert queues.put(item.flow, item, 1)
    out = [queues.take() for _ in items]
    assert queues.count == 0
    assert queues.first() is None
    assert sorted(map(id, out)) == sorted(map(id, items))
    for flow in "abcd":
        assert [item for item in out if item.flow == flow] == [item for item in items if item.flow == flow]


def test_a_flood_does_not_keep_others_waiting() -> None:
    queues: QueueSet[Item] = QueueSet(64, 1, 1000)
    for _ in range(500):
        queues.put("flood", Item("flood"), 1)
    queues.put("small", Item("small"), 1)
    assert "small" in [queues.take().flow for _ in range(2)]


def test_wide_requests_are_charged_for_their_width() -> None:
    queues: QueueSet[Item] = QueueSet(64, 1, 100)
    for _ in range(10):
        queues.put("wide", Item("wide"), 4)
        queues.put("thin", Item("thin"), 1)
    first = [queues.take().flow for _ in range(10)]
    assert first.count("thin") == 8


def test_a_full_queue_takes_no_more_and_what_leaves_makes_room() -> None:
    queues: QueueSet[Item] = QueueSet(1, 1, 2)
    items = [Item("a"), Item("a"), Item("a")]
    assert [queues.put("a", item, 1) for item in items] == [True, True, False]
    queues.remove(items[0])
    queues.remove(items[2])
    assert queues.count == 1
    assert queues.put("a", items[2], 1)
