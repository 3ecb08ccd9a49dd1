"""A pod's spec: what holds for the pod as a whole. Its parts have files of their own."""

from __future__ import annotations

from typing import Final

from navarch.api.flawless import Flawless, spec_text
from navarch.api.validation.affinity import (
    affinity_errors,
    node_selector_labels_errors,
    spread_errors,
    toleration_errors,
)
from navarch.api.validation.containers import PodFacts, container_errors
from navarch.api.validation.labels import label_errors
from navarch.api.validation.metadata import annotation_errors
from navarch.api.validation.os_fields import os_errors
from navarch.api.validation.resources import container_resource_errors, pod_resource_errors
from navarch.api.validation.rules import INT32_MAX, Errors, between, indexed, invalid_each, one_of
from navarch.api.validation.security import pod_security_errors
from navarch.api.validation.volumes import volume_errors
from navarch.api.validation.windows import host_process_errors
from navarch.base import names
from navarch.base.field import duplicate, forbidden_field, invalid_value, required
from navarch.schema.types import Tree

RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MAX_NAMESERVERS: Final = 3
_MAX_SEARCHES: Final = 32
_MAX_SEARCH_CHARS: Final = 2048


#: Specs in which nothing was found.
_FLAWLESS: Final = Flawless()


def pod_spec_errors(spec: Tree, path: str) -> Errors:
    """All errors of a pod's spec, which depend on nothing but the spec."""
    text = spec_text(spec)
    if text in _FLAWLESS:
        return []
    errors = _errors(spec, path)
    if not errors:
        _FLAWLESS.add(text)
    return errors


def _errors(spec: Tree, path: str) -> Errors:
    errors, volumes = volume_errors(spec, path)
    grace = spec.get("terminationGracePeriodSeconds")
    claims = [claim.get("name", "") for _, claim in indexed(spec, "resourceClaims", path)]
    facts = PodFacts(volumes, claims, 30 if grace is None else grace, bool(spec.get("hostNetwork")))
    errors += container_errors(spec, path, facts)
    errors += one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES, needed=True)
    errors += one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES, needed=True)
    errors += node_selector_labels_errors(spec, path)
    errors += pod_security_errors(spec, f"{path}.securityContext")
    errors += _user_errors(spec, path)
    errors += affinity_errors(spec.get("affinity"), f"{path}.affinity")
    errors += _dns_errors(spec, path)
    errors += _gate_errors(spec, path)
    errors += spread_errors(spec, path)
    errors += host_process_errors(spec, path)
    errors += _name_errors(spec, path)
    errors += between(f"{path}.activeDeadlineSeconds", spec.get("activeDeadlineSeconds"), 1, INT32_MAX)
    errors += toleration_errors(spec, path)
    for where, alias in indexed(spec, "hostAliases", path):
        errors += _alias_errors(alias, where)
    policy = spec.get("preemptionPolicy")
    errors += one_of(f"{path}.preemptionPolicy", policy, ("PreemptLowerPriority", "Never"))
    if spec.get("resources"):
        errors += container_resource_errors(spec["resources"], f"{path}.resources", claims)
        errors += pod_resource_errors(spec, f"{path}.resources")
    return errors + os_errors(spec, path)


def _user_errors(spec: Tree, path: str) -> Errors:
    """Users of their own and namespaces of the host do not go together. Kubernetes names two of the fields so."""
    if spec.get("hostUsers") is not False:
        return []
    shared = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    return [forbidden_field(f"{path}.{name}", "when `hostUsers` is false") for key, name in shared if spec.get(key)]


def template_errors(template: Tree, path: str) -> Errors:
    """A pod template: labels and annotations are named without `metadata` in their path."""
    metadata = template.get("metadata") or {}
    errors = label_errors(metadata.get("labels"), f"{path}.labels")
    errors += annotation_errors(metadata.get("annotations"), f"{path}.annotations")
    errors += pod_spec_errors(template.get("spec") or {}, f"{path}.spec")
    if (template.get("spec") or {}).get("ephemeralContainers"):
        errors.append(
            forbidden_field(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return errors


def _name_errors(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    if account := spec.get("serviceAccountName"):
        errors += invalid_each(f"{path}.serviceAccountName", account, names.dns1123_subdomain_errors(account))
    if node := spec.get("nodeName"):
        errors += invalid_each(f"{path}.nodeName", node, names.dns1123_subdomain_errors(node))
    for key in ("hostname", "subdomain"):
        if value := spec.get(key):
            errors += invalid_each(f"{path}.{key}", value, names.dns1123_label_errors(value))
    if override := spec.get("hostnameOverride"):
        errors += invalid_each(f"{path}.hostnameOverride", override, names.dns1123_subdomain_errors(override))
        if spec.get("setHostnameAsFQDN"):
            text = "may not be specified when setHostnameAsFQDN is true"
            errors.append(forbidden_field(f"{path}.hostnameOverride", text))
    if priority := spec.get("priorityClassName"):
        errors += invalid_each(f"{path}.priorityClassName", priority, names.dns1123_subdomain_errors(priority))
    if runtime := spec.get("runtimeClassName"):
        errors += invalid_each(f"{path}.runtimeClassName", runtime, names.dns1123_subdomain_errors(runtime))
    for where, gate in indexed(spec, "readinessGates", path):
        condition = gate.get("conditionType", "")
        errors += invalid_each(f"{where}.conditionType", condition, names.qualified_name_errors(condition))
    return errors


def _gate_errors(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for where, gate in indexed(spec, "schedulingGates", path):
        name = gate.get("name", "")
        errors += invalid_each(where, name, names.qualified_name_errors(name))
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
    return errors


def _dns_errors(spec: Tree, path: str) -> Errors:
    config, where = spec.get("dnsConfig"), f"{path}.dnsConfig"
    alone = spec.get("dnsPolicy") == "None"
    if config is None:
        return [required(where, "must provide `dnsConfig` when `dnsPolicy` is None")] if alone else []
    errors: Errors = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if alone and not servers:
        text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        errors.append(required(f"{where}.nameservers", text))
    if len(servers) > _MAX_NAMESERVERS:
        text = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        errors.append(invalid_value(f"{where}.nameservers", servers, text))
    for index, server in enumerate(servers):
        errors += invalid_each(f"{where}.nameservers[{index}]", server, names.ip_errors(server))
    if len(searches) > _MAX_SEARCHES:
        text = f"must not have more than {_MAX_SEARCHES} search paths"
        errors.append(invalid_value(f"{where}.searches", searches, text))
    if len(" ".join(searches)) > _MAX_SEARCH_CHARS:
        text = f"must not have more than {_MAX_SEARCH_CHARS} characters (including spaces) in the search list"
        errors.append(invalid_value(f"{where}.searches", searches, text))
    for index, search in enumerate(searches):
        bare = search.removesuffix(".") if search != "." else "a"
        rule = names.dns1123_subdomain_errors(bare.replace("_", "-"))
        errors += invalid_each(f"{where}.searches[{index}]", bare, rule)
    for place, option in indexed(config, "options", where):
        if not option.get("name"):
            errors.append(required(place, "must not be empty"))
    return errors


def _alias_errors(alias: Tree, path: str) -> Errors:
    ip = alias.get("ip", "")
    errors = invalid_each(f"{path}.ip", ip, names.ip_errors(ip))
    for index, host in enumerate(alias.get("hostnames") or ()):
        errors += invalid_each(f"{path}.hostnames[{index}]", host, names.dns1123_subdomain_errors(host))
    return errors
