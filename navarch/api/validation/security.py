"""Security contexts of pods and containers."""

from __future__ import annotations

import re
from typing import Final

from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import INT32_MAX, Errors, between, descending_path, indexed, supported
from navarch.api.validation.windows import windows_errors
from navarch.base.field import duplicate, invalid_value, not_supported, required
from navarch.schema.types import Tree

_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL: Final = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_SYSCTL_MAX: Final = 253
_SYSCTL_TEXT: Final = (
    "must have at most 253 characters and match regex "
    r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
)


def pod_security_errors(spec: Tree, path: str) -> Errors:
    """The pod's `securityContext`; `path` is that of the context."""
    context = spec.get("securityContext") or {}
    errors: Errors = []
    for key in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += _id_errors(context, path, key)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        errors += between(f"{path}.supplementalGroups[{index}]", group, 0, INT32_MAX)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid_value(f"{path}.shareProcessNamespace", True, text))
    for key, allowed in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        if context.get(key) is not None:
            errors += supported(f"{path}.{key}", context[key], allowed)
    errors += _sysctl_errors(context, path)
    errors += _profile_errors(context, path, "seccompProfile", "seccomp")
    errors += windows_errors(context, path)
    return errors + _profile_errors(context, path, "appArmorProfile", "AppArmor")


def container_security_errors(context: Tree | None, path: str) -> Errors:
    if context is None:
        return []
    errors: Errors = []
    for key in ("runAsUser", "runAsGroup"):
        errors += _id_errors(context, path, key)
    if context.get("procMount") is not None:
        errors += supported(f"{path}.procMount", context["procMount"], ("Default", "Unmasked"))
    errors += _profile_errors(context, path, "seccompProfile", "seccomp")
    added = set((context.get("capabilities") or {}).get("add") or ())
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid_value(path, shown("SecurityContext", context), text))
        if {"CAP_SYS_ADMIN"} & added:
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid_value(path, shown("SecurityContext", context), text))
    errors += windows_errors(context, path)
    return errors + _profile_errors(context, path, "appArmorProfile", "AppArmor")


def _id_errors(context: Tree, path: str, key: str) -> Errors:
    return between(f"{path}.{key}", context.get(key), 0, INT32_MAX)


def _sysctl_errors(context: Tree, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for where, sysctl in indexed(context, "sysctls", path):
        name = sysctl.get("name", "")
        if not name:
            errors.append(required(f"{where}.name"))
        elif len(name) > _SYSCTL_MAX or not _SYSCTL.fullmatch(name):
            errors.append(invalid_value(f"{where}.name", name, _SYSCTL_TEXT))
        elif name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
    return errors


def _profile_errors(context: Tree, path: str, key: str, word: str) -> Errors:
    profile = context.get(key)
    if profile is None:
        return []
    path = f"{path}.{key}"
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    errors: Errors = []
    if not kind:
        errors.append(required(f"{path}.type", f"type is required when {key} is set"))
    elif kind not in _PROFILES:
        errors.append(not_supported(f"{path}.type", kind, _PROFILES))
    if kind == "Localhost":
        if not local:
            errors.append(required(f"{path}.localhostProfile", f"must be set when {word} type is Localhost"))
        elif key == "seccompProfile":
            errors += descending_path(f"{path}.localhostProfile", local)
    elif local is not None:
        text = f"can only be set when {word} type is Localhost"
        errors.append(invalid_value(f"{path}.localhostProfile", shown("Profile", profile), text))
    return errors
