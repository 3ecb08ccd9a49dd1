"""Typed views of coordination.k8s.io/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, ObjectMeta


class LeaseSpec(View, frozen=True):
    acquireTime: str | None = None
    holderIdentity: str = ""
    leaseDurationSeconds: int | None = None
    leaseTransitions: int | None = None
    preferredHolder: str = ""
    renewTime: str | None = None
    strategy: str = ""


class Lease(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: LeaseSpec = LeaseSpec()
