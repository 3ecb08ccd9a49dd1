"""The sorted key set against Python's own sorting."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.store import keys
from navarch.store.keys import SortedKeys

WORDS = st.text("abc/-", max_size=4)


@given(changes=st.lists(WORDS, max_size=80), low=WORDS, high=WORDS, limit=st.integers(0, 6))
def test_it_is_a_sorted_set(changes: list[str], low: str, high: str, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "BLOCK_LIMIT", 3)
        model: set[str] = set()
        tested = SortedKeys()
        for word in changes:
            if word in model:
                model.remove(word)
                tested.remove(word)
            else:
                model.add(word)
                tested.add(word)
        wanted = sorted(model)
        wanted = wanted[bisect_left(wanted, low) : bisect_left(wanted, high)]
        assert len(tested) == len(model)
        assert tested.count(low, high) == len(wanted)
        assert tested.between(low, high, limit) == (wanted[:limit] if limit else wanted)
        assert tested.copy().between("", "~") == sorted(model)


def test_a_copy_goes_its_own_way() -> None:
    tested = SortedKeys()
    for word in ("b", "a"):
        tested.add(word)
    twin = tested.copy()
    twin.add("c")
    twin.remove("a")
    assert tested.between("", "~") == ["a", "b"]
    assert twin.between("", "~") == ["b", "c"]
