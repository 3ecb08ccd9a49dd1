"""The files of the recording, each with the server that it was recorded from, and their floors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.corpus.replay import Outcome, Peer, replay

SINGLE_STACK: Final = ("10.96.0.0/16",)
DUAL_STACK: Final = ("10.96.0.0/16", "fd00:10:96::/112")

#: File -> address ranges of Services.
FILES: Final = {
    "defaults": SINGLE_STACK,
    "tables": SINGLE_STACK,
    "lists": SINGLE_STACK,
    "updates": SINGLE_STACK,
    "ssa": SINGLE_STACK,
    "authz": SINGLE_STACK,
    "dualstack": DUAL_STACK,
    "invalid": SINGLE_STACK,
    "accepted_mutations": SINGLE_STACK,
}

_FLOORS = Path(__file__).with_name("floors.json")


def outcome_of(name: str) -> Outcome:
    """Replay one file against a server of its own."""
    return replay(name, Peer(FILES[name]))


def floors() -> dict[str, int]:
    """How many answers per file matched when the floors were last raised."""
    found: dict[str, int] = json.loads(_FLOORS.read_text())
    return found


def raise_floors(reached: dict[str, int]) -> None:
    """Keep the new counts where they are higher."""
    old = floors()
    raised = {name: max(count, old.get(name, 0)) for name, count in reached.items()}
    _FLOORS.write_text(json.dumps({**old, **raised}, indent=2, sort_keys=True) + "\n")
