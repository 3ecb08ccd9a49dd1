"""ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings.

Source: kubernetes `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

import re
from typing import Final

from navarch.api.validation.admission_match import (
    FAILURE_POLICIES,
    REINVOCATION_POLICIES,
    REQUEST_NAMES,
    expression_errors,
    match_condition_errors,
    match_resources_errors,
)
from navarch.api.validation.cel_check import UNKNOWN, Names, Type, type_of
from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, supported
from navarch.base import names
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS: Final = ("Audit", "Deny", "Warn")
_NOT_FOUND_ACTIONS: Final = ("Deny", "Allow")
_PATCH_TYPES: Final = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_RESULTS: Final = {"ApplyConfiguration": "Object", "JSONPatch": "list(JSONPatch)"}
_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_MAX_AUDIT_ANNOTATIONS: Final = 20
_NOTHING_TO_DO: Final = "validations or auditAnnotations must contain at least one item"
_BOTH: Final = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the "
    "API response and headers serves no purpose)"
)


def validating_policy_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _policy_errors(spec, mutating=False)
    names_of, found = _declared(spec)
    errors += found
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        return [
            *errors,
            required("spec.validations", _NOTHING_TO_DO),
            required("spec.auditAnnotations", _NOTHING_TO_DO),
        ]
    for path, validation in indexed(spec, "validations", "spec"):
        errors += _validation_errors(validation, path, names_of)
    return errors + _audit_errors(spec, tree["metadata"].get("name", ""), names_of)


def mutating_policy_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _policy_errors(spec, mutating=True)
    names_of, found = _declared(spec)
    errors += found
    if not spec.get("mutations"):
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for path, mutation in indexed(spec, "mutations", "spec"):
        errors += _mutation_errors(mutation, path, names_of)
    policy = spec.get("reinvocationPolicy", "")
    if not policy:
        return [*errors, required("spec.reinvocationPolicy")]
    return errors + supported("spec.reinvocationPolicy", policy, REINVOCATION_POLICIES)


def validating_binding_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _binding_errors(spec, mutating=False)
    actions = [action or "" for action in spec.get("validationActions") or ()]
    path = "spec.validationActions"
    if not actions:
        errors.append(required(path, "at least one validation action is required"))
    seen: set[str] = set()
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            errors.append(not_supported(f"{path}[{index}]", action, _ACTIONS))
        if action in seen:
            errors.append(duplicate(f"{path}[{index}]", action))
        seen.add(action)
    if {"Deny", "Warn"} <= seen:
        errors.append(invalid_value(path, actions, _BOTH))
    return errors


def mutating_binding_errors(tree: Tree) -> Errors:
    return _binding_errors(tree.get("spec") or {}, mutating=True)


def _policy_errors(spec: Tree, *, mutating: bool) -> Errors:
    errors: Errors = []
    if spec.get("failurePolicy") is None:
        errors.append(required("spec.failurePolicy"))
    else:
        errors += supported("spec.failurePolicy", spec["failurePolicy"], FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        errors += _param_kind_errors(spec["paramKind"], "spec.paramKind")
    match = spec.get("matchConstraints")
    if match is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += match_resources_errors(match, "spec.matchConstraints", mutating=mutating)
        if not match.get("resourceRules"):
            errors.append(required("spec.matchConstraints.resourceRules"))
    errors += match_condition_errors(spec, "spec", with_params=spec.get("paramKind") is not None)
    return errors


def _declared(spec: Tree) -> tuple[dict[str, Type], Errors]:
    """What the expressions of a policy may use, and the errors of its variables."""
    names_of: dict[str, Type] = {**REQUEST_NAMES, "namespaceObject": UNKNOWN}
    if spec.get("paramKind") is not None:
        names_of["params"] = UNKNOWN
    errors: Errors = []
    variables: dict[str, Type] = {}
    for path, variable in indexed(spec, "variables", "spec"):
        names_of["variables"] = variables
        errors += _variable_errors(variable, path)
        name, expression = variable.get("name") or "", variable.get("expression") or ""
        if not name.strip() or not expression.strip():
            continue
        found, why = type_of(expression, names_of)
        if why:
            errors.append(invalid_value(f"{path}.expression", expression, why))
        variables[name] = found
    return names_of, errors


def _param_kind_errors(kind: Tree, path: str) -> Errors:
    errors: Errors = []
    text, name = kind.get("apiVersion", ""), kind.get("kind", "")
    where = f"{path}.apiVersion"
    group, _, version = text.rpartition("/")
    if not text:
        errors.append(required(where))
    elif "/" in group:
        errors.append(invalid_value(where, text, f"unexpected GroupVersion string: {text}"))
    else:
        if group and (found := names.dns1123_subdomain_errors(group)):
            errors.append(invalid_value(where, group, ",".join(found)))
        if found := names.dns1035_label_errors(version):
            errors.append(invalid_value(where, version, ",".join(found)))
    if not name:
        errors.append(required(f"{path}.kind"))
    elif found := names.dns1035_label_errors(name.lower()):
        text = "may have mixed case, but should otherwise match: " + ",".join(found)
        errors.append(invalid_value(f"{path}.kind", name, text))
    return errors


def _variable_errors(variable: Tree, path: str) -> Errors:
    errors: Errors = []
    name = variable.get("name") or ""
    if not name.strip():
        errors.append(required(f"{path}.name", "name is not specified"))
    elif not _IDENTIFIER.fullmatch(name):
        errors.append(invalid_value(f"{path}.name", name, "must be a valid CEL identifier"))
    if not (variable.get("expression") or "").strip():
        errors.append(required(f"{path}.expression", "expression is not specified"))
    return errors


def _validation_errors(validation: Tree, path: str, names_of: Names) -> Errors:
    errors: Errors = []
    if not (validation.get("expression") or "").strip():
        errors.append(required(f"{path}.expression", "expression is not specified"))
    else:
        errors += expression_errors(validation["expression"], f"{path}.expression", names_of, "bool")
    expression, message = validation.get("messageExpression") or "", validation.get("message") or ""
    if expression and not expression.strip():
        errors.append(invalid_value(f"{path}.messageExpression", expression, "must be non-empty if specified"))
    elif expression:
        errors += expression_errors(expression, f"{path}.messageExpression", names_of, "string")
    if message and not message.strip():
        errors.append(invalid_value(f"{path}.message", message, "message must be non-empty if specified"))
    elif "\n" in message.strip():
        errors.append(invalid_value(f"{path}.message", message, "must not contain line breaks"))
    elif not message and "\n" in (validation.get("expression") or "").strip():
        text = "message must be specified if expression contains line breaks"
        errors.append(required(f"{path}.message", text))
    if validation.get("reason") is not None:
        errors += supported(f"{path}.reason", validation["reason"], _REASONS)
    return errors


def _audit_errors(spec: Tree, policy: str, names_of: Names) -> Errors:
    annotations = spec.get("auditAnnotations") or ()
    errors: Errors = []
    if len(annotations) > _MAX_AUDIT_ANNOTATIONS:
        text = f"must not have more than {_MAX_AUDIT_ANNOTATIONS} auditAnnotations"
        errors.append(invalid_value("spec.auditAnnotations", annotations, text))
    seen: set[str] = set()
    for path, annotation in indexed(spec, "auditAnnotations", "spec"):
        key = annotation.get("key") or ""
        shown = f"{policy}/{key}" if policy else key
        errors += invalid_each(f"{path}.key", shown, names.qualified_name_errors(shown))
        if not (annotation.get("valueExpression") or "").strip():
            errors.append(required(f"{path}.valueExpression", "valueExpression is not specified"))
        else:
            where, expression = f"{path}.valueExpression", annotation["valueExpression"]
            errors += expression_errors(expression, where, names_of, "string", "null_type")
        if key in seen:
            errors.append(duplicate(f"{path}.key", key))
        seen.add(key)
    return errors


def _mutation_errors(mutation: Tree, path: str, names_of: Names) -> Errors:
    kind = mutation.get("patchType") or ""
    if not kind:
        return [required(f"{path}.patchType")]
    if kind not in _PATCH_TYPES:
        return [not_supported(f"{path}.patchType", kind, tuple(_PATCH_TYPES))]
    errors: Errors = []
    for patch_type, key in reversed(_PATCH_TYPES.items()):
        given, where = mutation.get(key), f"{path}.{key}"
        if kind != patch_type:
            if given is not None:
                text = f"must not be specified when patchType is {kind}"
                errors.append(invalid_value(where, f"{{{key}}}", text))
        elif given is None:
            errors.append(required(where, f"must be specified when patchType is {kind}"))
        elif not (given.get("expression") or "").strip():
            errors.append(required(f"{where}.expression"))
        else:
            errors += expression_errors(given["expression"], f"{where}.expression", names_of, _RESULTS[patch_type])
    return errors


def _binding_errors(spec: Tree, *, mutating: bool) -> Errors:
    name = spec.get("policyName", "")
    errors = invalid_each("spec.policyName", name, names.dns1123_subdomain_errors(name)) if name else []
    if not name:
        errors.append(required("spec.policyName"))
    if spec.get("paramRef") is not None:
        errors += _param_ref_errors(spec["paramRef"], "spec.paramRef")
    if spec.get("matchResources") is not None:
        errors += match_resources_errors(spec["matchResources"], "spec.matchResources", mutating=mutating)
    return errors


def _param_ref_errors(reference: Tree, path: str) -> Errors:
    name, selector = reference.get("name") or "", reference.get("selector")
    errors: Errors = []
    if name:
        errors += invalid_each(f"{path}.name", name, names.path_segment_errors(name))
        if selector is not None:
            text = "name and selector are mutually exclusive"
            errors += [forbidden_field(f"{path}.{key}", text) for key in ("name", "selector")]
    errors += selector_errors(selector, f"{path}.selector")
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction")
    where = f"{path}.parameterNotFoundAction"
    return [*errors, required(where)] if action is None else errors + supported(where, action, _NOT_FOUND_ACTIONS)
