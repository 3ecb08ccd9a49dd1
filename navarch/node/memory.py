"""What the kubelet knows of a pod beside its spec and what the runtime shows.

Owned and changed by the pod's worker alone; `machine.py` and `status.py` read it. It is lost when the
kubelet restarts, and nothing breaks: back-offs start again, probes are run again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import msgspec

from navarch.api.views.pod import ResourceRequirements


class Kind(Enum):
    """The three probes of a container."""

    LIVENESS = "Liveness"
    READINESS = "Readiness"
    STARTUP = "Startup"


class Waiting(msgspec.Struct, frozen=True):
    """Why a container does not run, as its status shows it."""

    reason: str
    message: str = ""


class Ended(msgspec.Struct, frozen=True):
    """Why the kubelet gave up the whole pod: `reason` is DeadlineExceeded, OutOfcpu, …"""

    reason: str
    message: str
    #: The pod was refused before anything of it ran.
    rejected: bool = False


class Backoff(msgspec.Struct, frozen=True):
    """A restart back-off: the delay that follows the next failure, and when it was last raised."""

    delay_s: float
    raised_at: float


@dataclass(slots=True)
class Memory:
    """`probes` maps (container id, kind) to the last settled result; a missing one is not known yet.
    `post_start` holds the ids of containers whose postStart hook still runs. `last_words` are the
    termination messages by container id."""

    first_seen: float
    waiting: dict[str, Waiting] = field(default_factory=dict)
    backoffs: dict[str, Backoff] = field(default_factory=dict)
    #: Container -> when a start that failed before it ran may be tried again.
    retry_at: dict[str, float] = field(default_factory=dict)
    probes: dict[tuple[str, Kind], bool] = field(default_factory=dict)
    post_start: set[str] = field(default_factory=set)
    last_words: dict[str, str] = field(default_factory=dict)
    #: Container id -> the resources it really has, which a resize of the pod changes after its spec.
    applied: dict[str, ResourceRequirements] = field(default_factory=dict)
    #: Why the resources that the spec asks for cannot be given.
    resize_pending: Waiting | None = None
    ended: Ended | None = None
    terminating: bool = False
    #: Nothing of the pod will run again; its phase stays.
    final_phase: str = ""
    #: Condition type -> (status, time of the last transition) as written last.
    transitions: dict[str, tuple[str, str]] = field(default_factory=dict)
