"""The files of the recording, each with the server that it was recorded from, and their floors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.corpus import documents
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
    "discovery": SINGLE_STACK,
    "openapi": SINGLE_STACK,
    "bootstrap": SINGLE_STACK,
}

#: Those that are no sequences of requests.
_DOCUMENTS: Final[dict[str, Callable[[Peer], Outcome]]] = {
    "discovery": documents.discovery,
    "openapi": documents.openapi,
    "bootstrap": documents.bootstrap,
}

_FLOORS = Path(__file__).with_name("floors.json")


def outcome_of(name: str) -> Outcome:
    """Replay one file against a server of its own."""
    peer = Peer(FILES[name])
    compare = _DOCUMENTS.get(name)
    try:
        return compare(peer) if compare is not None else replay(name, peer)
    finally:
        peer.close()


def floors() -> dict[str, int]:
    """How many answers per file matched when the floors were last raised."""
    found: dict[str, int] = json.loads(_FLOORS.read_text())
    return found


def raise_floors(reached: dict[str, int]) -> None:
    """Keep the new counts where they are higher."""
    old = floors()
    raised = {name: max(count, old.get(name, 0)) for name, count in reached.items()}
    _FLOORS.write_text(json.dumps({**old, **raised}, indent=2, sort_keys=True) + "\n")
