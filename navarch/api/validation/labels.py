"""Labels and the selectors that match them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from navarch.api.validation.rules import Errors, indexed, invalid_each
from navarch.base import names
from navarch.base.field import forbidden_field, invalid_value, required
from navarch.schema.types import Tree

_WITH_VALUES: Final = ("In", "NotIn")
_WITHOUT_VALUES: Final = ("Exists", "DoesNotExist")


def label_errors(labels: dict[str, Any] | None, path: str) -> Errors:
    errors: Errors = []
    for key, value in (labels or {}).items():
        if not _is_right(key, str(value)):
            errors += invalid_each(path, key, names.qualified_name_errors(key))
            errors += invalid_each(path, value, names.label_value_errors(str(value)))
    return errors


@lru_cache(4096)
def _is_right(key: str, value: str) -> bool:
    """A label that nothing is wrong with: all objects of an application have the same ones."""
    return not names.qualified_name_errors(key) and not names.label_value_errors(value)


def selector_errors(selector: Tree | None, path: str) -> Errors:
    """A LabelSelector."""
    if selector is None:
        return []
    errors = label_errors(selector.get("matchLabels"), f"{path}.matchLabels")
    for where, requirement in indexed(selector, "matchExpressions", path):
        errors += _requirement_errors(requirement, where)
    return errors


def _requirement_errors(requirement: Tree, path: str) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in _WITH_VALUES:
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in _WITHOUT_VALUES:
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden_field(f"{path}.values", text))
    else:
        errors.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
    key = requirement.get("key", "")
    errors += invalid_each(f"{path}.key", key, names.qualified_name_errors(key))
    for index, value in enumerate(values):
        errors += invalid_each(f"{path}.values[{index}]", value, names.label_value_errors(value))
    return errors


def matches(selector: Tree | None, labels: dict[str, str] | None) -> bool:
    """Does a valid selector match? An empty or absent one never does, here."""
    from navarch.base.selector import SelectorError, from_label_selector

    try:
        return from_label_selector(selector).matches(labels or {})
    except SelectorError:
        return False
