"""The pages about the process itself, as people and `go tool pprof` ask for them."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import Iterator

from navarch.seams.sim import sim_seams
from navarch.server.profiling import sources
from navarch.server.profiling.pages import Profiling
from navarch.server.profiling.profile import Frame, Profile, to_message, to_text
from navarch.wire.messages import ANONYMOUS, Request, Response, User
from tests.server.peer import Peer


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers, and whatever has a length."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        else:
            length = number()
            yield tag >> 3, message[at : at + length]
            at += length


def strings(body: bytes) -> list[str]:
    return [value.decode() for tag, value in fields(gzip.decompress(body)) if tag == 6 and isinstance(value, bytes)]


def test_a_profile_as_message_and_as_text() -> None:
    inner, outer = Frame("f", "a.py", 3), Frame("main", "a.py", 300)
    profile = Profile("goroutine", (("goroutine", "count"),), {(inner, outer): (2,), (outer,): (5,)})
    assert to_text(profile) == (
        "goroutine profile: total 7\n5 @\n#\tmain+0\ta.py:300\n\n2 @\n#\tf+0\ta.py:3\n#\tmain+0\ta.py:300\n\n"
    )
    parts = list(fields(gzip.decompress(to_message(profile, 1.5))))
    assert strings(to_message(profile, 1.5)) == ["", "goroutine", "count", "f", "a.py", "main"]
    samples = [dict(fields(value)) for tag, value in parts if tag == 2 and isinstance(value, bytes)]
    assert samples == [{1: b"\x01\x02", 2: b"\x02"}, {1: b"\x02", 2: b"\x05"}]
    locations = [dict(fields(value)) for tag, value in parts if tag == 4 and isinstance(value, bytes)]
    assert [location[1] for location in locations] == [1, 2]
    assert isinstance(locations[1][4], bytes) and dict(fields(locations[1][4])) == {1: 2, 2: 300}
    assert (9, 1_500_000_000) in parts


async def test_tasks_show_where_they_wait() -> None:
    async def inside() -> None:
        await asyncio.Event().wait()

    async def waits() -> None:
        await inside()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    profile = sources.tasks_and_threads()
    task.cancel()
    names = [[frame.function.rpartition(".")[2] for frame in stack] for stack in profile.samples]
    assert ["wait", "inside", "waits"] in names


async def test_the_processor_is_sampled_and_only_once_at_a_time() -> None:
    pages = Profiling(sim_seams(1).clock)

    async def work() -> None:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            sum(range(1000))
        second = await asked(pages, "profile?seconds=0.01")
        assert second.status == 500 and b"already in use" in second.body

    task = asyncio.create_task(work())
    first = await asked(pages, "profile?seconds=0.3")
    await task
    assert first.status == 200 and first.content_type == "application/octet-stream"
    assert any(name.endswith("work") for name in strings(first.body))


async def asked(pages: Profiling, path: str) -> Response:
    path, _, query = f"/debug/pprof/{path}".partition("?")
    found = await pages.answer(Request("GET", path, query))
    assert found is not None
    return found


async def test_each_profile_of_the_index_is_there() -> None:
    pages = Profiling(sim_seams(1).clock)
    index = (await asked(pages, "")).body.decode()
    names = re.findall(r"<a href='(\w+)\?debug=1'>", index)
    assert len(names) == 10
    for name in set(names) - {"profile", "trace"}:
        assert (await asked(pages, f"{name}?debug=1")).status == 200
    assert "profile: total" in (await asked(pages, "goroutine?debug=2")).body.decode()
    assert (await asked(pages, "heap?gc=1")).body.startswith(b"\x1f\x8b")
    assert (await asked(pages, "trace")).status == 500
    assert await pages.answer(Request("GET", "/debug/pprof/nothing")) is None


def test_the_pages_are_closed_to_whom_they_are_not_granted(peer: Peer) -> None:
    for user in (ANONYMOUS, User("alice", groups=("system:authenticated",))):
        assert peer.send("GET", "/debug/pprof/", user=user).status == 403
        assert peer.send("GET", "/debug/pprof/heap", user=user).status == 403
    assert peer.send("GET", "/debug/pprof/").status == 200
    assert peer.send("GET", "/debug/pprof").status == 301
