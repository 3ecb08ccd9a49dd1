"""Lookups give what a scan gives, at every revision, whatever was written between two questions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.store import index as index_module
from navarch.store.contract import Compacted, Condition, Entry, Facet
from navarch.store.index import LogIndex
from navarch.store.lookups import SLACK, Lookup

#: What the values of entries are here: `color,size`, either may be missing.
COLOR = Facet("color", lambda entry: entry.value.decode().partition(",")[0] or None)
SIZE = Facet("size", lambda entry: entry.value.decode().partition(",")[2] or None)

keys = st.builds("pods/{}/{}".format, st.sampled_from("ab"), st.sampled_from("wxyz"))
writes = st.tuples(
    keys, st.none() | st.builds("{},{}".format, st.sampled_from(["", "r", "g"]), st.sampled_from(["", "1"]))
)
conditions = st.lists(
    st.sampled_from([(COLOR, ("r",)), (COLOR, ("r", "g")), (COLOR, None), (SIZE, ("1",)), (SIZE, ("none",))]),
    max_size=2,
)


@pytest.fixture(autouse=True)
def always_look_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(index_module, "FEW_KEYS", 0)
    monkeypatch.setattr(index_module, "SPARSE", 1)
    yield


def write(index: LogIndex, key: str, value: str | None) -> None:
    revision = index.revision + 1
    current = index.get(key)
    if value is not None:
        created = current.create_revision if current else revision
        index.publish([(Entry(key, value.encode(), revision, created), False)])
    elif current is not None:
        index.publish([(Entry(key, current.value, revision, current.create_revision), True)])


def chosen(
    index: LogIndex, prefix: str, wanted: list[Condition], start: str = "", at: int | None = None
) -> list[Entry]:
    """What is left of a selection, which may be the whole range, by its conditions."""
    found = index.select(prefix, wanted, start, at)
    if found is None:
        found = index.range(prefix, start) if at is None else index.range_at(prefix, at, start)
    return [entry for entry in found if meets(entry, wanted)]


def meets(entry: Entry, wanted: list[Condition]) -> bool:
    for facet, values in wanted:
        value = facet.value_of(entry)
        if value is None or (values is not None and value not in values):
            return False
    return True


def index_of(*groups: list[tuple[str, str | None]]) -> LogIndex:
    index = LogIndex()
    for group in groups:
        for key, value in group:
            write(index, key, value)
    return index


@given(st.lists(st.tuples(writes, conditions), max_size=30), st.sampled_from(["pods/", "pods/a/"]), st.integers(0, 5))
def test_a_selection_is_what_a_scan_gives(
    steps: list[tuple[tuple[str, str | None], list[Condition]]], prefix: str, ago: int
) -> None:
    index = LogIndex()
    for (key, value), wanted in steps:
        write(index, key, value)
        start = prefix + "x"
        for begin in ("", start):
            found = chosen(index, prefix, wanted, begin)
            assert found == [e for e in index.range(prefix, begin) if meets(e, wanted)]
            revision = max(index.revision - ago, 0)
            then = chosen(index, prefix, wanted, begin, revision)
            assert then == [e for e in index.range_at(prefix, revision, begin) if meets(e, wanted)]
            assert index.count(prefix, begin) == len(index.range(prefix, begin))
            assert index.count(prefix, begin, revision) == len(index.range_at(prefix, revision, begin))


def test_only_what_is_asked_for_is_looked_at() -> None:
    seen: list[str] = []

    def color(entry: Entry) -> str | None:
        seen.append(entry.key)
        return COLOR.value_of(entry)

    facet = Facet("seen", color)
    index = index_of([(f"pods/a/{n}", "r," if n < 3 else "g,") for n in range(100)])
    assert len(index.select("pods/", [(facet, ("r",))])) == 3
    assert len(seen) == 100
    seen.clear()
    write(index, "pods/a/50", "r,")
    write(index, "pods/a/50", "r,1")
    write(index, "pods/a/1", None)
    assert [e.key for e in index.select("pods/", [(facet, ("r",))])] == ["pods/a/0", "pods/a/2", "pods/a/50"]
    assert seen == ["pods/a/50"]


def test_a_narrow_range_or_many_in_a_wide_one_need_no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of([(f"pods/a/{n:02}", "r," if n else "g,") for n in range(16)], [("pods/b/x", "r,")])
    monkeypatch.setattr(index_module, "FEW_KEYS", 16)
    monkeypatch.setattr(index_module, "SPARSE", 4)
    assert index.select("pods/b/", [(COLOR, ("r",))]) is None
    assert index.select("pods/", [(COLOR, ("r",))]) is None
    assert index.select("pods/", []) is None
    assert [e.key for e in index.select("pods/", [(COLOR, ("g",))]) or ()] == ["pods/a/00"]
    assert index.select("pods/", [(COLOR, ("none",))]) == []


def test_lookups_are_prepared_bit_by_bit_whatever_is_written_meanwhile() -> None:
    seen: list[str] = []

    def color(entry: Entry) -> str | None:
        seen.append(entry.key)
        return COLOR.value_of(entry)

    index = index_of([(f"pods/a/{n}", "r," if n < 3 else "g,") for n in range(10)])
    wanted: list[Condition] = [(Facet("seen", color), ("r",)), (SIZE, ("1",))]
    prepared = []
    while not index.catch_up("pods/", wanted, 4):
        prepared.append(len(seen))
        write(index, "pods/a/0", None)
        write(index, f"pods/a/{len(prepared) + 5}", "r,1")
    assert prepared == [4, 8, 9, 9], "the deleted one is not looked at; the second lookup begins after the first"
    assert [e.key for e in chosen(index, "pods/", wanted)] == [f"pods/a/{n}" for n in range(6, 10)]
    assert index.catch_up("pods/", wanted, 4)
    assert index.catch_up("pods/", [], 4)


def test_a_lookup_that_nobody_asks_goes() -> None:
    lookup = Lookup(COLOR, ())
    for n in range(SLACK):
        lookup.mark(str(n))
    assert not lookup.is_stale(10)
    lookup.mark("one more")
    assert lookup.is_stale(10) and not lookup.is_stale(10 * SLACK)
    lookup.found({}, None)
    assert not lookup.is_stale(10)


def test_an_index_drops_stale_lookups_and_forks_without_any() -> None:
    index = index_of([("pods/a/x", "r,")])
    index.select("pods/", [(COLOR, ("r",))])
    assert index._buckets["pods"].lookups and not index.fork()._buckets["pods"].lookups
    for n in range(SLACK + 1):
        write(index, f"pods/a/{n}", "g,")
    assert not index._buckets["pods"].lookups
    assert [e.key for e in index.select("pods/", [(COLOR, ("r",))]) if COLOR.value_of(e) == "r"] == ["pods/a/x"]


def test_the_past_that_is_gone_is_not_selected() -> None:
    index = index_of([("pods/a/x", "r,"), ("pods/a/y", "r,")])
    index.forget(1)
    with pytest.raises(Compacted):
        index.select("pods/", [(COLOR, ("r",))], revision=0)
    with pytest.raises(Compacted):
        index.count("pods/", revision=0)
