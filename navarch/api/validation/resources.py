"""Resource requests and limits of containers and pods."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from navarch.api.usage import total_of
from navarch.api.validation.rules import NOT_NEGATIVE, Errors, indexed, invalid_each
from navarch.base import names, quantity
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_found_field, not_supported, required
from navarch.schema.types import Tree

STANDARD: Final = ("cpu", "memory", "ephemeral-storage")
HUGE_PAGES: Final = "hugepages-"
#: Names without a domain that some quota or container knows.
_KNOWN: Final = {*STANDARD, "storage", "pods", "services", "secrets", "configmaps", "persistentvolumeclaims"} | {
    "replicationcontrollers",
    "resourcequotas",
    "services.loadbalancers",
    "services.nodeports",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
}
#: Domains of Kubernetes itself; resources of other domains are extended ones.
_NATIVE_DOMAIN: Final = "kubernetes.io/"


def container_resource_errors(resources: Tree, path: str, claims: Collection[str] | None) -> Errors:
    """`claims`: the names in the pod's resourceClaims."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    errors: Errors = []
    for name, amount in limits.items():
        where = f"{path}.limits[{name}]"
        errors += _name_errors(name, where) + quantity_errors(name, amount, where)
    for name, amount in requests.items():
        where = f"{path}.requests[{name}]"
        errors += _name_errors(name, where) + quantity_errors(name, amount, where)
        errors += _over_limit(name, amount, limits, path)
    stated = limits.keys() | requests.keys()
    if any(name.startswith(HUGE_PAGES) for name in stated) and not stated & {"cpu", "memory"}:
        errors.append(forbidden_field(path, "HugePages require cpu or memory"))
    errors += _claim_errors(resources, path, claims or ())
    return errors


def pod_resource_errors(spec: Tree, path: str) -> Errors:
    """A pod asks for no less than its containers do together."""
    asked = spec["resources"].get("requests") or {}
    errors: Errors = []
    for name, total in total_of({**spec, "overhead": None}, "requests").items():
        if name in asked and total.nano > quantity.parse(str(asked[name])).nano:
            text = f"must be greater than or equal to aggregate container requests of {total}"
            errors.append(invalid_value(f"{path}.requests[{name}]", str(asked[name]), text))
    return errors


def quantity_errors(name: str, amount: Any, path: str) -> Errors:
    """Not negative; whole, where the resource has no fractions; whole pages for huge pages."""
    parsed = quantity.parse(str(amount))
    shown = str(parsed)
    errors: Errors = []
    if parsed.nano < 0:
        errors.append(invalid_value(path, shown, NOT_NEGATIVE))
    if name.startswith(HUGE_PAGES):
        page = name.removeprefix(HUGE_PAGES)
        size = quantity.parse(page).nano
        if size <= 0 or parsed.nano % size:
            errors.append(invalid_value(path, shown, f"{shown} is not positive integer multiple of {name}"))
    elif is_extended(name) and parsed.nano % quantity.NANO:
        errors.append(invalid_value(path, shown, "must be an integer"))
    return errors


def is_extended(name: str) -> bool:
    return "/" in name and _NATIVE_DOMAIN not in name and not name.startswith("requests.")


def _name_errors(name: str, path: str) -> Errors:
    errors = known_name_errors(name, path, "doesn't follow extended resource name standard")
    plain = "/" not in name and not name.startswith(HUGE_PAGES)
    if plain and name not in STANDARD and not names.qualified_name_errors(name):
        errors.append(invalid_value(path, name, "must be a standard resource for containers"))
    return errors


def known_name_errors(name: str, path: str, extended: str) -> Errors:
    """The name of a resource that somebody knows; `extended` is said of a wrong name with a domain."""
    errors = invalid_each(path, name, names.qualified_name_errors(name))
    if errors:
        return [*errors, invalid_value(path, name, extended)] if extended and "/" in name else errors
    if "/" not in name and name not in _KNOWN and not name.startswith(HUGE_PAGES):
        errors.append(invalid_value(path, name, "must be a standard resource type or fully qualified"))
    return errors


def _over_limit(name: str, amount: Any, limits: Tree, path: str) -> Errors:
    overcommit = not is_extended(name) and not name.startswith(HUGE_PAGES)
    where = f"{path}.requests"
    request = quantity.parse(str(amount))
    if name not in limits:
        if overcommit:
            return []
        return [required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    limit = quantity.parse(str(limits[name]))
    if not overcommit and request.nano != limit.nano:
        return [invalid_value(where, str(request), f"must be equal to {name} limit of {limit}")]
    if request.nano > limit.nano:
        return [invalid_value(where, str(request), f"must be less than or equal to {name} limit of {limit}")]
    return []


def _claim_errors(resources: Tree, path: str, claims: Collection[str]) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for where, claim in indexed(resources, "claims", path):
        name, request = claim.get("name", ""), claim.get("request") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        elif (name, request) in seen:
            errors.append(duplicate(where, f"{name}/{request}" if request else name))
        elif name not in claims:
            listed = " which is empty" if not claims else ""
            text = f"must be one of the names in pod.spec.resourceClaims{listed}"
            error = not_found_field(where, name)
            errors.append(type(error)(error.reason, error.path, text, name))
        seen.add((name, request))
    return errors


def resize_policy_errors(container: Tree, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for where, policy in indexed(container, "resizePolicy", path):
        name, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
        if not name:
            errors.append(required(f"{path}.resizePolicy"))
        elif name not in ("cpu", "memory"):
            errors.append(not_supported(f"{path}.resizePolicy", name, ("cpu", "memory")))
        if not restart:
            errors.append(required(f"{path}.resizePolicy"))
        elif restart not in ("NotRequired", "RestartContainer"):
            errors.append(not_supported(f"{path}.resizePolicy", restart, ("NotRequired", "RestartContainer")))
    return errors
