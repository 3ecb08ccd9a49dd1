"""What webhooks and admission policies share: rules, match resources, match conditions.

Source: kubernetes `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.cel_check import UNKNOWN, Names, name_of, type_of
from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, supported
from navarch.base import names
from navarch.base.field import duplicate, invalid_value, not_supported, required, too_many
from navarch.schema.types import Tree

_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_MUTABLE_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
MATCH_POLICIES: Final = ("Equivalent", "Exact")
FAILURE_POLICIES: Final = ("Fail", "Ignore")
REINVOCATION_POLICIES: Final = ("IfNeeded", "Never")
#: What expressions about a request may use.
REQUEST_NAMES: Final[Names] = dict.fromkeys(("object", "oldObject", "request", "authorizer"), UNKNOWN)
MAX_CONDITIONS: Final = 64


def match_resources_errors(match: Tree, path: str, *, mutating: bool = False) -> Errors:
    """`matchConstraints` of a policy, `matchResources` of a binding. `mutating`: nothing matches a deletion."""
    errors = _policy_errors(match, path)
    for key in ("namespaceSelector", "objectSelector"):
        if match.get(key) is None:
            errors.append(required(f"{path}.{key}"))
        else:
            errors += selector_errors(match[key], f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for where, rule in indexed(match, key, path):
            errors += _named_rule_errors(rule, where)
    if mutating:
        for _, rule in indexed(match, "resourceRules", path):
            errors += [
                not_supported(f"{path}.resourceRules.operations", operation or "", _MUTABLE_OPERATIONS)
                for operation in rule.get("operations") or ()
                if operation not in _MUTABLE_OPERATIONS
            ]
    return errors


def rule_errors(rule: Tree, path: str) -> Errors:
    """Operations on resources."""
    errors = _with_wildcard(rule, "operations", path, "operations")
    for index, operation in enumerate(rule.get("operations") or ()):
        errors += supported(f"{path}.operations[{index}]", operation, _OPERATIONS)
    errors += _with_wildcard(rule, "apiGroups", path, "API groups")
    errors += _with_wildcard(rule, "apiVersions", path, "API versions")
    for index, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            errors.append(required(f"{path}.apiVersions[{index}]"))
    errors += _resources_errors(rule.get("resources") or [], f"{path}.resources")
    if rule.get("scope") is not None:
        errors += supported(f"{path}.scope", rule["scope"], _SCOPES)
    return errors


def expression_errors(expression: str, path: str, names_of: Names, *wanted: str) -> Errors:
    """An expression that must compile to one of the types; to any if none is given."""
    found, why = type_of(expression, names_of)
    if why:
        return [invalid_value(path, expression, why)]
    if not wanted or name_of(found) in (*wanted, UNKNOWN):
        return []
    listed = wanted[0] if len(wanted) == 1 else f"one of [{' '.join(wanted)}]"
    return [invalid_value(path, expression, f"must evaluate to {listed} but got {name_of(found)}")]


def match_condition_errors(tree: Tree, path: str, *, with_params: bool = False) -> Errors:
    """`matchConditions`: their number, names and expressions."""
    declared = {**REQUEST_NAMES, **({"params": UNKNOWN} if with_params else {})}
    conditions = tree.get("matchConditions") or ()
    if len(conditions) > MAX_CONDITIONS:
        return [too_many(f"{path}.matchConditions", len(conditions), MAX_CONDITIONS)]
    errors: Errors = []
    seen: set[str] = set()
    for where, condition in indexed(tree, "matchConditions", path):
        name = condition.get("name", "")
        if not (condition.get("expression") or "").strip():
            errors.append(required(f"{where}.expression"))
        else:
            errors += expression_errors(condition["expression"], f"{where}.expression", declared, "bool")
        if name:
            errors += invalid_each(f"{where}.name", name, names.qualified_name_errors(name))
        else:
            errors.append(required(f"{where}.name"))
        if name and name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
    return errors


def _policy_errors(match: Tree, path: str) -> Errors:
    where, policy = f"{path}.matchPolicy", match.get("matchPolicy")
    return [required(where)] if policy is None else supported(where, policy, MATCH_POLICIES)


def _named_rule_errors(rule: Tree, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        where = f"{path}.resourceNames[{index}]"
        errors += invalid_each(where, name, names.path_segment_errors(name or ""))
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
    return errors + rule_errors(rule, path)


def _with_wildcard(rule: Tree, key: str, path: str, others: str) -> Errors:
    """A list that may not be empty, in which `*` stands alone."""
    values = rule.get(key) or []
    if not values:
        return [required(f"{path}.{key}")]
    if len(values) > 1 and "*" in values:
        return [invalid_value(f"{path}.{key}", values, f"if '*' is present, must not specify other {others}")]
    return []


def _resources_errors(resources: list[str], path: str) -> Errors:
    """`pods`, `pods/status`, `*`, `pods/*`, `*/status`, `*/*`: nothing that another one covers."""
    if not resources:
        return [required(path)]
    errors: Errors = []
    all_of: set[str] = set()
    of_all: set[str] = set()
    plain = False
    for index, text in enumerate(resources):
        where = f"{path}[{index}]"
        resource, slash, sub = (text or "").partition("/")
        if not text:
            errors.append(required(where))
        elif not slash:
            plain = text != "*"
        else:
            for covered, by in ((resource in all_of, f"{resource}/*"), (sub in of_all, f"*/{sub}")):
                if covered:
                    text_of = f"if '{by}' is present, must not specify {text}"
                    errors.append(invalid_value(where, text, text_of))
            if sub == "*":
                all_of.add(resource)
            if resource == "*":
                of_all.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid_value(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        text = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid_value(path, resources, text))
    return errors
