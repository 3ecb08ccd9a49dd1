"""Typed views of scheduling.k8s.io/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, ObjectMeta


class PriorityClass(View, frozen=True):
    description: str = ""
    globalDefault: bool | None = None
    metadata: ObjectMeta = NO_METADATA
    preemptionPolicy: str = ""
    value: int | None = None
