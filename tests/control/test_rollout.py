from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.control.rollout import Limits, Size, limits, new_size, old_sizes, proportional


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 10, Limits(3, 2)),
        ("25%", "25%", 1, Limits(1, 0)),
        (0, 0, 5, Limits(0, 1)),
        ("0%", "10%", 5, Limits(0, 1)),
        (2, "100%", 3, Limits(2, 3)),
        (1, 9, 3, Limits(1, 3)),
        (None, None, 3, Limits(0, 1)),
    ],
)
def test_limits(surge: int | str | None, unavailable: int | str | None, replicas: int, expected: Limits) -> None:
    assert limits(surge, unavailable, replicas) == expected


@pytest.mark.parametrize(
    ("wanted", "allowed", "new", "total", "expected"),
    [
        (10, Limits(3, 2), 0, 0, 10),
        (10, Limits(3, 2), 0, 10, 3),
        (10, Limits(3, 2), 3, 13, 3),
        (10, Limits(3, 2), 9, 9, 10),
        (5, Limits(1, 0), 7, 7, 5),
    ],
)
def test_new_size(wanted: int, allowed: Limits, new: int, total: int, expected: int) -> None:
    assert new_size(wanted, allowed, new, total) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (Size("n", 3, 0, 2), [Size("a", 10, 10, 0)], {"a": 8}),
        (Size("n", 3, 3, 2), [Size("a", 10, 10, 0)], {"a": 5}),
        (Size("n", 3, 0, 2), [Size("a", 5, 0, 0), Size("b", 5, 5, 1)], {"a": 3}),
        (Size("n", 10, 10, 2), [Size("a", 3, 3, 0)], {"a": 0}),
        (Size("n", 10, 2, 2), [Size("a", 3, 3, 0)], {}),
    ],
)
def test_old_sizes(new: Size, old: list[Size], expected: dict[str, int]) -> None:
    assert old_sizes(10, Limits(3, 2), new, old) == expected


@pytest.mark.parametrize(
    ("wanted", "sizes", "expected"),
    [
        # 10 -> 20 in the midst of 5 old and 8 new with surge 3: each keeps its share of 23.
        (20, [Size("old", 5, 5, 0, 13), Size("new", 8, 8, 1, 13)], {"old": 9, "new": 14}),
        (0, [Size("old", 5, 5, 0, 13), Size("new", 8, 8, 1, 13)], {"old": 0, "new": 0}),
        (5, [Size("old", 5, 5, 0, 13), Size("new", 8, 8, 1, 13)], {"old": 3, "new": 5}),
    ],
)
def test_proportional(wanted: int, sizes: list[Size], expected: dict[str, int]) -> None:
    assert proportional(wanted, Limits(3, 2), sizes) == expected


sets = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=5).map(
    lambda pairs: [Size(f"s{i}", r, min(a, r), i, 20) for i, (r, a) in enumerate(pairs)]
)
allowances = st.tuples(st.integers(0, 10), st.integers(0, 10)).map(lambda t: Limits(*t))


@given(st.integers(0, 40), allowances, sets)
def test_no_step_takes_more_than_is_allowed(wanted: int, allowed: Limits, sizes: list[Size]) -> None:
    new, old = sizes[0], sizes[1:]
    changed = old_sizes(wanted, allowed, new, old)
    before = new.available + sum(s.available for s in old)
    after = new.available + sum(min(s.available, changed.get(s.name, s.replicas)) for s in old)
    assert after >= min(before, wanted - allowed.unavailable)
    assert all(0 <= changed[s.name] < s.replicas for s in old if s.name in changed)


@given(st.integers(0, 40), allowances, sets)
def test_scaling_in_the_midst_of_a_rollout_fills_the_allowance_exactly(
    wanted: int, allowed: Limits, sizes: list[Size]
) -> None:
    most = wanted + allowed.surge if wanted else 0
    after = proportional(wanted, allowed, sizes)
    assert all(v >= 0 for v in after.values())
    if sum(s.replicas for s in sizes) <= most:
        assert sum(after.values()) == most
