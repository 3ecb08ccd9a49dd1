"""Containers: ordinary, init and ephemeral ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from navarch.api.validation.env import env_errors, env_from_errors
from navarch.api.validation.probes import lifecycle_errors, probe_errors
from navarch.api.validation.resources import container_resource_errors, resize_policy_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, named, one_of, port_number, supported
from navarch.api.validation.security import container_security_errors
from navarch.api.validation.volumes import mount_errors
from navarch.base import names
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_found_field, not_supported, required
from navarch.schema.types import Tree

_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES: Final = ("File", "FallbackToLogsOnError")
_RESTARTS: Final = ("Always", "Never", "OnFailure")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_FORBIDDEN_EPHEMERAL: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "ports", "resizePolicy")


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the containers of a pod must agree with."""

    volumes: Mapping[str, Tree] = field(default_factory=dict)
    claims: Collection[str] = ()
    grace_s: int = 30
    host_network: bool = False


def container_errors(spec: Tree, path: str, pod: PodFacts) -> Errors:
    """All containers of a pod's spec."""
    errors: Errors = []
    if not spec.get("containers"):
        return [required(f"{path}.containers"), *init_errors(spec, path, pod, set())]
    seen: set[str] = set()
    for where, container in indexed(spec, "containers", path):
        errors += _common_errors(container, where, pod)
        errors += _duplicate_errors(container, where, seen)
        errors += lifecycle_errors(container.get("lifecycle"), f"{where}.lifecycle", pod.grace_s)
        errors += probe_errors(container, where)
        errors += _restart_errors(container, where)
    errors += _host_port_conflicts(spec, path)
    return errors + init_errors(spec, path, pod, seen)


def init_errors(spec: Tree, path: str, pod: PodFacts, seen: set[str]) -> Errors:
    errors: Errors = []
    for where, container in indexed(spec, "initContainers", path):
        errors += _common_errors(container, where, pod)
        errors += _duplicate_errors(container, where, seen)
        if container.get("restartPolicy") == "Always":
            errors += lifecycle_errors(container.get("lifecycle"), f"{where}.lifecycle", pod.grace_s)
            errors += probe_errors(container, where)
        else:
            text = "may not be set for init containers without restartPolicy=Always"
            keys = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
            errors += [forbidden_field(f"{where}.{key}", text) for key in keys if container.get(key) is not None]
        errors += _restart_errors(container, where)
    lasting = frozenset(seen)
    for where, container in indexed(spec, "ephemeralContainers", path):
        errors += _common_errors(container, where, pod)
        errors += _duplicate_errors(container, where, seen)
        errors += _ephemeral_errors(container, where, lasting)
    return errors


def _ephemeral_errors(container: Tree, path: str, lasting: frozenset[str]) -> Errors:
    """Containers for debugging serve nothing and look into one of the others, `lasting`."""
    errors: Errors = []
    target = container.get("targetContainerName")
    if target and target not in lasting:
        errors.append(not_found_field(f"{path}.targetContainerName", target))
    text = "cannot be set for an Ephemeral Container"
    errors += [forbidden_field(f"{path}.{key}", text) for key in _FORBIDDEN_EPHEMERAL if container.get(key)]
    for where, mount in indexed(container, "volumeMounts", path):
        errors += [forbidden_field(f"{where}.{key}", text) for key in ("subPath", "subPathExpr") if mount.get(key)]
    return errors


def _duplicate_errors(container: Tree, path: str, seen: set[str]) -> Errors:
    name = container.get("name", "")
    if name and name in seen:
        return [duplicate(f"{path}.name", name)]
    seen.add(name)
    return []


def _common_errors(container: Tree, path: str, pod: PodFacts) -> Errors:
    image = container.get("image") or ""
    errors = named(f"{path}.name", container.get("name"), names.dns1123_label_errors)
    if not image:
        errors.append(required(f"{path}.image"))
    elif image != image.strip():
        errors.append(invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace"))
    policy = container.get("terminationMessagePolicy")
    errors += one_of(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES, needed=True)
    errors += _port_errors(container, path, pod)
    errors += env_errors(container, path, pod.volumes)
    errors += env_from_errors(container, path)
    errors += mount_errors(container, path, pod.volumes)
    errors += one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES, needed=True)
    errors += container_resource_errors(container.get("resources") or {}, f"{path}.resources", pod.claims)
    errors += resize_policy_errors(container, path)
    return errors + container_security_errors(container.get("securityContext"), f"{path}.securityContext")


def _port_errors(container: Tree, path: str, pod: PodFacts) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for where, port in indexed(container, "ports", path):
        name = port.get("name") or ""
        if name:
            messages = names.port_name_errors(name)
            errors += invalid_each(f"{where}.name", name, messages)
            if not messages and name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        number, host_port = port.get("containerPort", 0), port.get("hostPort", 0)
        if not number:
            errors.append(required(f"{where}.containerPort"))
        else:
            errors += port_number(f"{where}.containerPort", number)
        if host_port:
            errors += port_number(f"{where}.hostPort", host_port)
        if pod.host_network and host_port and host_port != number:
            text = "must match `containerPort` when `hostNetwork` is true"
            errors.append(invalid_value(f"{where}.hostPort", host_port, text))
        protocol = port.get("protocol", "")
        if not protocol:
            errors.append(required(f"{where}.protocol"))
        elif protocol not in _PROTOCOLS:
            errors.append(not_supported(f"{where}.protocol", protocol, _PROTOCOLS))
    return errors


def _host_port_conflicts(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    taken: set[str] = set()
    for where, container in indexed(spec, "containers", path):
        for place, port in indexed(container, "ports", where):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in taken:
                errors.append(duplicate(f"{place}.hostPort", key))
            taken.add(key)
    return errors


def _restart_errors(container: Tree, path: str) -> Errors:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    errors: Errors = []
    if policy is None:
        if rules:
            text = "must specify restartPolicy when restart rules are used"
            errors.append(required(f"{path}.restartPolicy", text))
    elif policy not in _RESTARTS:
        errors.append(not_supported(f"{path}.restartPolicy", policy, _RESTARTS))
    for where, rule in indexed(container, "restartPolicyRules", path):
        errors += _rule_errors(rule, where)
    return errors


def _rule_errors(rule: Tree, path: str) -> Errors:
    errors = supported(f"{path}.action", rule.get("action"), ("Restart", "RestartAllContainers"))
    codes = rule.get("exitCodes")
    if codes is None:
        return [*errors, required(f"{path}.exitCodes", "must be specified")]
    return errors + supported(f"{path}.exitCodes.operator", codes.get("operator"), ("In", "NotIn"))
