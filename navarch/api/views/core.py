"""Typed views of the other core/v1 kinds.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, ObjectMeta
from navarch.api.views.pod import LocalObjectReference, ObjectReference, PodTemplateSpec


class NamespaceSpec(View, frozen=True):
    finalizers: tuple[str, ...] = ()


class NamespaceCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class NamespaceStatus(View, frozen=True):
    conditions: tuple[NamespaceCondition, ...] = ()
    phase: str = ""


class Namespace(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()


class ServiceAccount(View, frozen=True):
    automountServiceAccountToken: bool | None = None
    imagePullSecrets: tuple[LocalObjectReference, ...] = ()
    metadata: ObjectMeta = NO_METADATA
    secrets: tuple[ObjectReference, ...] = ()


class ConfigMap(View, frozen=True):
    binaryData: Mapping[str, str] = EMPTY
    data: Mapping[str, str] = EMPTY
    immutable: bool | None = None
    metadata: ObjectMeta = NO_METADATA


class Secret(View, frozen=True):
    data: Mapping[str, str] = EMPTY
    immutable: bool | None = None
    metadata: ObjectMeta = NO_METADATA
    stringData: Mapping[str, str] = EMPTY
    type: str = ""


class ReplicationControllerSpec(View, frozen=True):
    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: Mapping[str, str] = EMPTY
    template: PodTemplateSpec | None = None


class ReplicationControllerCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class ReplicationControllerStatus(View, frozen=True):
    availableReplicas: int = 0
    conditions: tuple[ReplicationControllerCondition, ...] = ()
    fullyLabeledReplicas: int = 0
    observedGeneration: int = 0
    readyReplicas: int = 0
    replicas: int = 0


class ReplicationController(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: ReplicationControllerStatus = ReplicationControllerStatus()
