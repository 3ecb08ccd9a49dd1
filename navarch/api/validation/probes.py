"""Probes and lifecycle hooks."""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import (
    POSITIVE,
    Errors,
    http_header_errors,
    indexed,
    invalid_each,
    not_negative,
    one_of,
    port,
    port_number,
    present,
)
from navarch.base.field import forbidden_field, invalid_value, required
from navarch.schema.types import Tree

_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_COUNTS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def probe_errors(container: Tree, path: str) -> Errors:
    """The three probes of a container."""
    errors: Errors = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        where = f"{path}.{name}"
        errors += _probe_errors(probe, where)
        if name == "readinessProbe":
            if probe.get("terminationGracePeriodSeconds") is not None:
                value = probe["terminationGracePeriodSeconds"]
                text = "must not be set for readinessProbes"
                errors.append(invalid_value(f"{where}.terminationGracePeriodSeconds", value, text))
        elif probe.get("successThreshold", 1) != 1:
            errors.append(invalid_value(f"{where}.successThreshold", probe["successThreshold"], "must be 1"))
    return errors


def lifecycle_errors(lifecycle: Tree | None, path: str, grace_s: int | None) -> Errors:
    errors: Errors = []
    for hook in ("postStart", "preStop"):
        if (handler := (lifecycle or {}).get(hook)) is not None:
            errors += _handler_errors(handler, f"{path}.{hook}", grace_s)
    return errors


def _probe_errors(probe: Tree, path: str) -> Errors:
    errors = _handler_errors(probe, path, None)
    for key in _COUNTS:
        errors += not_negative(f"{path}.{key}", probe.get(key))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid_value(f"{path}.terminationGracePeriodSeconds", grace, POSITIVE))
    return errors


def _handler_errors(handler: Tree, path: str, grace_s: int | None) -> Errors:
    errors: Errors = []
    given = [key for key in _HANDLERS if handler.get(key) is not None]
    for position, key in enumerate(given):
        where = f"{path}.{key}"
        if position:
            errors.append(forbidden_field(where, "may not specify more than 1 handler type"))
        else:
            errors += _action_errors(key, handler[key], where, grace_s)
    if not given:
        errors.append(required(path, "must specify a handler type"))
    return errors


def _action_errors(kind: str, action: Tree, path: str, grace_s: int | None) -> Errors:
    if kind == "exec":
        return present(action, path, "command")
    if kind == "httpGet":
        return _http_errors(action, path)
    if kind == "tcpSocket":
        return port(f"{path}.port", action.get("port"))
    if kind == "grpc":
        return port_number(f"{path}.port", action.get("port"))
    seconds = action.get("seconds", 0)
    if grace_s is not None and not 0 <= seconds <= grace_s:
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
        return [invalid_value(path, seconds, text)]
    return []


def _http_errors(action: Tree, path: str) -> Errors:
    errors = present(action, path, "path")
    errors += port(f"{path}.port", action.get("port"))
    errors += one_of(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
    for _, header in indexed(action, "httpHeaders", path):
        name = header.get("name", "")
        errors += invalid_each(f"{path}.httpHeaders", name, http_header_errors(name))
    return errors
