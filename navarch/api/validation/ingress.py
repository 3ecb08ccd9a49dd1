"""Ingress and IngressClass.

Source: kubernetes `pkg/apis/networking/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from navarch.api.validation.rules import Errors, indexed, invalid_each, named, port_number, supported
from navarch.base import names
from navarch.base.field import forbidden_field, immutable, invalid_value, required, too_long
from navarch.schema.types import Tree

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_SEQUENCES: Final = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS: Final = ("/..", "/.")
_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_MAX_CONTROLLER_BYTES: Final = 250
_HTTP_PATH: Final = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def new_ingress_errors(tree: Tree) -> Errors:
    """The old annotation and the field must name the same class."""
    name = (tree["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    given = (tree.get("spec") or {}).get("ingressClassName")
    errors: Errors = []
    if name is not None and given is not None and name != given:
        text = "must match `ingressClassName` when both are specified"
        errors.append(invalid_value("metadata.annotations[kubernetes.io/ingress.class]", name, text))
    return errors


def ingress_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors: Errors = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        text = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid_value("spec", spec.get("rules"), text))
    if spec.get("defaultBackend") is not None:
        errors += _backend_errors(spec["defaultBackend"], "spec.defaultBackend")
    for path, rule in indexed(spec, "rules", "spec"):
        errors += _rule_errors(rule, path)
    for path, entry in indexed(spec, "tls", "spec"):
        errors += _tls_errors(entry, path)
    if (name := spec.get("ingressClassName")) is not None:
        errors += invalid_each("spec.ingressClassName", name, names.dns1123_subdomain_errors(name))
    return errors


def _tls_errors(entry: Tree, path: str) -> Errors:
    errors: Errors = []
    for index, host in enumerate(entry.get("hosts") or ()):
        errors += invalid_each(f"{path}.hosts[{index}]", host or "", _host_rule(host or "")(host or ""))
    if secret := entry.get("secretName"):
        errors += invalid_each(f"{path}.secretName", secret, names.dns1123_subdomain_errors(secret))
    return errors


def _host_rule(host: str) -> Callable[[str], list[str]]:
    return names.wildcard_subdomain_errors if "*" in host else names.dns1123_subdomain_errors


def _rule_errors(rule: Tree, path: str) -> Errors:
    errors: Errors = []
    if host := rule.get("host"):
        if names.parse_ip(host) is not None:
            errors.append(invalid_value(f"{path}.host", host, "must be a DNS name, not an IP address"))
        errors += invalid_each(f"{path}.host", host, _host_rule(host)(host))
    http = rule.get("http")
    if http is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{path}.http.paths"))
    for where, entry in indexed(http, "paths", f"{path}.http"):
        errors += _path_errors(entry, where)
        if entry.get("pathType") is not None:
            errors += _backend_errors(entry.get("backend") or {}, f"{where}.backend")
    return errors


def _path_errors(entry: Tree, path: str) -> Errors:
    kind, text, where = entry.get("pathType"), entry.get("path", ""), f"{path}.path"
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    if kind not in _PATH_TYPES:
        return supported(f"{path}.pathType", kind, _PATH_TYPES)
    errors: Errors = []
    if not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        errors.append(invalid_value(where, text, "must be an absolute path"))
    if kind == "ImplementationSpecific":
        return errors
    errors += [invalid_value(where, text, f"must not contain '{bad}'") for bad in _BAD_SEQUENCES if bad in text]
    return errors + [invalid_value(where, text, f"cannot end with '{bad}'") for bad in _BAD_ENDS if text.endswith(bad)]


def _backend_errors(backend: Tree, path: str) -> Errors:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid_value(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference_errors(resource, f"{path}.resource")
    if service is None:
        return [invalid_value(path, "", "resource or service backend is required")]
    errors = named(f"{path}.service.name", service.get("name"), names.dns1123_label_errors)
    port = service.get("port") or {}
    name, number = port.get("name"), port.get("number")
    if name and number:
        errors.append(invalid_value(path, "", "cannot set both port name & port number"))
    elif name:
        errors += invalid_each(f"{path}.service.port.name", name, names.port_name_errors(name))
    elif number:
        errors += port_number(f"{path}.service.port.number", number)
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _reference_errors(reference: Tree, path: str) -> Errors:
    errors: Errors = []
    if (group := reference.get("apiGroup")) is not None:
        errors += invalid_each(f"{path}.apiGroup", group, names.dns1123_subdomain_errors(group))
    for key in ("kind", "name"):
        errors += named(f"{path}.{key}", reference.get(key), names.path_segment_errors)
    return errors


def ingress_class_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    controller = spec.get("controller", "")
    errors: Errors = []
    if len(controller.encode()) > _MAX_CONTROLLER_BYTES:
        errors.append(too_long("spec.controller", _MAX_CONTROLLER_BYTES))
    errors += _controller_errors(controller, "spec.controller")
    parameters = spec.get("parameters")
    return errors if parameters is None else errors + _parameters_errors(parameters, "spec.parameters")


def ingress_class_update_errors(new: Tree, old: Tree) -> Errors:
    now, was = ((tree.get("spec") or {}).get("controller", "") for tree in (new, old))
    return [immutable("spec.controller", now)] if now != was else []


def _controller_errors(controller: str, path: str) -> Errors:
    """A domain and a path."""
    if not controller:
        return [required(path)]
    host, _, rest = controller.partition("/")
    if not host or not rest:
        return [invalid_value(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = invalid_each(path, host, names.dns1123_subdomain_errors(host))
    if not re.fullmatch(_HTTP_PATH, rest):
        errors.append(invalid_value(path, rest, names.regex_message("Invalid path", _HTTP_PATH)))
    return errors


def _parameters_errors(parameters: Tree, path: str) -> Errors:
    errors = _reference_errors(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        return [*errors, required(f"{path}.scope")]
    errors += supported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    where = f"{path}.namespace"
    if scope == "Namespace":
        if namespace is None:
            errors.append(required(where, "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += invalid_each(where, namespace, names.dns1123_label_errors(namespace))
    if scope == "Cluster" and namespace is not None:
        errors.append(forbidden_field(where, "`parameters.scope` is set to 'Cluster'"))
    return errors
