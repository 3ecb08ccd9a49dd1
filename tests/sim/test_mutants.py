"""Tests of the tests: bugs are put into the product one at a time, and the invariants find each.

A bug is a monkeypatch. It is found if one of a few histories fails: seeds, and some histories made to go
where seeds rarely do. Without a bug they all pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from navarch.client.informer import Informer
from navarch.control import endpointslice, replicas, rollout
from navarch.control.barrier import Barrier
from navarch.control.garbage import Collector
from navarch.control.intents import DONE
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.statuses import Statuses
from navarch.scheduler import choose
from navarch.scheduler.plugins import node_resources_fit
from navarch.server import delete
from navarch.server.delete import Deleter
from navarch.server.pipeline import Pipeline
from navarch.server.subresources import bind
from navarch.server.watch_hub import Hub
from navarch.store import memory
from navarch.testing.links import LinkedFeed
from navarch.testing.seeds import play
from navarch.testing.workload import (
    Daemon,
    Deploy,
    Drain,
    EndNamespace,
    LinkFault,
    Op,
    Partition,
    Pause,
    RunJob,
    Scale,
    Serve,
    SetImage,
    SlowDisk,
    Solo,
    Uncordon,
    Undeploy,
)

WEB, API, TEAM = ("default", "web"), ("default", "api"), ("team", "web")
MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
SETTLE = Pause(30.0)

HISTORIES: dict[str, Sequence[Op]] = {
    "rollouts": (
        Deploy(WEB, 5, "app:1", 1, 0),
        Serve(WEB),
        SETTLE,
        Pause(30.0),
        SetImage(WEB, "app:2"),
        SETTLE,
        Scale(WEB, 2),
        SETTLE,
        RunJob("job-1", 3, 2),
        SETTLE,
        Undeploy(WEB, "Background"),
    ),
    "late news": (
        LinkFault("delay", MANAGER, 2.0),
        Deploy(WEB, 5, "app:1", 1, 0),
        SETTLE,
        Pause(30.0),
        SetImage(WEB, "app:2"),
        SETTLE,
        LinkFault("drop", MANAGER, 0),
        Scale(WEB, 1),
        LinkFault("drop", MANAGER, 0),
        SETTLE,
        Undeploy(WEB, "Background"),
        LinkFault("drop", MANAGER, 0),
    ),
    "bindings": (
        LinkFault("delay", SCHEDULER, 3.0),
        LinkFault("lose_answers", SCHEDULER, 5),
        Deploy(WEB, 5, "app:1", 1, 0),
        SETTLE,
    ),
    "no room": (
        *(Drain(f"node-{i}") for i in (1, 2, 3)),
        *(Deploy(key, 5, "app:1", 1, 0) for key in (WEB, TEAM, API, ("team", "api"))),
        SETTLE,
        *(Uncordon(f"node-{i}") for i in (1, 2, 3)),
    ),
    "a silent node": (Daemon("agent"), SETTLE, Partition("node-2", 60.0)),
    "created twice": (
        LinkFault("lose_answers", MANAGER, 5),
        Deploy(WEB, 3, "app:1", 1, 0),
        LinkFault("crash_after", MANAGER, 1),
        SETTLE,
    ),
    "a slow disk": (
        SlowDisk(0.05),
        Deploy(WEB, 2, "app:1", 1, 0),
        *(Scale(WEB, replicas) for replicas in (5, 1, 4, 2, 5, 3)),
        SetImage(WEB, "app:2"),
        *(Scale(WEB, replicas) for replicas in (1, 5, 2)),
        SETTLE,
    ),
    "the same name again": (
        LinkFault("delay", "node-1", 2.0),
        Solo("one", "node-1"),
        SETTLE,
        Solo("one", "node-1"),
        SETTLE,
    ),
    "a long way": (
        LinkFault("lag", MANAGER, 0.2),
        *(Deploy(key, 2, "app:1", 1, 0) for key in (WEB, API)),
        SETTLE,
        *(
            step
            for key, moment in ((WEB, 0.5), (API, 0.9))
            for step in (SetImage(key, "app:2"), Pause(moment), Scale(key, 5), SETTLE)
        ),
    ),
    "notes while it is noted": (
        LinkFault("lag", MANAGER, 0.2),
        *(Deploy(key, 2, "app:1", 1, 0) for key in (WEB, API, TEAM)),
        SETTLE,
        *(
            step
            for key, moment in ((WEB, 0.5), (API, 0.7), (TEAM, 0.9))
            for step in (SetImage(key, "app:2"), Pause(moment), SetImage(key, "app:1"), SETTLE)
        ),
    ),
    "a namespace ends": (Deploy(TEAM, 3, "app:1", 1, 0), Serve(TEAM), SETTLE, EndNamespace("team"), SETTLE),
}


def failing() -> str:
    """Which history fails; "" if none does."""
    for name, ops in HISTORIES.items():
        if not play(0, ops).ok:
            return name
    return next((f"seed {seed}" for seed in range(8) if not play(seed).ok), "")


def _off_by_one(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def apply(patch: pytest.MonkeyPatch) -> None:
        right = rollout.limits

        def wrong(*arguments):
            limits = right(*arguments)
            return type(limits)(**{f: getattr(limits, f) + (f == name) for f in limits.__dataclass_fields__})

        patch.setattr(rollout, "limits", wrong)

    return apply


def _lost_watch_event(patch: pytest.MonkeyPatch) -> None:
    right, seen = LinkedFeed._arrive, [0]

    def wrong(self, events):
        seen[0] += 1
        if seen[0] % 40:
            right(self, events)

    patch.setattr(LinkedFeed, "_arrive", wrong)


def _unwatched_change(patch: pytest.MonkeyPatch) -> None:
    """The server itself forgets to tell of a change."""
    right, seen = Hub._change, [0]

    def wrong(self, selection, event):
        seen[0] += 1
        return right(self, selection, event) if seen[0] % 300 else None

    patch.setattr(Hub, "_change", wrong)


def _unselected_not_told(patch: pytest.MonkeyPatch) -> None:
    """Who selects by a field does not hear of what was deleted."""
    right = Hub._concerned

    def wrong(self, event):
        return iter(self._broad.values()) if event.deleted else right(self, event)

    patch.setattr(Hub, "_concerned", wrong)


def _lost_update(patch: pytest.MonkeyPatch) -> None:
    """The store does not compare before it swaps."""
    patch.setattr(memory, "check_revision", lambda *_: None)


def _revision_not_asked(patch: pytest.MonkeyPatch) -> None:
    """An update that was made of an older state is taken."""
    right = Pipeline._change_once

    async def wrong(self, write, current, old, tree, *, applied):
        tree["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        return await right(self, write, current, old, tree, applied=applied)

    patch.setattr(Pipeline, "_change_once", wrong)


def _any_uid_deleted(patch: pytest.MonkeyPatch) -> None:
    """A delete does not look whether it is the object that is meant."""
    patch.setattr(delete, "_check_preconditions", lambda *_: None)


def _stale_revision(patch: pytest.MonkeyPatch) -> None:
    right = memory.written
    patch.setattr(memory, "written", lambda key, document, revision, old: right(key, document, revision - 1, old))


def _namespace_not_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deleter, "_may_go", staticmethod(lambda kind, tree: not tree["metadata"].get("finalizers")))


def _no_barrier(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Barrier, "wait_revision", lambda *_: None)
    patch.setattr(Barrier, "wait_going", lambda *_: None)


def _no_garbage_collection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Collector, "reconcile", lambda *_: DONE)


def _rebinding(patch: pytest.MonkeyPatch) -> None:
    """A bound pod may be bound again, and the scheduler does not spread its answers."""
    right, made = bind.bound, [0]

    def wrong(pod, binding, now):
        made[0] += 1
        if pod["spec"].pop("nodeName", None) or made[0] % 2:
            binding = {**binding, "target": {"kind": "Node", "name": f"node-{made[0] % 4 + 1}"}}
        return right(pod, binding, now)

    patch.setattr(bind, "bound", wrong)


def _no_room_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(node_resources_fit, "filter_nodes", lambda _columns, _shape: ())
    patch.setattr(choose, "fits", lambda _vector, _allocatable, after: (after == after).all(axis=-1))


def _same_address(patch: pytest.MonkeyPatch) -> None:
    right = FakeRuntime._take_ips

    def wrong(self):
        self._next_ip = 2
        return right(self)

    patch.setattr(FakeRuntime, "_take_ips", wrong)


def _status_left_wrong(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Statuses, "seen", lambda *_: None)


def _wrong_endpoints(patch: pytest.MonkeyPatch) -> None:
    right = endpointslice._endpoint

    def wrong(world, service, pod, address):
        return right(world, service, pod, address.replace(".2", ".250") if address.endswith(".2") else address)

    patch.setattr(endpointslice, "_endpoint", wrong)


def _deletions_missed(patch: pytest.MonkeyPatch) -> None:
    """A list after a lost watch does not take away what is gone."""
    right = Informer._remove

    def wrong(self, key):
        if self.resource.plural != "pods":
            right(self, key)

    patch.setattr(Informer, "_remove", wrong)


def _nobody_writes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("navarch.client.direct.DirectTransport.__init__", _anonymous_transport)


def _anonymous_transport(self, handle, user, user_agent):
    self._handle, self._user, self._user_agent = handle, user, "somebody"


def _one_pod_too_few(patch: pytest.MonkeyPatch) -> None:
    right = replicas._scale

    def wrong(spec, active, related, now):
        return right(spec, active[:-1] if len(active) > 4 else active, related, now)

    patch.setattr(replicas, "_scale", wrong)


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "surge off by one": _off_by_one("surge"),
    "unavailability off by one": _off_by_one("unavailable"),
    "lost watch event": _lost_watch_event,
    "change nobody is told of": _unwatched_change,
    "deletion not told to who selects": _unselected_not_told,
    "lost update": _lost_update,
    "revision not asked": _revision_not_asked,
    "any uid deleted": _any_uid_deleted,
    "stale revision": _stale_revision,
    "dropped finalizer": _namespace_not_held,
    "no barrier": _no_barrier,
    "no garbage collection": _no_garbage_collection,
    "double bind": _rebinding,
    "no room check": _no_room_check,
    "one address twice": _same_address,
    "status left wrong": _status_left_wrong,
    "wrong endpoints": _wrong_endpoints,
    "deletions missed": _deletions_missed,
    "anonymous writes": _nobody_writes,
    "replicas miscounted": _one_pod_too_few,
}


def test_without_a_bug_all_histories_pass():
    assert failing() == ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name, monkeypatch):
    MUTANTS[name](monkeypatch)
    assert failing() != ""
