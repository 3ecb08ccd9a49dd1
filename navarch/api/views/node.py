"""Typed views of core/v1 Node.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, ObjectMeta


class Taint(View, frozen=True):
    effect: str = ""
    key: str = ""
    timeAdded: str | None = None
    value: str = ""


class NodeSpec(View, frozen=True):
    externalID: str = ""
    podCIDR: str = ""
    podCIDRs: tuple[str, ...] = ()
    providerID: str = ""
    taints: tuple[Taint, ...] = ()
    unschedulable: bool | None = None


class NodeAddress(View, frozen=True):
    address: str = ""
    type: str = ""


class NodeCondition(View, frozen=True):
    lastHeartbeatTime: str | None = None
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class DaemonEndpoint(View, frozen=True):
    Port: int = 0


class NodeDaemonEndpoints(View, frozen=True):
    kubeletEndpoint: DaemonEndpoint | None = None


class NodeSystemInfo(View, frozen=True):
    architecture: str = ""
    bootID: str = ""
    containerRuntimeVersion: str = ""
    kernelVersion: str = ""
    kubeProxyVersion: str = ""
    kubeletVersion: str = ""
    machineID: str = ""
    operatingSystem: str = ""
    osImage: str = ""
    systemUUID: str = ""


class ContainerImage(View, frozen=True):
    names: tuple[str, ...] = ()
    sizeBytes: int | None = None


class NodeStatus(View, frozen=True):
    addresses: tuple[NodeAddress, ...] = ()
    allocatable: Mapping[str, str] = EMPTY
    capacity: Mapping[str, str] = EMPTY
    conditions: tuple[NodeCondition, ...] = ()
    daemonEndpoints: NodeDaemonEndpoints | None = None
    declaredFeatures: tuple[str, ...] = ()
    images: tuple[ContainerImage, ...] = ()
    nodeInfo: NodeSystemInfo | None = None
    phase: str = ""
    volumesInUse: tuple[str, ...] = ()


class Node(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
