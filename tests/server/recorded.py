"""The recorded authorization and discovery answers, and the users of that recording."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from navarch.wire.messages import ANONYMOUS, User
from tests.recordings import DIRECTORY as ROOT

AUTHENTICATED = "system:authenticated"

USERS = {
    "peer-admin-token": User("admin", "admin-uid", ("system:masters", AUTHENTICATED)),
    "peer-kcm-token": User("system:kube-controller-manager", "kcm-uid", (AUTHENTICATED,)),
    "peer-sched-token": User("system:kube-scheduler", "sched-uid", (AUTHENTICATED,)),
    "alice-token": User("alice", "alice-uid", ("dev", AUTHENTICATED)),
    "bob-token": User("bob", "bob-uid", ("dev", "ops", AUTHENTICATED)),
    "carol-token": User("carol", "carol-uid", (AUTHENTICATED,)),
    "node1-token": User("system:node:n1", "n1-uid", ("system:nodes", AUTHENTICATED)),
    "node2-token": User("system:node:n2", "n2-uid", ("system:nodes", AUTHENTICATED)),
    "noname-token": User("system:node:", "nx-uid", ("system:nodes", AUTHENTICATED)),
}

needs_corpus = pytest.mark.skipif(not ROOT.is_dir(), reason=f"NO CORPUS at {ROOT}: set NAVARCH_CORPUS")


def lines(name: str, seq: str = "") -> list[dict[str, Any]]:
    """The records of a file, in order, of one sequence if asked."""
    path = ROOT / f"{name}.jsonl"
    if not ROOT.is_dir():
        return []
    raw = path.read_bytes() if path.exists() else gzip.decompress((ROOT / f"{name}.jsonl.gz").read_bytes())
    records = [json.loads(line) for line in raw.splitlines()]
    return [r for r in records if not seq or r.get("seq") == seq]


def discovery(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((ROOT / "discovery" / f"{name}.json").read_bytes())
    return record


def user_of(record: dict[str, Any]) -> User:
    header = record["request"].get("headers", {}).get("Authorization", "Bearer peer-admin-token")
    return ANONYMOUS if header == "(none)" else USERS[header.removeprefix("Bearer ")]
