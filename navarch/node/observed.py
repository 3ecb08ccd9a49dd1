"""One pod as the runtime shows it: sandboxes and containers, newest first.

`observe.py` builds it, `machine.py` and `status.py` read it. A container name can occur several times:
the live instance and dead earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, SandboxState, SandboxStatus


@dataclass(frozen=True, slots=True)
class Observed:
    sandboxes: tuple[SandboxStatus, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()

    def latest(self, name: str, sandbox_id: str = "") -> ContainerStatus | None:
        """The newest instance of a container, of one sandbox only if `sandbox_id` is given."""
        for status in self.containers:
            if status.name == name and (not sandbox_id or status.sandbox_id == sandbox_id):
                return status
        return None

    def previous(self, name: str) -> ContainerStatus | None:
        """The newest instance but one."""
        found = [c for c in self.containers if c.name == name]
        return found[1] if len(found) > 1 else None

    def running(self) -> tuple[ContainerStatus, ...]:
        return tuple(c for c in self.containers if c.phase in (ContainerPhase.RUNNING, ContainerPhase.UNKNOWN))

    @property
    def sandbox(self) -> SandboxStatus | None:
        """The newest sandbox, ready or not."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def ready_sandbox(self) -> SandboxStatus | None:
        return next((s for s in self.sandboxes if s.state is SandboxState.READY), None)

    @property
    def gone(self) -> bool:
        """Nothing of the pod is left in the runtime."""
        return not self.sandboxes and not self.containers


NOTHING = Observed()


def observed(sandboxes: Iterable[SandboxStatus], containers: Iterable[ContainerStatus]) -> Observed:
    """Sort what was listed into the order that `Observed` promises."""
    return Observed(
        tuple(sorted(sandboxes, key=lambda s: (s.attempt, s.created_at), reverse=True)),
        tuple(sorted(containers, key=lambda c: (c.created_at, c.attempt), reverse=True)),
    )


def surplus(seen: Observed, kept: int = 2) -> tuple[list[ContainerStatus], list[SandboxStatus]]:
    """Dead containers beyond the newest `kept` instances of their name, and dead sandboxes that hold
    nothing more: what can be removed while the pod runs."""
    count: dict[str, int] = {}
    old: list[ContainerStatus] = []
    for status in seen.containers:
        count[status.name] = count.get(status.name, 0) + 1
        if count[status.name] > kept and status.phase is ContainerPhase.EXITED:
            old.append(status)
    used = {c.sandbox_id for c in seen.containers if c not in old}
    dead = [s for s in seen.sandboxes[1:] if s.state is not SandboxState.READY and s.id not in used]
    return old, dead
