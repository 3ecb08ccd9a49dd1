"""Typed views of policy/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, Condition, LabelSelector, ObjectMeta


class PodDisruptionBudgetSpec(View, frozen=True):
    maxUnavailable: int | str | None = None
    minAvailable: int | str | None = None
    selector: LabelSelector | None = None


class PodDisruptionBudgetStatus(View, frozen=True):
    conditions: tuple[Condition, ...] = ()
    currentHealthy: int = 0
    desiredHealthy: int = 0
    disruptedPods: Mapping[str, str] = EMPTY
    disruptionsAllowed: int = 0
    expectedPods: int = 0
    observedGeneration: int = 0


class PodDisruptionBudget(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()
