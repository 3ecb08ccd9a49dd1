"""Typed views of the metadata that every object carries.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View


class OwnerReference(View, frozen=True):
    apiVersion: str = ""
    blockOwnerDeletion: bool | None = None
    controller: bool | None = None
    kind: str = ""
    name: str = ""
    uid: str = ""


class ObjectMeta(View, frozen=True):
    annotations: Mapping[str, str] = EMPTY
    creationTimestamp: str | None = None
    deletionGracePeriodSeconds: int | None = None
    deletionTimestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    generateName: str = ""
    generation: int | None = None
    labels: Mapping[str, str] = EMPTY
    name: str = ""
    namespace: str = ""
    ownerReferences: tuple[OwnerReference, ...] = ()
    resourceVersion: str = ""
    uid: str = ""


#: The metadata of a view that was decoded without any.
NO_METADATA = ObjectMeta()


class LabelSelectorRequirement(View, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(View, frozen=True):
    matchExpressions: tuple[LabelSelectorRequirement, ...] = ()
    matchLabels: Mapping[str, str] = EMPTY


class Condition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    observedGeneration: int | None = None
    reason: str = ""
    status: str = ""
    type: str = ""
