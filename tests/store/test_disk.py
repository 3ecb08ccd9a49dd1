"""The log against crashes between any two calls, failing disks, full disks and damage, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.store.contract import Entry, StoreReadOnly, StoreUnusable
from navarch.store.disk import Disk, Sizes
from navarch.store.frames import Row
from tests.store.crashing import Crash, CrashingFiles

SIZES = Sizes(segment_bytes=600, chunk_bytes=512, large_bytes=256, slack_bytes=1_000)

#: Key, length of the document; None: the key is deleted if it is there.
Change = tuple[str, int | None]
GROUPS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 150))), min_size=1, max_size=3
)

State = dict[str, Entry]


class Log:
    """A process with a log. `possible` are the states of which one must be found after a crash."""

    def __init__(self, files: CrashingFiles, sizes: Sizes = SIZES) -> None:
        self.files = files
        self.sizes = sizes
        self.state: State = {}
        self.revision = 0
        self.unanswered: list[tuple[State, int]] = []
        self.disk = Disk(files, sizes)
        self.disk.recover()

    def write(self, group: Sequence[Change]) -> None:
        state, revision, rows = dict(self.state), self.revision, []
        for key, size in {f"pods/{key}": size for key, size in group}.items():
            current = state.get(key)
            if size is None and current is None:
                continue
            revision += 1
            if size is None:
                del state[key]
                rows.append(Row(Entry(key, b"", revision, 0), True, 0.0, current))
            else:
                value = b"%d" % revision + b"." * size
                entry = state[key] = Entry(key, value, revision, current.create_revision if current else revision)
                rows.append(Row(entry, False, float(revision % 2), current))
        if rows:
            self.unanswered.append((state, revision))
            self.disk.begin(rows, revision, self.state.get)()
            self.state, self.revision = state, revision
            self.unanswered.clear()
        if self.disk.upkeep_is_due():
            self.disk.upkeep()

    def restart(self) -> None:
        """Raises: AssertionError when something was lost."""
        self.disk = Disk(self.files, self.sizes)
        found = self.disk.recover()
        shown = content(found.entries), found.revision
        assert shown in [
            (content(state), revision) for state, revision in ((self.state, self.revision), *self.unanswered)
        ]
        assert found.expires_at == {e.key: 1.0 for e in found.entries.values() if e.revision % 2}
        self.state, self.revision = found.entries, found.revision
        self.unanswered.clear()


def content(state: State) -> dict[str, tuple[bytes, int, int]]:
    return {key: (entry.value, entry.revision, entry.create_revision) for key, entry in state.items()}


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    lives=st.lists(
        st.tuples(st.lists(GROUPS, min_size=5, max_size=30), st.integers(0, 25), st.booleans()), min_size=1, max_size=5
    ),
)
def test_a_crash_at_any_call_loses_nothing_acknowledged(
    seed: int, lives: list[tuple[list[list[Change]], int, bool]]
) -> None:
    log = Log(files := CrashingFiles(seed))
    for groups, calls, is_power_cut in lives:
        files.calls_left = calls
        try:
            log.restart()
            for group in groups:
                log.write(group)
        except Crash:
            pass
        files.calls_left = None
        files.cut_power() if is_power_cut else files.kill()
        log.restart()
        files.cut_power()  # What a start has shown is there for good.
        log.restart()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), groups=st.lists(st.tuples(GROUPS, st.integers(0, 9), st.booleans()), max_size=60))
def test_a_failing_disk_never_makes_it_acknowledge_what_is_not_there(
    seed: int, groups: list[tuple[list[Change], int, bool]]
) -> None:
    log = Log(files := CrashingFiles(seed))
    for group, chance, is_power_cut in groups:
        files.broken = chance < 2
        try:
            log.write(group)
        except StoreReadOnly as error:
            assert "the disk refuses writes (Input/output error)" in str(error)
        files.broken = False
        if chance == 9:
            files.cut_power() if is_power_cut else files.kill()
            log.restart()
    files.cut_power()
    log.restart()


@settings(max_examples=50, deadline=None)
@given(groups=st.lists(GROUPS, min_size=20, max_size=60), room=st.integers(1_000, 6_000))
def test_a_full_disk_refuses_writes_until_there_is_room(groups: list[list[Change]], room: int) -> None:
    log = Log(files := CrashingFiles(0, room))
    refused = False
    for group in groups:
        try:
            log.write(group)
        except StoreReadOnly as error:
            assert "the disk is full; free some space" in str(error)
            refused = True
    files.cut_power()
    log.restart()
    if refused:
        files.room_bytes = 1 << 30
        log.write([("a", 100)])
        log.restart()


@pytest.mark.parametrize(
    "sizes", [SIZES, Sizes(segment_bytes=6_000, chunk_bytes=2_000, large_bytes=500, slack_bytes=5_000)]
)
def test_the_log_stays_about_as_long_as_what_counts(sizes: Sizes) -> None:
    """Some keys are written again and again, among many that are not: those outlive the segments they were in."""
    log = Log(files := CrashingFiles(0), sizes)
    for n in range(100):
        log.write([(f"kept-{n}", n)])
    for n in range(2_000):
        log.write([("busy", 10), (f"{n % 5}", None if n % 3 else n % 50)])
        live = sum(40 + len(entry.value) for entry in log.state.values())
        used = sum(len(files.read(name).rstrip(b"\0")) for name in files.names())
        assert used < 3 * live + sizes.slack_bytes + 4 * sizes.segment_bytes
    assert "00000001.log" not in files.names()
    assert files.open_files == 1
    log.restart()
    assert len(log.state) > 100


def written(groups: Sequence[Sequence[Change]]) -> tuple[CrashingFiles, list[tuple[State, int]]]:
    """A log in one segment, and its states: after no group, after one, ..."""
    files = CrashingFiles(0)
    log = Log(files)
    states: list[tuple[State, int]] = [({}, 0)]
    for group in groups:
        log.write(group)
        states.append((dict(log.state), log.revision))
    return files, states


FEW = [[("a", 30)], [("b", 5), ("c", 40)], [("a", None)], [("c", 0)]]


def recovered(image: bytes) -> tuple[dict[str, tuple[bytes, int, int]], int]:
    files = CrashingFiles(0)
    file = files.create("00000001.log")
    file.write(image, 0)
    found = Disk(files, SIZES).recover()
    return content(found.entries), found.revision


def test_cut_at_any_byte_it_holds_the_whole_groups_before() -> None:
    files, states = written(FEW)
    image = files.read("00000001.log")
    wanted = [(content(state), revision) for state, revision in states]
    used = len(image.rstrip(b"\0"))
    reached = [wanted.index(recovered(image[:cut])) for cut in range(used + 1)]
    assert reached == sorted(reached)
    assert set(reached) == set(range(len(wanted)))


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_changed_byte_is_found_wherever_it_is(change: int) -> None:
    """In the last group it cannot be told from a write that was cut off; anywhere else the store does not open."""
    files, states = written(FEW)
    image = files.read("00000001.log")
    before_last = content(states[-2][0]), states[-2][1]
    used = len(image.rstrip(b"\0"))
    last = image.rindex(b"\xff\xfeNF")
    for at in range(used):
        damaged = bytearray(image)
        damaged[at] ^= change
        if at >= last:
            assert recovered(bytes(damaged)) == before_last
        else:
            with pytest.raises(StoreUnusable, match=r"is damaged at|format \d+, this version"):
                recovered(bytes(damaged))


def test_a_segment_that_is_missing_or_damaged_is_named() -> None:
    files, _ = written([[(key, 100)] for key in "abcdef"] * 2)
    first, second, third, *_ = sorted(files.names())
    gone = files.memory.pop(second)
    with pytest.raises(StoreUnusable, match=f"{second} is missing; put back a copy"):
        Disk(files, SIZES).recover()
    files.memory[second] = gone
    del gone.seen[len(gone.seen) // 2 :]
    with pytest.raises(StoreUnusable, match=f"{second} is damaged at byte .*; put back a copy of the directory$"):
        Disk(files, SIZES).recover()
    files.memory[second] = files.memory[third]
    with pytest.raises(StoreUnusable, match=f"{second} is damaged at its head"):
        Disk(files, SIZES).recover()
    assert first in files.names()


def test_a_document_cannot_pass_for_a_frame() -> None:
    """Text that is a frame but for its mark, in a document whose own frame was cut off."""
    files, _ = written([[("a", 3)]])
    image = files.read("00000001.log")
    frame = image[32 : len(image.rstrip(b"\0"))]
    disk = Disk(files, SIZES)
    disk.recover()
    value = frame.replace(b"\xff\xfe", b"\\xff\\xfe")
    disk.begin([Row(Entry("pods/b", value, 2, 2))], 2, lambda key: None)()
    image = bytearray(files.read("00000001.log"))
    image[32 + len(frame) + 10] ^= 1
    assert recovered(bytes(image))[1] == 1
