"""APIService.

Source: kube-aggregator `pkg/apis/apiregistration/validation`.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, present
from navarch.base import names
from navarch.base.field import invalid_value, required
from navarch.schema.types import Tree

_PRIORITIES: Final = (("groupPriorityMinimum", 20000), ("versionPriority", 1000))


def api_service_errors(tree: Tree) -> Errors:
    spec, name = tree.get("spec") or {}, tree["metadata"].get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    errors: Errors = []
    if name and name != f"{version}.{group}" and not names.path_segment_errors(name):
        text = f'must be `spec.version+"."+spec.group`: "{version}.{group}"'
        errors.append(invalid_value("metadata.name", name, text))
    if group and (found := names.dns1123_subdomain_errors(group)):
        errors.append(invalid_value("spec.group", group, ",".join(found)))
    elif not group and version != "v1":
        errors.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    if found := names.dns1035_label_errors(version):
        errors.append(invalid_value("spec.version", version, ",".join(found)))
    for key, most in _PRIORITIES:
        if not 0 < spec.get(key, 0) <= most:
            text = f"must be positive and less than {most}"
            errors.append(invalid_value(f"spec.{key}", spec.get(key, 0), text))
    return errors + _backend_errors(spec)


def _backend_errors(spec: Tree) -> Errors:
    service, bundle, insecure = spec.get("service"), spec.get("caBundle"), spec.get("insecureSkipTLSVerify")
    skip = "spec.insecureSkipTLSVerify"
    errors: Errors = []
    if service is None:
        if bundle:
            text = "local APIServices may not have a caBundle"
            errors.append(invalid_value("spec.caBundle", f"{len(bundle) * 3 // 4} bytes", text))
        if insecure:
            errors.append(invalid_value(skip, True, "local APIServices may not have insecureSkipTLSVerify"))
        return errors
    errors += present(service, "spec.service", "namespace", "name")
    port = service.get("port")
    if port is not None and (found := names.port_number_errors(port)):
        errors.append(invalid_value("spec.service.port", port, "port is not valid: " + ",".join(found)))
    if insecure and bundle:
        errors.append(invalid_value(skip, True, "may not be true if caBundle is present"))
    return errors
