"""The rules in a CustomResourceDefinition's schema, `x-kubernetes-validations`, before there is any object.

Source: apiextensions-apiserver `pkg/apis/apiextensions/validation` (order of checks, texts) and
`pkg/apiserver/schema/cel` (compilation).
"""

from __future__ import annotations

import re
from typing import Final

from navarch.api.validation.cel_check import DYN, UNKNOWN, Type, name_of, type_of
from navarch.api.validation.definition_structure import unsupported
from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import Errors
from navarch.base.field import invalid_value, not_supported, required
from navarch.schema.types import Tree

_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_PATH_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']+)'\]")
_OLD_SELF: Final = re.compile(r"\boldSelf\b")


def ends_at(schema: Tree, path: str) -> Tree | None:
    """The schema of the field at a path such as `.spec.size`; None if there is none."""
    position = 0
    while position < len(path):
        step = _PATH_STEP.match(path, position)
        if step is None:
            return None
        properties = schema.get("properties") or {}
        if (found := properties.get(step[1] or step[2])) is None:
            return None
        schema, position = found, step.end()
    return schema


def rule_errors(rule: Tree, node: Tree, path: str) -> Errors:
    """What is wrong with a rule apart from its expressions."""
    errors: Errors = []
    expression, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not expression:
        errors.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid_value(f"{path}.message", message, "must be non-empty if specified"))
    elif _has_breaks(message.strip()):
        errors.append(invalid_value(f"{path}.message", message, "must not contain line breaks"))
    elif _has_breaks(expression) and not message:
        errors.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        errors.append(required(f"{path}.messageExpression", "messageExpression must be non-empty if specified"))
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(f"{path}.reason", reason, _REASONS))
    where, field = f"{path}.fieldPath", rule.get("fieldPath") or ""
    if field and not field.strip():
        errors.append(invalid_value(where, field, "must be non-empty if specified"))
    if _has_breaks(field):
        errors.append(invalid_value(where, field, "must not contain line breaks"))
    if field and not unsupported(node) and ends_at(node, field) is None:
        errors.append(invalid_value(where, field, "must be a valid path"))
    return errors


def _has_breaks(text: str) -> bool:
    return "\n" in text or "\r" in text


def expression_errors(rule: Tree, own: Type, path: str, uncorrelated: str) -> Errors:
    """A rule about the value here, of type `own`, and, on updates, the one that was. `uncorrelated` is the list above
    whose items cannot be told apart between the two, empty if there is none."""
    names, errors = {"self": own, "oldSelf": DYN if rule.get("optionalOldSelf") else own}, []
    found, why = type_of(rule["rule"], names)
    if not why and name_of(found) not in ("bool", UNKNOWN):
        why = "cel expression must evaluate to a bool"
    if why:
        errors.append(invalid_value(f"{path}.rule", shown("ValidationRule", rule), why))
    if rule.get("messageExpression"):
        found, why = type_of(rule["messageExpression"], names)
        if not why and name_of(found) not in ("string", UNKNOWN):
            why = "messageExpression must evaluate to a string"
        elif why:
            why = f"messageExpression {why}"
        if why:
            errors.append(invalid_value(f"{path}.messageExpression", shown("ValidationRule", rule), why))
    if _OLD_SELF.search(rule["rule"]):
        if uncorrelated:
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
            errors.append(invalid_value(f"{path}.rule", rule["rule"], text))
    elif rule.get("optionalOldSelf") is not None:
        text = "may not be set if oldSelf is not used in rule"
        errors.append(invalid_value(f"{path}.optionalOldSelf", rule["optionalOldSelf"], text))
    return errors
