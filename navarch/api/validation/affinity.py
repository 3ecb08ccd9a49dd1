"""Where a pod may go: node selectors, affinity, tolerations, spread constraints."""

from __future__ import annotations

from typing import Final

from navarch.api.validation.labels import label_errors, selector_errors
from navarch.api.validation.rules import ABOVE_ZERO, Errors, indexed, invalid_each, one_of
from navarch.base import names
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHT_TEXT: Final = "must be in the range 1-100"
EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WHEN: Final = ("DoNotSchedule", "ScheduleAnyway")


def affinity_errors(affinity: Tree | None, path: str) -> Errors:
    errors: Errors = []
    if affinity is None:
        return errors
    if (node := affinity.get("nodeAffinity")) is not None:
        errors += _node_affinity_errors(node, f"{path}.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        if (rules := affinity.get(key)) is not None:
            errors += _pod_affinity_errors(rules, f"{path}.{key}")
    return errors


def node_selector_errors(selector: Tree, path: str) -> Errors:
    """A NodeSelector: at least one term."""
    if not selector.get("nodeSelectorTerms"):
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    errors: Errors = []
    for where, term in indexed(selector, "nodeSelectorTerms", path):
        errors += _term_errors(term, where, check_values=True)
    return errors


def toleration_errors(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, toleration in indexed(spec, "tolerations", path):
        key, operator = toleration.get("key", ""), toleration.get("operator", "")
        if key:
            errors += invalid_each(f"{where}.key", key, names.qualified_name_errors(key))
        if not key and operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid_value(f"{where}.operator", operator, text))
        effect = toleration.get("effect", "")
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid_value(f"{where}.effect", effect, text))
        if operator in ("", "Equal"):
            value = toleration.get("value", "")
            errors += invalid_each(f"{where}.operator", value, names.label_value_errors(value)[:1])
        elif operator == "Exists":
            if toleration.get("value"):
                text = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid_value(f"{where}.operator", toleration["value"], text))
        else:
            errors.append(not_supported(f"{where}.operator", operator, ("Equal", "Exists")))
        errors += one_of(f"{where}.effect", effect, EFFECTS)
    return errors


def spread_errors(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    constraints = [constraint for _, constraint in indexed(spec, "topologySpreadConstraints", path)]
    for index, constraint in enumerate(constraints):
        where = f"{path}.topologySpreadConstraints[{index}]"
        key, when = constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")
        if constraint.get("maxSkew", 0) <= 0:
            errors.append(invalid_value(f"{where}.maxSkew", constraint.get("maxSkew", 0), ABOVE_ZERO))
        errors += _topology_key_errors(key, f"{where}.topologyKey")
        if when not in _WHEN:
            errors.append(not_supported(f"{where}.whenUnsatisfiable", when, _WHEN))
        if (key, when) in [_pair(later) for later in constraints[index + 1 :]]:
            errors.append(duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {when}}}"))
        errors += _min_domains_errors(constraint, f"{where}.minDomains")
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            value = constraint.get(policy)
            if value is not None and value not in ("Honor", "Ignore"):
                errors.append(not_supported(f"{where}.{policy}", value, ("Honor", "Ignore")))
        errors += _match_keys_errors(constraint, where, ("matchLabelKeys",))
        errors += selector_errors(constraint.get("labelSelector"), f"{where}.labelSelector")
    return errors


def _pair(constraint: Tree) -> tuple[str, str]:
    return constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")


def _min_domains_errors(constraint: Tree, path: str) -> Errors:
    domains, when = constraint.get("minDomains"), constraint.get("whenUnsatisfiable", "")
    if domains is None:
        return []
    errors: Errors = []
    if domains <= 0:
        errors.append(invalid_value(path, domains, ABOVE_ZERO))
    if when == "ScheduleAnyway":
        text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}"
        errors.append(invalid_value(path, domains, text))
    return errors


def _node_affinity_errors(affinity: Tree, path: str) -> Errors:
    errors: Errors = []
    if (needed := affinity.get(_REQUIRED)) is not None:
        errors += node_selector_errors(needed, f"{path}.{_REQUIRED}")
    for where, term in indexed(affinity, _PREFERRED, path):
        errors += _weight_errors(term, where)
        errors += _term_errors(term.get("preference") or {}, f"{where}.preference", check_values=False)
    return errors


def _term_errors(term: Tree, path: str, *, check_values: bool) -> Errors:
    errors: Errors = []
    for where, requirement in indexed(term, "matchExpressions", path):
        errors += _expression_errors(requirement, where)
        if check_values:
            for index, value in enumerate(requirement.get("values") or ()):
                errors += invalid_each(f"{where}.values[{index}]", value, names.label_value_errors(value))
    for where, requirement in indexed(term, "matchFields", path):
        errors += _field_errors(requirement, where)
    return errors


def _expression_errors(requirement: Tree, path: str) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden_field(f"{path}.values", text))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{path}.values", text))
    else:
        errors.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
    key = requirement.get("key", "")
    return errors + invalid_each(f"{path}.key", key, names.qualified_name_errors(key))


def _field_errors(requirement: Tree, path: str) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator not in ("In", "NotIn"):
        errors.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{path}.values", text))
    if requirement.get("key", "") != "metadata.name":
        errors.append(invalid_value(f"{path}.key", requirement.get("key", ""), "not a valid field selector key"))
    else:
        for index, value in enumerate(values):
            errors += invalid_each(f"{path}.values[{index}]", value, names.dns1123_subdomain_errors(value))
    return errors


def _pod_affinity_errors(rules: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, term in indexed(rules, _REQUIRED, path):
        errors += _pod_term_errors(term, where)
    for where, weighted in indexed(rules, _PREFERRED, path):
        errors += _weight_errors(weighted, where)
        errors += _pod_term_errors(weighted.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return errors


def _pod_term_errors(term: Tree, path: str) -> Errors:
    errors = selector_errors(term.get("labelSelector"), f"{path}.labelSelector")
    errors += selector_errors(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        errors += invalid_each(f"{path}.namespace", namespace, names.dns1123_label_errors(namespace))
    errors += _match_keys_errors(term, path, ("matchLabelKeys", "mismatchLabelKeys"))
    return errors + _topology_key_errors(term.get("topologyKey", ""), f"{path}.topologyKey", twice=True)


def _topology_key_errors(key: str, path: str, *, twice: bool = False) -> Errors:
    """An empty key of an affinity term is named as missing and as malformed."""
    if not key and not twice:
        return [required(path, "can not be empty")]
    errors: Errors = [] if key else [required(path, "can not be empty")]
    return errors + invalid_each(path, key, names.qualified_name_errors(key))


def _match_keys_errors(term: Tree, path: str, fields: tuple[str, ...]) -> Errors:
    errors: Errors = []
    selector = term.get("labelSelector")
    for field in fields:
        keys = term.get(field) or ()
        if keys and selector is None:
            errors.append(forbidden_field(f"{path}.{field}", "must not be specified when labelSelector is not set"))
        for index, key in enumerate(keys):
            errors += invalid_each(f"{path}.{field}[{index}]", key, names.qualified_name_errors(key))
    return errors


def _weight_errors(term: Tree, path: str) -> Errors:
    weight = term.get("weight", 0)
    return [] if 1 <= weight <= 100 else [invalid_value(f"{path}.weight", weight, _WEIGHT_TEXT)]


def node_selector_labels_errors(spec: Tree, path: str) -> Errors:
    return label_errors(spec.get("nodeSelector"), f"{path}.nodeSelector")
