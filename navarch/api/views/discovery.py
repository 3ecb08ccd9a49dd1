"""Typed views of discovery.k8s.io/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, ObjectMeta
from navarch.api.views.pod import ObjectReference


class ForZone(View, frozen=True):
    name: str = ""


class ForNode(View, frozen=True):
    name: str = ""


class EndpointHints(View, frozen=True):
    forNodes: tuple[ForNode, ...] = ()
    forZones: tuple[ForZone, ...] = ()


class EndpointConditions(View, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(View, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions | None = None
    deprecatedTopology: Mapping[str, str] = EMPTY
    hints: EndpointHints | None = None
    hostname: str = ""
    nodeName: str = ""
    targetRef: ObjectReference | None = None
    zone: str = ""


class EndpointPort(View, frozen=True):
    appProtocol: str = ""
    name: str = ""
    port: int | None = None
    protocol: str = ""


class EndpointSlice(View, frozen=True):
    addressType: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    metadata: ObjectMeta = NO_METADATA
    ports: tuple[EndpointPort, ...] = ()
