"""Environment of containers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from navarch.api.validation.rules import Errors, descending_path, indexed, invalid_each, named, present
from navarch.base import names, quantity
from navarch.base.field import invalid_value, not_found_field, not_supported, required
from navarch.schema.types import Tree

_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
ENV_FIELDS: Final = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS: Final = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
RESOURCES: Final = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
#: Paths that the conversion of field labels knows, beside those that are supported.
_CONVERTIBLE: Final = {*ENV_FIELDS, *VOLUME_FIELDS, "status.phase", "spec.restartPolicy", "spec.schedulerName"}
#: Divisors in which an amount can be shown, by resource.
_DIVISORS: Final = {
    "cpu": ("1m", "1"),
    "memory": ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
}


def env_errors(container: Tree, path: str, volumes: Collection[str]) -> Errors:
    errors: Errors = []
    for where, variable in indexed(container, "env", path):
        errors += named(f"{where}.name", variable.get("name"), names.env_var_name_errors)
        if variable.get("valueFrom") is not None:
            errors += _source_errors(variable, f"{where}.valueFrom", volumes)
    return errors


def env_from_errors(container: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, source in indexed(container, "envFrom", path):
        if prefix := source.get("prefix"):
            errors += invalid_each(f"{where}.prefix", prefix, names.env_var_name_errors(prefix))
        given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in given:
            name = source[key].get("name")
            errors += named(f"{where}.{key}.name", name, names.dns1123_subdomain_errors)
        if not given:
            text = "must specify one of: `configMapRef` or `secretRef`"
            errors.append(invalid_value(f"{path}.envFrom", "", text))
        elif len(given) > 1:
            errors.append(invalid_value(where, "", "may not have more than one field specified at a time"))
    return errors


def field_ref_errors(reference: Tree, path: str, supported: tuple[str, ...]) -> Errors:
    """A pod's field by its path; keys of annotations and labels are in brackets."""
    version, field = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        return [required(f"{path}.apiVersion")]
    if not field:
        return [required(f"{path}.fieldPath")]
    where = f"{path}.fieldPath"
    if version != "v1":
        return [invalid_value(where, field, f"error converting fieldPath: unsupported pod version: {version}")]
    base, bracket, rest = field.partition("['")
    if bracket and rest.endswith("']"):
        return _subscript_errors(base, rest[:-2], where)
    if field not in _CONVERTIBLE:
        return [invalid_value(where, field, f"error converting fieldPath: field label not supported: {field}")]
    return [] if field in supported else [not_supported(where, field, sorted(supported))]


def _subscript_errors(base: str, key: str, path: str) -> Errors:
    if base == "metadata.annotations":
        return invalid_each(path, key.lower(), names.qualified_name_errors(key.lower()))
    if base == "metadata.labels":
        return invalid_each(path, key, names.qualified_name_errors(key))
    return [invalid_value(path, base, f"field label not supported: {base}")]


def resource_ref_errors(reference: Tree, path: str, *, in_volume: bool) -> Errors:
    if in_volume and not reference.get("containerName"):
        return [required(f"{path}.containerName")]
    resource = reference.get("resource", "")
    if not resource:
        return [required(f"{path}.resource")]
    huge = resource.partition(".")[2].startswith("hugepages-")
    if resource not in RESOURCES and not huge:
        return [not_supported(f"{path}.resource", resource, RESOURCES)]
    return _divisor_errors(resource, str(reference.get("divisor") or "0"), f"{path}.divisor")


def _divisor_errors(reference: str, divisor: str, path: str) -> Errors:
    resource = reference.partition(".")[2]
    allowed = _DIVISORS["cpu" if resource == "cpu" else "memory"]
    if quantity.canonical(divisor) in ("0", *allowed):
        return []
    kind = "local ephemeral storage" if resource == "ephemeral-storage" else resource
    shown = "1m and 1" if resource == "cpu" else ", ".join(allowed)
    text = f"only divisor's values {shown} are supported with the {kind} resource"
    return [invalid_value(path, reference, text)]


def _source_errors(variable: Tree, path: str, volumes: Collection[str]) -> Errors:
    source = variable["valueFrom"]
    errors: Errors = []
    given = [key for key in _SOURCES if source.get(key) is not None]
    for key in given:
        reference, where = source[key], f"{path}.{key}"
        if key == "fieldRef":
            errors += field_ref_errors(reference, where, ENV_FIELDS)
        elif key == "resourceFieldRef":
            errors += resource_ref_errors(reference, where, in_volume=False)
        elif key == "fileKeyRef":
            errors += _file_ref_errors(reference, where, volumes)
        else:
            errors += _key_ref_errors(reference, where)
    if not given:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid_value(path, "", text))
    elif variable.get("value"):
        errors.append(invalid_value(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        errors.append(invalid_value(path, "", "may not have more than one field specified at a time"))
    return errors


def _key_ref_errors(reference: Tree, path: str) -> Errors:
    name = reference.get("name") or ""
    errors = invalid_each(f"{path}.name", name, names.dns1123_subdomain_errors(name))
    return errors + named(f"{path}.key", reference.get("key"), names.config_map_key_errors)


def _file_ref_errors(reference: Tree, path: str, volumes: Collection[str]) -> Errors:
    volume = reference.get("volumeName", "")
    errors = present(reference, path, "volumeName", "path", "key")
    if volume:
        errors += invalid_each(f"{path}.volumeName", volume, names.dns1123_label_errors(volume))
    if volume not in volumes:
        errors.append(not_found_field(f"{path}.volumeName", volume))
    if reference.get("path"):
        errors += descending_path(f"{path}.path", reference["path"])
    if reference.get("key"):
        errors += invalid_each(f"{path}.key", reference["key"], names.env_var_name_errors(reference["key"]))
    return errors
