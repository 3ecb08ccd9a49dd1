"""LimitRange and ResourceQuota.

Source: kubernetes `pkg/apis/core/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.validation.resources import HUGE_PAGES, known_name_errors
from navarch.api.validation.rules import NOT_NEGATIVE, Errors, indexed, invalid_each
from navarch.base import names, quantity
from navarch.base.field import duplicate, forbidden_field, immutable, invalid_value, required
from navarch.schema.types import Tree

_LIMIT_TYPES: Final = ("Pod", "Container", "PersistentVolumeClaim")
_POD_QUOTA: Final = (
    *("cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage"),
    *("limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods"),
)
_QUOTA: Final = (
    *_POD_QUOTA,
    *("requests.storage", "resourcequotas", "services", "persistentvolumeclaims", "secrets", "configmaps"),
    *("replicationcontrollers", "services.nodeports", "services.loadbalancers"),
)
#: Counted in whole objects.
_WHOLE: Final = frozenset(_QUOTA[len(_POD_QUOTA) + 1 :]) | {"pods"}
_LIFETIME_SCOPES: Final = (
    "Terminating",
    "NotTerminating",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
)
_SCOPES: Final = (*_LIFETIME_SCOPES, "BestEffort", "VolumeAttributesClass")
_CONFLICTS: Final = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_MUST_EXIST: Final = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort and ResourceQuotaScopeNotBestEffort"
)


def limit_range_errors(tree: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for path, limit in indexed(tree.get("spec") or {}, "limits", "spec"):
        kind = limit.get("type", "")
        errors += _limit_type_errors(kind, f"{path}.type")
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += _limit_errors(limit, kind, path)
    return errors


def _limit_type_errors(kind: str, path: str) -> Errors:
    errors = invalid_each(path, kind, names.qualified_name_errors(kind))
    if not errors and "/" not in kind and kind not in _LIMIT_TYPES:
        errors.append(invalid_value(path, kind, "must be a standard limit type or fully qualified"))
    return errors


def _limit_errors(limit: Tree, kind: str, path: str) -> Errors:
    errors: Errors = []
    keys: dict[str, None] = {}
    for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        given = limit.get(part) or {}
        if part.startswith("default") and kind == "Pod":
            if given:
                errors.append(forbidden_field(f"{path}.{part}", "may not be specified when `type` is 'Pod'"))
            continue
        keys |= dict.fromkeys(given)
        for name in given:
            errors += known_name_errors(name, f"{path}.{part}[{name}]", "")
    if kind == "PersistentVolumeClaim" and not any("storage" in (limit.get(p) or {}) for p in ("min", "max")):
        text = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(f"{path}.limits", text))
    for name in keys:
        errors += _order_errors(limit, name, path)
    return errors


#: (lower, its words, higher, its words, where the fault is named, whose value is shown)
_ORDERED: Final = (
    ("min", "min", "max", "max", "min", "min"),
    ("min", "min", "defaultRequest", "default request", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "default request", "max", "max", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "default request", "default", "default limit", "defaultRequest", "defaultRequest"),
    ("min", "min", "default", "default", "default", "min"),
    ("default", "default", "max", "max", "default", "max"),
)


def _order_errors(limit: Tree, name: str, path: str) -> Errors:
    """What holds of the bounds of one resource."""
    values = {part: _amount((limit.get(part) or {}).get(name)) for part in ("min", "max", "default", "defaultRequest")}
    errors: Errors = []
    for lower, low_words, higher, high_words, where, shown in _ORDERED:
        low, high, value = values[lower], values[higher], values[shown]
        if low is not None and high is not None and low.nano > high.nano:
            text = f"{low_words} value {low} is greater than {high_words} value {high}"
            errors.append(invalid_value(f"{path}.{where}[{name}]", str(value), text))
    ratio = _amount((limit.get("maxLimitRequestRatio") or {}).get(name))
    place = f"{path}.maxLimitRequestRatio[{name}]"
    if ratio is not None and ratio.nano < quantity.NANO:
        errors.append(invalid_value(place, str(ratio), f"ratio {ratio} is less than 1"))
    least, most = values["min"], values["max"]
    if ratio is not None and least is not None and most is not None and least.nano:
        bound = most.nano / least.nano
        if ratio.nano / quantity.NANO > bound:
            errors.append(invalid_value(place, str(ratio), f"ratio {ratio} is greater than max/min = {bound:f}"))
    return errors


def quota_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    hard = spec.get("hard") or {}
    errors: Errors = []
    for name, amount in hard.items():
        where = f"spec.hard[{name}]"
        errors += _quota_name_errors(name, where) + _quota_amount_errors(name, amount, where)
    return errors + _scopes_errors(spec.get("scopes") or [], hard) + _selector_errors(spec, hard)


def quota_status_errors(new: Tree, _old: Tree) -> Errors:
    status = new.get("status") or {}
    errors: Errors = []
    for part in ("hard", "used"):
        for name, amount in (status.get(part) or {}).items():
            where = f"status.{part}[{name}]"
            errors += _quota_name_errors(name, where) + _quota_amount_errors(name, amount, where)
    return errors


def quota_update_errors(new: Tree, old: Tree) -> Errors:
    scopes, before = ((tree.get("spec") or {}).get("scopes") for tree in (new, old))
    return [immutable("spec.scopes", scopes)] if set(scopes or ()) != set(before or ()) else []


def _quota_name_errors(name: str, path: str) -> Errors:
    if name.startswith(("requests." + HUGE_PAGES, HUGE_PAGES)):
        return []
    errors = known_name_errors(name, path, "")
    if "/" not in name and name not in _QUOTA:
        errors.append(invalid_value(path, name, "must be a standard resource for quota"))
    return errors


def _quota_amount_errors(name: str, amount: Any, path: str) -> Errors:
    parsed = quantity.parse(str(amount))
    errors = [invalid_value(path, str(parsed), NOT_NEGATIVE)] if parsed.nano < 0 else []
    if name in _WHOLE and parsed.nano % quantity.NANO:
        errors.append(invalid_value(path, str(parsed), "must be an integer"))
    return errors


def _applies(scope: str, name: str) -> bool:
    """Can objects of this resource be told apart by the scope?"""
    if scope in _LIFETIME_SCOPES:
        return name in _POD_QUOTA
    if scope == "BestEffort":
        return name == "pods"
    return True


def _scopes_errors(scopes: list[str], hard: Tree) -> Errors:
    where = "spec.scopes"
    errors: Errors = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid_value(where, scopes, "unsupported scope"))
        errors += [
            invalid_value(where, scopes, "unsupported scope applied to resource")
            for name in hard
            if name in _QUOTA and not _applies(scope, name)
        ]
    return errors + [
        invalid_value(where, scopes, "conflicting scopes") for conflict in _CONFLICTS if conflict <= set(scopes)
    ]


def _selector_errors(spec: Tree, hard: Tree) -> Errors:
    selector, path = spec.get("scopeSelector") or {}, "spec.scopeSelector.matchExpressions"
    errors: Errors = []
    for requirement in selector.get("matchExpressions") or ():
        scope, operator = (requirement or {}).get("scopeName", ""), (requirement or {}).get("operator", "")
        values = (requirement or {}).get("values") or []
        if scope not in _SCOPES:
            errors.append(invalid_value(f"{path}.scopeName", scope, "unsupported scope"))
        errors += [
            invalid_value(path, selector, "unsupported scope applied to resource")
            for name in hard
            if name in _QUOTA and not _applies(scope, name)
        ]
        if scope in _SCOPES and scope not in ("PriorityClass", "VolumeAttributesClass") and operator != "Exists":
            errors.append(invalid_value(f"{path}.operator", operator, _MUST_EXIST))
        errors += _operator_errors(operator, values, path)
    return errors


def _operator_errors(operator: str, values: list[str], path: str) -> Errors:
    if operator in ("In", "NotIn"):
        text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        return [] if values else [required(f"{path}.values", text)]
    if operator in ("Exists", "DoesNotExist"):
        text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        return [invalid_value(f"{path}.values", values, text)] if values else []
    return [invalid_value(f"{path}.operator", operator, "not a valid selector operator")]


def _amount(amount: Any) -> quantity.Quantity | None:
    return None if amount is None else quantity.parse(str(amount))
