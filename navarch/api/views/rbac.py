"""Typed views of rbac.authorization.k8s.io/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta


class PolicyRule(View, frozen=True):
    apiGroups: tuple[str, ...] = ()
    nonResourceURLs: tuple[str, ...] = ()
    resourceNames: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class RoleRef(View, frozen=True):
    apiGroup: str = ""
    kind: str = ""
    name: str = ""


class Subject(View, frozen=True):
    apiGroup: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class AggregationRule(View, frozen=True):
    clusterRoleSelectors: tuple[LabelSelector, ...] = ()


class Role(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    rules: tuple[PolicyRule, ...] = ()


class ClusterRole(View, frozen=True):
    aggregationRule: AggregationRule | None = None
    metadata: ObjectMeta = NO_METADATA
    rules: tuple[PolicyRule, ...] = ()


class RoleBinding(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    roleRef: RoleRef | None = None
    subjects: tuple[Subject, ...] = ()


class ClusterRoleBinding(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    roleRef: RoleRef | None = None
    subjects: tuple[Subject, ...] = ()
