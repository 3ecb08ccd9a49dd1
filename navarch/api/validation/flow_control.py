"""FlowSchema and PriorityLevelConfiguration.

Source: kubernetes `pkg/apis/flowcontrol/validation`.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, indexed, invalid_each, named
from navarch.base import names
from navarch.base.field import forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_METHODS: Final = ("ByNamespace", "ByUser")
_SUBJECTS: Final = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_MAX_PRECEDENCE: Final = 10000


def flow_schema_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _precedence_errors(spec.get("matchingPrecedence", 0), tree["metadata"].get("name", ""))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        shown = {"Type": method.get("type", "")}
        errors.append(not_supported("spec.distinguisherMethod.type", shown, _METHODS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    where = "spec.priorityLevelConfiguration.name"
    if level:
        errors += invalid_each(where, level, names.dns1123_subdomain_errors(level))
    else:
        errors.append(required(where, "must reference a priority level"))
    for path, rule in indexed(spec, "rules", "spec"):
        errors += _rule_errors(rule, path)
    return errors


def _precedence_errors(precedence: int, name: str) -> Errors:
    where = "spec.matchingPrecedence"
    errors: Errors = []
    if precedence <= 0:
        errors.append(invalid_value(where, precedence, "must be a positive value"))
    if precedence > _MAX_PRECEDENCE:
        errors.append(invalid_value(where, precedence, f"must not be greater than {_MAX_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid_value(where, precedence, text))
    return errors


def _rule_errors(rule: Tree, path: str) -> Errors:
    errors: Errors = []
    if not rule.get("subjects"):
        errors.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    for where, subject in indexed(rule, "subjects", path):
        errors += _subject_errors(subject, where)
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        errors.append(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"))
    for where, resources in indexed(rule, "resourceRules", path):
        errors += _resource_rule_errors(resources, where)
    for where, urls in indexed(rule, "nonResourceRules", path):
        errors += _verb_errors(urls, where) + _url_errors(urls.get("nonResourceURLs") or [], f"{where}.nonResourceURLs")
    return errors


def _subject_errors(subject: Tree, path: str) -> Errors:
    kind = subject.get("kind", "")
    if kind not in _SUBJECTS:
        return [not_supported(f"{path}.kind", kind, tuple(_SUBJECTS))]
    key = _SUBJECTS[kind]
    given, where = subject.get(key), f"{path}.{key}"
    if given is None:
        errors = [required(where, f"{key} is required when subject kind is '{kind}'")]
    elif kind == "ServiceAccount":
        errors = _account_errors(given, where)
    else:
        errors = [] if given.get("name") else [required(f"{where}.name")]
    return errors + [
        forbidden_field(f"{path}.{other}", f"{other} is forbidden when subject kind is not '{kind_of}'")
        for kind_of, other in _SUBJECTS.items()
        if other != key and subject.get(other) is not None
    ]


def _account_errors(account: Tree, path: str) -> Errors:
    name, namespace = account.get("name", ""), account.get("namespace", "")
    errors = [] if name == "*" else named(f"{path}.name", name, names.dns1123_subdomain_errors)
    if not namespace:
        return [*errors, required(f"{path}.namespace", "must specify namespace for service account")]
    return errors + invalid_each(f"{path}.namespace", namespace, names.dns1123_label_errors(namespace))


def _resource_rule_errors(rule: Tree, path: str) -> Errors:
    errors = _verb_errors(rule, path)
    for key, noun in (("apiGroups", "api group"), ("resources", "resource")):
        values = rule.get(key) or []
        if not values:
            errors.append(required(f"{path}.{key}", f"resource rules must supply at least one {noun}"))
        errors += _alone(values, f"{path}.{key}", f"{noun}s")
    spaces, where = rule.get("namespaces") or [], f"{path}.namespaces"
    if not spaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*errors, required(where, text)]
    if found := _alone(spaces, where, "namespaces"):
        return errors + found
    for index, space in enumerate(spaces):
        if space != "*":
            text = "each member of this list must be '*' or a DNS-1123 label; "
            errors += invalid_each(
                f"{where}[{index}]", space or "", (text + why for why in names.dns1123_label_errors(space or ""))
            )
    return errors


def _verb_errors(rule: Tree, path: str) -> Errors:
    verbs, where = [verb or "" for verb in rule.get("verbs") or ()], f"{path}.verbs"
    if not verbs:
        return [required(where, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone(verbs, where, "verbs")
    return [] if set(verbs) <= set(_VERBS) else [not_supported(where, verbs, _VERBS)]


def _alone(values: list[str], path: str, others: str) -> Errors:
    if len(values) > 1 and "*" in values:
        return [invalid_value(path, values, f"if '*' is present, must not specify other {others}")]
    return []


def _url_errors(urls: list[str], path: str) -> Errors:
    if not urls:
        return [required(path, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        return _alone(urls, path, "non-resource URLs")
    errors: Errors = []
    for index, url in enumerate(urls):
        if why := _url_fault(url or ""):
            errors.append(invalid_value(f"{path}[{index}]", url or "", why))
    return errors


def _url_fault(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not url.endswith("/*")) else ""
