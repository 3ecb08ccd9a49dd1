from __future__ import annotations

import asyncio

from navarch.api.views.pod import ObjectReference
from navarch.base import errors
from navarch.client.events import AGGREGATE_LIMIT, COMBINED, SPAM_BURST, Correlator, Occurrence
from navarch.client.recorder import EVENTS, Recorder
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

POD = ObjectReference(apiVersion="v1", kind="Pod", namespace="default", name="web", uid="u1")


def occurrence(message: str) -> Occurrence:
    return Occurrence(POD, "Warning", "BackOff", message)


def test_the_same_event_is_counted() -> None:
    correlator = Correlator()
    first = correlator.take(occurrence("x"), 0)
    again = correlator.take(occurrence("x"), 5)
    assert first is again
    assert again is not None
    assert (again.count, again.first_at, again.last_at) == (2, 0, 5)


def test_many_texts_are_combined() -> None:
    correlator = Correlator()
    taken = [correlator.take(occurrence(f"m{i}"), 0) for i in range(AGGREGATE_LIMIT + 1)]
    assert [t.occurrence.message for t in taken[-2:] if t] == [COMBINED + "m10", COMBINED + "m10"]
    assert taken[-1] is taken[-2]
    assert taken[0] is not taken[1]


def test_a_noisy_object_is_silenced_and_another_is_not() -> None:
    correlator = Correlator()
    taken = [correlator.take(occurrence("x"), 0) for _ in range(SPAM_BURST + 1)]
    assert taken[-2] is not None
    assert taken[-1] is None
    other = ObjectReference(kind="Pod", namespace="default", name="other")
    assert correlator.take(Occurrence(other, "Normal", "Pulled", "x"), 0) is not None
    assert correlator.take(occurrence("x"), 301) is not None


def record(api: FakeApi, recorder: Recorder, messages: list[str]) -> None:
    async def main() -> None:
        task = asyncio.create_task(recorder.run())
        for message in messages:
            recorder.event(POD, "Normal", "Pulled", message)
            await asyncio.sleep(1)
        await asyncio.sleep(200)
        task.cancel()

    run(main())


def test_writes_and_then_raises_the_count() -> None:
    seams = seeded(1)
    api = FakeApi(seams)
    record(api, Recorder(api, seams, "kubelet", host="n1"), ["a", "a", "b"])
    trees = sorted(api.trees(EVENTS), key=lambda t: t["message"])
    assert [(t["message"], t["count"]) for t in trees] == [("a", 2), ("b", 1)]
    assert trees[0]["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "uid": "u1",
        "apiVersion": "v1",
    }
    assert trees[0]["source"] == {"component": "kubelet", "host": "n1"}
    assert trees[0]["metadata"]["name"].startswith("web.")


def test_waits_for_an_absent_server_and_takes_a_new_name_when_one_is_taken() -> None:
    seams = seeded(1)
    api = FakeApi(seams)
    refused = []

    def refuse(verb: str, resource: object, what: object) -> None:
        if verb == "create" and not refused:
            refused.append(what)
            raise errors.already_exists("events", "web.1")

    api.refuse = refuse
    record(api, Recorder(api, seams, "kubelet"), ["a"])
    assert len(refused) == 1
    assert len(api.trees(EVENTS)) == 1
