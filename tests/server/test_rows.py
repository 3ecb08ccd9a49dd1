"""Rows: order, leaving, and that those who left do not stay for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from navarch.server.rows import Row


class Guests(Row[int]):
    """Numbers; `away` have left."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[int] = set()

    def is_here(self, member: int) -> bool:
        return member not in self.away


@given(st.lists(st.none() | st.integers(0, 20), max_size=60))
def test_a_row_is_a_list_of_those_who_are_there(steps: list[int | None]) -> None:
    row, there, came = Guests(), list[int](), 0
    for leaves in steps:
        if leaves is None:
            row.append(came)
            there.append(came)
            came += 1
        elif there:
            gone = there.pop(leaves % len(there))
            row.away.add(gone)
            row.left()
        assert row.present() == there
        assert len(row) == len(there)
        assert len(row._members) <= 2 * len(there)


def test_who_looks_on_sees_the_row_as_it_was() -> None:
    row = Guests()
    row.append(1)
    seen = row.present()
    row.append(2)
    assert seen == [1]
