"""Writes of CertificateSigningRequests: conditions carry times.

Source: certificates.k8s.io/v1 CertificateSigningRequestCondition (lastUpdateTime, lastTransitionTime).
"""

from __future__ import annotations

from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.pipeline import Write
from navarch.server.reactions import Reaction


class SigningRequests(Reaction):
    """Fills in the times of conditions."""

    buckets = ("certificatesigningrequests.certificates.k8s.io",)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def before_update(self, write: Write, tree: Tree, old: Tree) -> None:
        if write.subresource:
            stamp_conditions(tree, old, format_time(self._clock.now()))


def stamp_conditions(tree: Tree, old: Tree, now: str) -> None:
    """Times for the conditions that have none; a status that stays keeps its time of transition."""
    before = {c["type"]: c for c in (old.get("status") or {}).get("conditions") or ()}
    for condition in (tree.get("status") or {}).get("conditions") or ():
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = now
        if not condition.get("lastTransitionTime"):
            last = before.get(condition["type"], {})
            same = last.get("status") == condition["status"] and last.get("lastTransitionTime")
            condition["lastTransitionTime"] = last["lastTransitionTime"] if same else now
