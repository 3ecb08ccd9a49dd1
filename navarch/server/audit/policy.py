"""Audit policies: how much the log says of which requests. Pure.

Rules are tried in order, the first that takes a request decides; without one the level is None.

Worked example:
    >>> policy = policy_of({"rules": [{"level": "Metadata", "resources": [{"group": "", "resources": ["pods/log"]}]}]})
    >>> policy.verdict(User("ann"), RequestInfo("get", True, resource="pods", subresource="log"), "/x").level
    'Metadata'

Source: audit.k8s.io/v1 (Policy); apiserver `audit/policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from navarch.base.errors import NavarchError
from navarch.schema.types import Tree
from navarch.wire.messages import RequestInfo, User

LEVELS: Final = ("None", "Metadata", "Request", "RequestResponse")
STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_API_VERSION: Final = "audit.k8s.io/v1"


class AuditPolicyError(NavarchError):
    """A policy that is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the log says of one request."""

    level: str
    omit_stages: frozenset[str]
    omit_managed_fields: bool

    def includes(self, level: str) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(level)


_NOTHING: Final = Verdict("None", frozenset(), False)


@dataclass(frozen=True, slots=True)
class Policy:
    rules: Sequence[Tree]
    omit_stages: frozenset[str]
    omit_managed_fields: bool

    def verdict(self, user: User, info: RequestInfo, path: str) -> Verdict:
        rule = next((rule for rule in self.rules if _takes(rule, user, info, path)), None)
        if rule is None:
            return _NOTHING
        omit_managed_fields = rule.get("omitManagedFields")
        return Verdict(
            rule["level"],
            self.omit_stages | frozenset(rule.get("omitStages") or ()),
            self.omit_managed_fields if omit_managed_fields is None else bool(omit_managed_fields),
        )


def policy_of(tree: Any) -> Policy:
    """Raises: AuditPolicyError."""
    if not isinstance(tree, dict):
        raise AuditPolicyError("the audit policy is no object")
    kind, version = tree.get("kind", "Policy"), tree.get("apiVersion", _API_VERSION)
    if (kind, version) != ("Policy", _API_VERSION):
        raise AuditPolicyError(f"expected a Policy of {_API_VERSION}, got {version}, Kind={kind}")
    rules = tree.get("rules") or []
    if not rules:
        raise AuditPolicyError("loaded illegal policy with 0 rules")
    for index, rule in enumerate(rules):
        _check(rule, f"rules[{index}]")
    _check_stages(tree, "omitStages")
    return Policy(rules, frozenset(tree.get("omitStages") or ()), bool(tree.get("omitManagedFields")))


def _check(rule: Tree, path: str) -> None:
    if rule.get("level") not in LEVELS:
        raise AuditPolicyError(f'{path}.level: Unsupported value: "{rule.get("level", "")}"')
    _check_stages(rule, f"{path}.omitStages")
    if rule.get("nonResourceURLs") and (rule.get("resources") or rule.get("namespaces")):
        text = "rules cannot apply to both regular resources and non-resource URLs"
        raise AuditPolicyError(f"{path}.nonResourceURLs: {text}")


def _check_stages(tree: Tree, path: str) -> None:
    for stage in tree.get("omitStages") or ():
        if stage not in STAGES:
            raise AuditPolicyError(f'{path}: Unsupported value: "{stage}"')


def _takes(rule: Tree, user: User, info: RequestInfo, path: str) -> bool:
    if (users := rule.get("users")) and user.name not in users:
        return False
    if (groups := rule.get("userGroups")) and not set(groups) & set(user.groups):
        return False
    if (verbs := rule.get("verbs")) and info.verb not in verbs:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return info.is_resource and _takes_resource(rule, info)
    if urls := rule.get("nonResourceURLs"):
        return not info.is_resource and _among_paths(path, urls)
    return True


def _takes_resource(rule: Tree, info: RequestInfo) -> bool:
    if (namespaces := rule.get("namespaces")) and info.namespace not in namespaces:
        return False
    wanted = rule.get("resources")
    return not wanted or any(_is_resource(each, info) for each in wanted)


def _is_resource(wanted: Tree, info: RequestInfo) -> bool:
    if wanted.get("group", "") != info.group:
        return False
    if not (resources := wanted.get("resources")):
        return True
    combined = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    patterns = {combined, "*"}
    if info.subresource:
        patterns |= {f"*/{info.subresource}", f"{info.resource}/*"}
    if not patterns & set(resources):
        return False
    names = wanted.get("resourceNames")
    return not names or info.name in names


def _among_paths(path: str, urls: Iterable[str]) -> bool:
    return any(url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1])) for url in urls)
