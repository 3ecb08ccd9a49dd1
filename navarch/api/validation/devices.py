"""What claims and classes say of devices: requests, constraints, configurations.

Source: kubernetes `pkg/apis/resource/validation`; KEP-4381.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.cel_check import UNKNOWN, name_of, type_of
from navarch.api.validation.rules import ABOVE_ZERO, Errors, indexed, invalid_each, named, one_of
from navarch.api.validation.volume_sources import csi_driver_errors
from navarch.base import names
from navarch.base.field import duplicate, invalid_value, not_supported, required, too_long, too_many
from navarch.schema.types import Tree

_MODES: Final = ("All", "ExactCount")
_MAX_REQUESTS: Final = 32
_MAX_ID_BYTES: Final = 32
_MAX_DOMAIN_BYTES: Final = 63
#: Effects of taints and tolerations of devices.
EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
_OPERATORS: Final = ("Equal", "Exists")
_ONE_OF: Final = "exactly one of `exactly` or `firstAvailable` is required"
_UNKNOWN: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_ATTRIBUTE: Final = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'


def claim_errors(claim: Tree, path: str) -> Errors:
    """`devices` of a claim."""
    errors: Errors = []
    known: set[str] = set()
    seen: set[str] = set()
    if len(claim.get("requests") or ()) > _MAX_REQUESTS:
        errors.append(too_many(f"{path}.requests", len(claim["requests"]), _MAX_REQUESTS))
    for where, request in indexed(claim, "requests", path):
        name = request.get("name", "")
        errors += _request_errors(request, where)
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
        known |= {name} | {f"{name}/{sub.get('name', '')}" for _, sub in indexed(request, "firstAvailable", where)}
    for where, constraint in indexed(claim, "constraints", path):
        errors += _reference_errors(constraint, known, f"{where}.requests")
        errors += _attribute_errors(constraint, where)
    for where, config in indexed(claim, "config", path):
        errors += _reference_errors(config, known, f"{where}.requests")
        errors += configuration_errors(config, where)
    return errors


def _request_errors(request: Tree, path: str) -> Errors:
    name = request.get("name", "")
    errors = invalid_each(f"{path}.name", name, names.dns1123_label_errors(name))
    exactly, first = request.get("exactly"), request.get("firstAvailable")
    if exactly is not None and first:
        text = f"{_ONE_OF}, but multiple fields are set"
        return [*errors, invalid_value(path, "{`exactly`, `firstAvailable`}", text)]
    if exactly is not None:
        return errors + _exact_errors(exactly, f"{path}.exactly")
    if not first:
        return [*errors, required(path, _ONE_OF)]
    seen: set[str] = set()
    for where, sub in indexed(request, "firstAvailable", path):
        name = sub.get("name", "")
        errors += invalid_each(f"{where}.name", name, names.dns1123_label_errors(name))
        errors += _exact_errors(sub, where)
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
    return errors


def _exact_errors(request: Tree, path: str) -> Errors:
    errors = named(f"{path}.deviceClassName", request.get("deviceClassName"), names.dns1123_subdomain_errors)
    errors += selector_list_errors(request, path)
    mode, count = request.get("allocationMode", ""), request.get("count", 0)
    if mode == "All" and count:
        text = "must not be specified when allocationMode is 'All'"
        errors.append(invalid_value(f"{path}.count", count, text))
    elif mode == "ExactCount" and count <= 0:
        errors.append(invalid_value(f"{path}.count", count, ABOVE_ZERO))
    elif mode not in _MODES:
        errors.append(not_supported(f"{path}.allocationMode", mode, _MODES))
    for where, toleration in indexed(request, "tolerations", path):
        errors += _toleration_errors(toleration, where)
    return errors


def selector_list_errors(tree: Tree, path: str) -> Errors:
    """CEL expressions about a device."""
    errors: Errors = []
    for where, selector in indexed(tree, "selectors", path):
        if selector.get("cel") is None:
            errors.append(required(f"{where}.cel"))
            continue
        expression = selector["cel"].get("expression", "")
        found, why = type_of(expression, {"device": UNKNOWN})
        if not why and name_of(found) not in ("bool", UNKNOWN):
            why = f"must evaluate to bool or the unknown type, not {name_of(found)}"
        if why:
            errors.append(invalid_value(f"{where}.cel.expression", expression, why))
    return errors


def _toleration_errors(toleration: Tree, path: str) -> Errors:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    errors = invalid_each(f"{path}.key", key, names.qualified_name_errors(key)) if key else []
    if operator == "Exists":
        if toleration.get("value"):
            text = "must be empty for operator `Exists`"
            errors.append(invalid_value(f"{path}.value", toleration["value"], text))
    elif operator == "Equal":
        value = toleration.get("value", "")
        errors += invalid_each(f"{path}.value", value, names.label_value_errors(value))
    else:
        errors += one_of(f"{path}.operator", operator, _OPERATORS, needed=True)
    return errors + one_of(f"{path}.effect", toleration.get("effect"), EFFECTS)


def _reference_errors(tree: Tree, known: set[str], path: str) -> Errors:
    """Names of requests, `request` or `request/subrequest`."""
    given = [name or "" for name in tree.get("requests") or ()]
    if len(given) > _MAX_REQUESTS:
        return [too_many(path, len(given), _MAX_REQUESTS)]
    errors: Errors = []
    for index, name in enumerate(given):
        where = f"{path}[{index}]"
        for part in name.split("/"):
            errors += invalid_each(where, part, names.dns1123_label_errors(part))
        if name not in known:
            errors.append(invalid_value(where, name, _UNKNOWN))
        if name in given[:index]:
            errors.append(duplicate(where, name))
    return errors


def _attribute_errors(constraint: Tree, path: str) -> Errors:
    given = [key for key in ("matchAttribute", "distinctAttribute") if constraint.get(key) is not None]
    if not given:
        return [required(path, _ATTRIBUTE)]
    errors: Errors = []
    for key in given:
        errors += qualified_errors(constraint[key], f"{path}.{key}")
        if "/" not in constraint[key]:
            text = "a fully qualified name must be a domain and a name separated by a slash"
            errors.append(invalid_value(f"{path}.{key}", constraint[key], text))
    return errors


def qualified_errors(name: str, path: str) -> Errors:
    """A C identifier, with or without a domain. Kubernetes does not look at names with more slashes."""
    if name.count("/") > 1:
        return []
    domain, slash, identifier = name.rpartition("/")
    errors: Errors = []
    if slash and not domain:
        errors.append(required(path, "the domain must not be empty"))
    elif slash:
        if len(domain.encode()) > _MAX_DOMAIN_BYTES:
            errors.append(too_long(path, _MAX_DOMAIN_BYTES))
        errors += invalid_each(path, domain, names.dns1123_subdomain_errors(domain))
    if slash and not identifier:
        return [*errors, required(path, "the name must not be empty")]
    if len(identifier.encode()) > _MAX_ID_BYTES:
        errors.append(too_long(path, _MAX_ID_BYTES))
    return errors + invalid_each(path, identifier, names.c_identifier_errors(identifier))


def configuration_errors(config: Tree, path: str) -> Errors:
    """Parameters for a driver, which only the driver understands."""
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    errors = csi_driver_errors(f"{path}.opaque.driver", opaque.get("driver", ""))
    where, parameters = f"{path}.opaque.parameters", opaque.get("parameters")
    if parameters is None:
        return [*errors, required(where)]
    if not isinstance(parameters, dict):
        errors.append(invalid_value(where, "<value omitted>", "must be a valid JSON object"))
    return errors
