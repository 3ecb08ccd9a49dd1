"""The environment of a container: pure, from the spec and the objects it names.

The order of precedence, later wins: services, envFrom in order, env in order. `$(NAME)` in a value,
command or argument refers to what is defined before it; `$$` is one dollar.

Worked example:
    >>> expand("$(HOST):$(PORT) $$(HOST) $(NONE)", {"HOST": "db", "PORT": "1"}.get)
    'db:1 $(HOST) $(NONE)'

Source: the kubelet's `makeEnvironmentVariables`, `envvars.FromServices`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from navarch.api.views.core import ConfigMap, Secret
from navarch.api.views.pod import EnvFromSource, EnvVar, Pod
from navarch.api.views.service import Service
from navarch.node.downward import FieldError, Surroundings, field_value, resource_value
from navarch.node.labels import AnyContainer

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


class ConfigError(Exception):
    """The container cannot be configured; shown as CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The ConfigMaps and Secrets of the pod's namespace that it names; a missing one is absent."""

    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)


def environment(
    pod: Pod, container: AnyContainer, sources: Sources, services: Iterable[Service], around: Surroundings
) -> dict[str, str]:
    """All variables in order of definition. Raises: ConfigError."""
    linked = service_variables(services, pod)
    values: dict[str, str] = {}
    for source in container.envFrom:
        values.update(_from_source(source, sources))
    for variable in container.env:
        value = _value(pod, container, variable, sources, around, values, linked)
        if value is not None:
            values[variable.name] = value
    return values | {name: value for name, value in linked.items() if name not in values}


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """Replace `$(NAME)` where NAME is known and `$$` by a dollar; leave the rest."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        found = lookup(match[1])
        return match[0] if found is None else found

    return _REFERENCE.sub(replacement, text)


def service_variables(services: Iterable[Service], pod: Pod) -> dict[str, str]:
    """The variables that tell where services are, as container links did. The API server's own service
    is told to every pod, those of its namespace only with enableServiceLinks."""
    out: dict[str, str] = {}
    links = pod.spec.enableServiceLinks is not False
    for service in sorted(services, key=lambda s: (s.metadata.namespace, s.metadata.name)):
        meta = service.metadata
        master = meta.namespace == "default" and meta.name == "kubernetes"
        if service.spec.clusterIP in ("", "None") or not service.spec.ports:
            continue
        if master or (links and meta.namespace == pod.metadata.namespace):
            out.update(_service(service))
    return out


def _service(service: Service) -> dict[str, str]:
    name = service.metadata.name.upper().replace("-", "_")
    ip, ports = service.spec.clusterIP, service.spec.ports
    host = f"[{ip}]" if ":" in ip else ip
    out = {f"{name}_SERVICE_HOST": ip, f"{name}_SERVICE_PORT": str(ports[0].port)}
    for port in ports:
        if port.name:
            out[f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
    first = (ports[0].protocol or "TCP").lower()
    out[f"{name}_PORT"] = f"{first}://{host}:{ports[0].port}"
    for port in ports:
        protocol = port.protocol or "TCP"
        prefix = f"{name}_PORT_{port.port}_{protocol}"
        out[prefix] = f"{protocol.lower()}://{host}:{port.port}"
        out[f"{prefix}_PROTO"] = protocol.lower()
        out[f"{prefix}_PORT"] = str(port.port)
        out[f"{prefix}_ADDR"] = ip
    return out


def _from_source(source: EnvFromSource, sources: Sources) -> dict[str, str]:
    if source.configMapRef is not None:
        ref = source.configMapRef
        config_map = sources.config_maps.get(ref.name)
        if config_map is None:
            _require(ref.optional, f'configmap "{ref.name}" not found')
            return {}
        return {source.prefix + key: value for key, value in sorted(config_map.data.items())}
    if source.secretRef is not None:
        secret = sources.secrets.get(source.secretRef.name)
        if secret is None:
            _require(source.secretRef.optional, f'secret "{source.secretRef.name}" not found')
            return {}
        return {source.prefix + key: decode_text(value) for key, value in sorted(secret.data.items())}
    return {}


def _value(
    pod: Pod,
    container: AnyContainer,
    variable: EnvVar,
    sources: Sources,
    around: Surroundings,
    values: Mapping[str, str],
    linked: Mapping[str, str],
) -> str | None:
    """The variable's value; None if an optional source is missing."""
    ref = variable.valueFrom
    if ref is None:
        return expand(variable.value, lambda name: values.get(name, linked.get(name)))
    try:
        if ref.fieldRef is not None:
            return field_value(pod, ref.fieldRef.fieldPath, around)
        if ref.resourceFieldRef is not None:
            return resource_value(pod, container, ref.resourceFieldRef, around)
    except FieldError as error:
        raise ConfigError(str(error)) from error
    if ref.configMapKeyRef is not None:
        return _config_map_key(
            pod, ref.configMapKeyRef.name, ref.configMapKeyRef.key, ref.configMapKeyRef.optional, sources
        )
    if ref.secretKeyRef is not None:
        return _secret_key(pod, ref.secretKeyRef.name, ref.secretKeyRef.key, ref.secretKeyRef.optional, sources)
    return ""


def _config_map_key(pod: Pod, name: str, key: str, optional: bool | None, sources: Sources) -> str | None:
    config_map = sources.config_maps.get(name)
    if config_map is None:
        _require(optional, f'configmap "{name}" not found')
        return None
    if key not in config_map.data:
        _require(optional, f"couldn't find key {key} in ConfigMap {pod.metadata.namespace}/{name}")
        return None
    return config_map.data[key]


def _secret_key(pod: Pod, name: str, key: str, optional: bool | None, sources: Sources) -> str | None:
    secret = sources.secrets.get(name)
    if secret is None:
        _require(optional, f'secret "{name}" not found')
        return None
    if key not in secret.data:
        _require(optional, f"couldn't find key {key} in Secret {pod.metadata.namespace}/{name}")
        return None
    return decode_text(secret.data[key])


def _require(optional: bool | None, message: str) -> None:
    if not optional:
        raise ConfigError(message)


def decode_text(value: str) -> str:
    """The text of a Secret's base64 value; bytes that are not UTF-8 survive as surrogates."""
    return base64.b64decode(value).decode("utf-8", "surrogateescape")


def named_objects(container: AnyContainer) -> tuple[set[str], set[str]]:
    """The names of the ConfigMaps and of the Secrets that a container's environment needs."""
    config_maps = {s.configMapRef.name for s in container.envFrom if s.configMapRef}
    secrets = {s.secretRef.name for s in container.envFrom if s.secretRef}
    for variable in container.env:
        ref = variable.valueFrom
        if ref is not None and ref.configMapKeyRef is not None:
            config_maps.add(ref.configMapKeyRef.name)
        if ref is not None and ref.secretKeyRef is not None:
            secrets.add(ref.secretKeyRef.name)
    return config_maps, secrets
