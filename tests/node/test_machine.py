"""What to do next: tables, and a random life of a pod in which no container ever lives twice."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from navarch.api.views.base import decode
from navarch.api.views.pod import Pod
from navarch.node.labels import HASH, RESTART_COUNT, spec_hash
from navarch.node.machine import (
    BACKOFF_CAP_S,
    Hold,
    KillContainer,
    RunSandbox,
    StartContainer,
    StopPod,
    is_sidecar,
    plan,
)
from navarch.node.memory import Backoff, Kind, Memory
from navarch.node.observed import Observed, observed
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, SandboxState, SandboxStatus
from navarch.schema.types import Tree
from tests.node.cluster import container, pod

RUNNING, EXITED, CREATED, UNKNOWN = (
    ContainerPhase.RUNNING,
    ContainerPhase.EXITED,
    ContainerPhase.CREATED,
    ContainerPhase.UNKNOWN,
)


def view(tree: Tree) -> Pod:
    tree["metadata"]["uid"] = "u"
    return decode(Pod, msgspec.json.encode(tree))


def sandbox(
    attempt: int = 0, state: SandboxState = SandboxState.READY, ips: tuple[str, ...] = ("10.0.0.1",)
) -> SandboxStatus:
    return SandboxStatus(f"s{attempt}", "u", "p", "default", attempt, state, float(attempt), ips)


def instance(
    name: str,
    phase: ContainerPhase = RUNNING,
    attempt: int = 0,
    *,
    code: int = 0,
    finished: float = 0.0,
    sandbox_id: str = "s0",
    **annotations: str,
) -> ContainerStatus:
    return ContainerStatus(
        id=f"{name}-{attempt}",
        sandbox_id=sandbox_id,
        pod_uid="u",
        name=name,
        attempt=attempt,
        phase=phase,
        created_at=float(attempt),
        exit_code=code,
        finished_at=finished,
        annotations={RESTART_COUNT: str(attempt), **annotations},
    )


def actions(tree: Tree, seen: Observed, memory: Memory | None = None, now: float = 100.0) -> list[str]:
    """The plan in words."""
    out = []
    for action in plan(view(tree), seen, memory or Memory(0.0), now).actions:
        match action:
            case RunSandbox(attempt):
                out.append(f"sandbox {attempt}")
            case StartContainer(name, attempt):
                out.append(f"start {name} {attempt}")
            case KillContainer(name=name):
                out.append(f"kill {name}")
            case Hold(name):
                out.append(f"hold {name}")
            case StopPod():
                out.append("stop pod")
    return out


TWO = ("a", "b")


def two(**spec: object) -> Tree:
    return pod("p", *(container(n) for n in TWO), **spec)


@pytest.mark.parametrize(
    ("tree", "sandboxes", "containers", "expected"),
    [
        pytest.param(two(), [], [], ["sandbox 0", "start a 0", "start b 0"], id="new pod"),
        pytest.param(two(), [sandbox()], [], ["start a 0", "start b 0"], id="sandbox is there"),
        pytest.param(two(), [sandbox()], [instance("a"), instance("b")], [], id="all runs"),
        pytest.param(two(), [sandbox()], [instance("a")], ["start b 0"], id="one is missing"),
        pytest.param(
            two(), [sandbox()], [instance("a"), instance("b", EXITED, finished=99)], ["start b 1"], id="restart at once"
        ),
        pytest.param(
            two(restartPolicy="Never"),
            [sandbox()],
            [instance("a"), instance("b", EXITED, code=1)],
            [],
            id="never is never",
        ),
        pytest.param(
            two(restartPolicy="OnFailure"),
            [sandbox()],
            [instance("a", EXITED, code=1, finished=9), instance("b", EXITED)],
            ["start a 1"],
            id="only the failed one",
        ),
        pytest.param(
            two(restartPolicy="Never"),
            [sandbox()],
            [instance("a", EXITED), instance("b", EXITED)],
            ["stop pod"],
            id="all done",
        ),
        pytest.param(
            two(),
            [sandbox(state=SandboxState.NOT_READY)],
            [instance("a", EXITED, finished=9), instance("b", EXITED, finished=9)],
            ["sandbox 1", "start a 1", "start b 1"],
            id="sandbox died",
        ),
        pytest.param(
            two(),
            [sandbox(ips=())],
            [instance("a"), instance("b")],
            ["stop pod", "sandbox 1", "start a 1", "start b 1"],
            id="sandbox without an address",
        ),
        pytest.param(
            two(restartPolicy="Never"),
            [sandbox(state=SandboxState.NOT_READY)],
            [instance("a", EXITED, code=1), instance("b", EXITED)],
            [],
            id="never makes no second sandbox",
        ),
        pytest.param(
            two(hostNetwork=True),
            [sandbox()],
            [],
            ["stop pod", "sandbox 1", "start a 0", "start b 0"],
            id="wrong network",
        ),
        pytest.param(
            two(), [sandbox()], [instance("a", UNKNOWN), instance("b")], ["kill a", "start a 1"], id="unknown is killed"
        ),
        pytest.param(two(), [sandbox()], [instance("a", CREATED), instance("b")], ["start a 1"], id="never started"),
        pytest.param(
            two(), [sandbox()], [instance("a", **{HASH: "old"}), instance("b")], ["kill a"], id="another image"
        ),
    ],
)
def test_regular_containers(
    tree: Tree, sandboxes: list[SandboxStatus], containers: list[ContainerStatus], expected: list[str]
) -> None:
    assert actions(tree, observed(sandboxes, containers)) == expected


def with_init(**spec: object) -> Tree:
    return pod(
        "p",
        container("web"),
        initContainers=[container("i1"), container("side", restartPolicy="Always"), container("i2")],
        **spec,
    )


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([], ["start i1 0"], id="first"),
        pytest.param([instance("i1")], [], id="first runs"),
        pytest.param([instance("i1", EXITED)], ["start side 0"], id="sidecar after first"),
        pytest.param([instance("i1", EXITED), instance("side")], ["start i2 0"], id="second beside the sidecar"),
        pytest.param(
            [instance("i1", EXITED), instance("side"), instance("i2", EXITED)], ["start web 0"], id="initialized"
        ),
        pytest.param([instance("i1", EXITED, code=1, finished=9)], ["start i1 1"], id="failed"),
        pytest.param(
            [instance("i1", EXITED), instance("side", EXITED, finished=9), instance("i2")],
            ["start side 1"],
            id="sidecar comes back while the second runs",
        ),
        pytest.param(
            [instance("side", EXITED, finished=9), instance("web")], ["start side 1"], id="sidecar of a running pod"
        ),
    ],
)
def test_init_containers(containers: list[ContainerStatus], expected: list[str]) -> None:
    assert actions(with_init(), observed([sandbox()], containers)) == expected


def test_failed_init_container_ends_a_pod_that_never_restarts() -> None:
    seen = observed([sandbox()], [instance("i1", EXITED, code=1)])
    assert actions(with_init(restartPolicy="Never"), seen) == ["stop pod"]


def test_sidecars_do_not_keep_a_done_pod() -> None:
    done = [instance("i1", EXITED), instance("side"), instance("i2", EXITED), instance("web", EXITED)]
    assert actions(with_init(restartPolicy="Never"), observed([sandbox()], done)) == ["stop pod"]


def test_init_runs_again_in_a_new_sandbox() -> None:
    old = [instance("i1", EXITED, finished=9), instance("web", EXITED, finished=9)]
    seen = observed([sandbox(1), sandbox(0, SandboxState.NOT_READY)], old)
    assert actions(with_init(), seen) == ["start i1 1"]


def test_failed_probe_kills_then_restarts() -> None:
    probe = {"tcpSocket": {"port": 80}}
    tree = pod("p", container("web", livenessProbe=probe))
    memory = Memory(0.0, probes={("web-0", Kind.LIVENESS): False})
    assert actions(tree, observed([sandbox()], [instance("web")]), memory) == ["kill web"]


def test_restart_backoff_holds_and_wakes() -> None:
    memory = Memory(0.0, backoffs={"web": Backoff(40.0, 50.0)})
    seen = observed([sandbox()], [instance("web", EXITED, 3, code=1, finished=80.0)])
    held = plan(view(pod("p", container("web"))), seen, memory, 100.0)
    assert held.wake_at == 120.0
    (hold,) = held.actions
    assert isinstance(hold, Hold)
    assert hold.waiting.message == "back-off 40s restarting failed container=web pod=p_default(u)"
    (start,) = plan(view(pod("p", container("web"))), seen, memory, 120.0).actions
    assert start == StartContainer("web", 4, Backoff(80.0, 120.0))


def test_restart_backoff_is_forgotten_after_a_long_run() -> None:
    memory = Memory(0.0, backoffs={"web": Backoff(BACKOFF_CAP_S, 0.0)})
    seen = observed([sandbox()], [instance("web", EXITED, 9, code=1, finished=700.0)])
    assert plan(view(pod("p", container("web"))), seen, memory, 701.0).actions == (
        StartContainer("web", 10, Backoff(10.0, 701.0)),
    )


# --- a random life


class Life:
    """A model runtime that carries plans out at once, except where an action is made to fail."""

    def __init__(self, tree: Tree) -> None:
        self.pod = view(tree)
        self.memory = Memory(0.0)
        self.now = 0.0
        self.sandboxes: list[SandboxStatus] = []
        self.containers: list[ContainerStatus] = []

    @property
    def seen(self) -> Observed:
        return observed(self.sandboxes, self.containers)

    def step(self, fail_after: int) -> None:
        """Carry out the plan, but only its first actions: the rest fails."""
        for action in plan(self.pod, self.seen, self.memory, self.now).actions[:fail_after]:
            self.now += 0.01
            match action:
                case StopPod():
                    self.end(lambda c: True, 137)
                    self.sandboxes = [replace(s, state=SandboxState.NOT_READY, ips=()) for s in self.sandboxes]
                case RunSandbox(attempt):
                    assert not any(s.state is SandboxState.READY for s in self.sandboxes)
                    self.sandboxes.append(replace(sandbox(attempt), created_at=self.now))
                case KillContainer(id=container_id):
                    self.end(lambda c, i=container_id: c.id == i, 137)
                case StartContainer(name, attempt, backoff):
                    self.start(name, attempt, backoff)

    def start(self, name: str, attempt: int, backoff: Backoff | None) -> None:
        assert not any(c.name == name and c.phase is RUNNING for c in self.containers), "two live instances"
        assert all(c.attempt < attempt for c in self.containers if c.name == name), "restart count went back"
        before = self.memory.backoffs.get(name)
        if backoff is not None:
            assert 10.0 <= backoff.delay_s <= BACKOFF_CAP_S
            if before is not None and self.now - before.raised_at < BACKOFF_CAP_S:
                assert backoff.delay_s >= before.delay_s, "back-off shrank"
            self.memory.backoffs[name] = backoff
        spec = next(c for c in (*self.pod.spec.initContainers, *self.pod.spec.containers) if c.name == name)
        if spec in self.pod.spec.containers:
            live = {c.name for c in self.containers if c.phase is not RUNNING and c.exit_code == 0}
            live |= {c.name for c in self.containers if c.phase is RUNNING}
            assert all(c.name in live for c in self.pod.spec.initContainers if not is_sidecar(c)), "not initialized"
        latest = max((s for s in self.sandboxes), key=lambda s: s.attempt)
        made = instance(name, RUNNING, attempt, sandbox_id=latest.id, **{HASH: spec_hash(spec)})
        self.containers.append(replace(made, created_at=self.now, started_at=self.now))

    def end(self, which: object, code: int) -> None:
        assert callable(which)
        self.containers = [
            replace(c, phase=EXITED, exit_code=code, finished_at=self.now) if c.phase is RUNNING and which(c) else c
            for c in self.containers
        ]


EVENTS = st.one_of(
    st.tuples(st.just("exit"), st.sampled_from(["web", "log", "i1", "side"]), st.sampled_from([0, 1])),
    st.tuples(st.just("sandbox"), st.just(""), st.just(0)),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 10, 100, 700])),
    st.tuples(st.just("work"), st.just(""), st.integers(0, 4)),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["Always", "OnFailure", "Never"]), st.booleans(), st.lists(EVENTS, max_size=40))
def test_no_container_ever_lives_twice(policy: str, init: bool, events: list[tuple[str, str, int]]) -> None:
    inits = [container("i1"), container("side", restartPolicy="Always")] if init else []
    life = Life(pod("p", container("web"), container("log"), restartPolicy=policy, initContainers=inits))
    for what, name, number in events:
        if what == "exit":
            life.end(lambda c, n=name: c.name == n, number)
        elif what == "sandbox":
            life.end(lambda c: True, 137)
            life.sandboxes = [replace(s, state=SandboxState.NOT_READY, ips=()) for s in life.sandboxes]
        elif what == "wait":
            life.now += number
        else:
            life.step(number)
    for _ in range(20):
        life.now += 301
        life.end(lambda c: c.name == "i1", 0)
        life.step(9)
    running = {c.name for c in life.containers if c.phase is RUNNING}
    if policy == "Always":
        assert {"web", "log"} <= running, "the pod does not come back"
