"""The Pod Security Standards: what the levels baseline and restricted forbid. Pure.

Source: Pod Security Standards.
"""

from __future__ import annotations

from typing import Final

from navarch.schema.types import Tree
from navarch.server.admission.pod_baseline import BASELINE
from navarch.server.admission.pod_restricted import RESTRICTED
from navarch.server.admission.pod_words import Rule

_LEVELS: Final[dict[str, tuple[Rule, ...]]] = {"privileged": (), "baseline": BASELINE, "restricted": RESTRICTED}


def violations(level: str, pod: Tree) -> list[str]:
    """What a level forbids of a pod (or a pod template): "reason (detail)" for each broken rule."""
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    return [found for rule in _LEVELS[level] if (found := rule(metadata, spec))]
