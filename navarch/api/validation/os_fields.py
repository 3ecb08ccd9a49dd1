"""What a pod that names its operating system may not say: the settings of the other one.

Called by `pod_spec.py`. Source: KEP-2802; kubernetes `validateWindows` and `validateLinux`.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, indexed
from navarch.base.field import forbidden_field, not_supported, required
from navarch.schema.types import Tree

_SYSTEMS: Final = ("linux", "windows")
_NOT_WINDOWS: Final = "cannot be set for a windows pod"
_NOT_LINUX: Final = "windows options cannot be set for a linux pod"
#: Settings of Linux in a pod's spec: those that count only when true, and those that count at all.
_LINUX_FLAGS: Final = ("hostPID", "hostIPC")
_LINUX_FIELDS: Final = ("hostUsers", "shareProcessNamespace")
#: In its security context.
_LINUX_POD_CONTEXT: Final = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
)
#: And in that of a container.
_LINUX_CONTEXT: Final = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def os_errors(spec: Tree, path: str) -> Errors:
    if (os := spec.get("os")) is None:
        return []
    name = os.get("name", "")
    if not name:
        return [required(f"{path}.os.name")]
    if name not in _SYSTEMS:
        return [not_supported(f"{path}.os", name, _SYSTEMS)]
    return _windows_errors(spec, path) if name == "windows" else _linux_errors(spec, path)


def _windows_errors(spec: Tree, path: str) -> Errors:
    errors = _set(spec.get("securityContext") or {}, _LINUX_POD_CONTEXT, f"{path}.securityContext")
    errors += [forbidden_field(f"{path}.{key}", _NOT_WINDOWS) for key in _LINUX_FLAGS if spec.get(key)]
    errors += _set(spec, _LINUX_FIELDS, path)
    for where, context in _contexts(spec, path):
        errors += _set(context, _LINUX_CONTEXT, where)
    return errors


def _linux_errors(spec: Tree, path: str) -> Errors:
    contexts = [(f"{path}.securityContext", spec.get("securityContext") or {}), *_contexts(spec, path)]
    return [
        forbidden_field(f"{where}.windowsOptions", _NOT_LINUX)
        for where, context in contexts
        if context.get("windowsOptions") is not None
    ]


def _set(tree: Tree, keys: tuple[str, ...], path: str) -> Errors:
    return [forbidden_field(f"{path}.{key}", _NOT_WINDOWS) for key in keys if tree.get(key) not in (None, [])]


def _contexts(spec: Tree, path: str) -> list[tuple[str, Tree]]:
    return [
        (f"{where}.securityContext", container.get("securityContext") or {})
        for key in ("initContainers", "containers", "ephemeralContainers")
        for where, container in indexed(spec, key, path)
    ]
