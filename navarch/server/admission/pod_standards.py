"""The Pod Security Standards as checks on a pod's spec: what the levels baseline and restricted forbid.

`violations` gives one text per broken rule, in the order in which the API server reports them: the
rules of baseline by name, then those that restricted adds. Pure.

Source: Pod Security Standards; texts of `k8s.io/pod-security-admission/policy`, newest version of each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from navarch.schema.types import Tree

#: A rule: (metadata, spec) -> what is wrong, empty when nothing is.
Rule = Callable[[Tree, Tree], str]

_DEFAULT_CAPABILITIES: Final = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
_SAFE_SYSCTLS: Final = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
_SELINUX_TYPES: Final = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_PLAIN_VOLUMES: Final = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)


def violations(level: str, pod: Tree) -> list[str]:
    """What a level forbids of a pod (or a pod template): "reason (detail)" for each broken rule."""
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    return [found for rule in _LEVELS[level] if (found := rule(metadata, spec))]


# --- baseline


def _apparmor(metadata: Tree, spec: Tree) -> str:
    values: set[Any] = set()
    setters: list[str] = []
    for name, context in _contexts(spec):
        if _deep(context, "appArmorProfile", "type") == "Unconfined":
            values.add("Unconfined")
            setters.append(f'container "{name}"' if name else "pod")
    for key, value in sorted(metadata.get("annotations", {}).items()):
        if key.startswith(_APPARMOR_ANNOTATION) and not _apparmor_allowed(value):
            setters.append(f'annotation "{key}"')
            values.add(value)
    if not values:
        return ""
    what = f"{_joined(setters)} must not set AppArmor profile type to {_quoted(values)}"
    return f"forbidden AppArmor profile{_s(values)} ({what})"


def _apparmor_allowed(value: str) -> bool:
    return value in ("", "runtime/default") or value.startswith("localhost/")


def _capabilities(_metadata: Tree, spec: Tree) -> str:
    names, added = _adding(spec, _DEFAULT_CAPABILITIES)
    if not names:
        return ""
    return f"non-default capabilities ({_containers(names)} must not include {_quoted(added)} in {_CAPS_ADD})"


_CAPS_ADD: Final = "securityContext.capabilities.add"


def _host_namespaces(_metadata: Tree, spec: Tree) -> str:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return f"host namespaces ({', '.join(used)})" if used else ""


def _host_path(_metadata: Tree, spec: Tree) -> str:
    names = [v["name"] for v in spec.get("volumes") or () if "hostPath" in v]
    return f"hostPath volumes (volume{_s(names)} {_quoted(names, keep_order=True)})" if names else ""


def _host_ports(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    ports: set[int] = set()
    for container in _each(spec):
        found = {p["hostPort"] for p in container.get("ports") or () if p.get("hostPort")}
        if found:
            names.append(container["name"])
            ports |= found
    if not names:
        return ""
    numbers = ", ".join(sorted(map(str, ports)))
    return f"hostPort{_s(ports)} ({_containers(names)} use{_verb(names)} hostPort{_s(ports)} {numbers})"


def _host_probes(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    hosts: set[str] = set()
    for container in _each(spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        found = {
            host
            for handler in handlers
            for action in ("httpGet", "tcpSocket")
            if (host := _deep(handler or {}, action, "host"))
        }
        if found:
            names.append(container["name"])
            hosts |= found
    if not names:
        return ""
    what = f"{_containers(sorted(names))} use{_verb(names)} probe or lifecycle host{_s(hosts)} {_quoted(hosts)}"
    return f"probe or lifecycle host ({what})"


def _privileged(_metadata: Tree, spec: Tree) -> str:
    names = _names(spec, lambda c: bool(_deep(c, "securityContext", "privileged")))
    return f"privileged ({_containers(names)} must not set securityContext.privileged=true)" if names else ""


def _proc_mount(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    return _proc_mount_always(_metadata, spec)


def _proc_mount_always(_metadata: Tree, spec: Tree) -> str:
    def value(container: Tree) -> str:
        return _deep(container, "securityContext", "procMount") or "Default"

    names = _names(spec, lambda c: value(c) != "Default")
    if not names:
        return ""
    found = {value(c) for c in _each(spec)} - {"Default"}
    return f"procMount ({_containers(names)} must not set securityContext.procMount to {_quoted(found)})"


def _selinux(_metadata: Tree, spec: Tree) -> str:
    setters: list[str] = []
    types: set[str] = set()
    user = role = False
    for name, context in _contexts(spec):
        options = context.get("seLinuxOptions") or {}
        wrong_type = options.get("type", "") not in _SELINUX_TYPES
        if wrong_type:
            types.add(options["type"])
        user, role = user or bool(options.get("user")), role or bool(options.get("role"))
        if wrong_type or options.get("user") or options.get("role"):
            setters.append(f'container "{name}"' if name else "pod")
    if not setters:
        return ""
    wrong = [f"type{_s(types)} {_quoted(types)}"] if types else []
    wrong += ["user may not be set"] * user + ["role may not be set"] * role
    return f"seLinuxOptions ({_joined(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(wrong)})"


def _seccomp(_metadata: Tree, spec: Tree) -> str:
    setters, values = _setters(spec, lambda c: _deep(c, "seccompProfile", "type"), {"Unconfined"})
    if not setters:
        return ""
    return f"seccompProfile ({_joined(setters)} must not set securityContext.seccompProfile.type to {_quoted(values)})"


def _sysctls(_metadata: Tree, spec: Tree) -> str:
    used = [s["name"] for s in _deep(spec, "securityContext", "sysctls") or () if s["name"] not in _SAFE_SYSCTLS]
    return f"forbidden sysctls ({', '.join(used)})" if used else ""


def _host_process(_metadata: Tree, spec: Tree) -> str:
    setters, _ = _setters(spec, lambda c: _deep(c, "windowsOptions", "hostProcess"), {True})
    what = f"{_joined(setters)} must not set securityContext.windowsOptions.hostProcess=true"
    return f"hostProcess ({what})" if setters else ""


# --- restricted


def _escalation(_metadata: Tree, spec: Tree) -> str:
    if _is_windows(spec):
        return ""
    names = _names(spec, lambda c: _deep(c, "securityContext", "allowPrivilegeEscalation") is not False)
    what = f"{_containers(names)} must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({what})" if names else ""


def _few_capabilities(_metadata: Tree, spec: Tree) -> str:
    if _is_windows(spec):
        return ""
    keeping = _names(spec, lambda c: "ALL" not in (_deep(c, "securityContext", "capabilities", "drop") or ()))
    names, added = _adding(spec, frozenset(("NET_BIND_SERVICE",)))
    wrong = []
    if keeping:
        wrong.append(f'{_containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if names:
        wrong.append(f"{_containers(names)} must not include {_quoted(added)} in {_CAPS_ADD}")
    return f"unrestricted capabilities ({'; '.join(wrong)})" if wrong else ""


def _volumes(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    types: set[str] = set()
    for volume in spec.get("volumes") or ():
        found = next((key for key in volume if key != "name"), "unknown")
        if found not in _PLAIN_VOLUMES:
            names.append(volume["name"])
            types.add(found)
    if not names:
        return ""
    what = f"volume{_s(names)} {_quoted(names, keep_order=True)} use{_verb(names)} restricted volume type{_s(types)}"
    return f"restricted volume types ({what} {_quoted(types)})"


def _non_root(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    of_pod = _deep(spec, "securityContext", "runAsNonRoot")

    def given(container: Tree) -> Any:
        return _deep(container, "securityContext", "runAsNonRoot")

    denying = ["pod"] if of_pod is False else []
    if names := _names(spec, lambda c: given(c) is False):
        denying.append(_containers(names))
    if denying:
        return f"runAsNonRoot != true ({_joined(denying)} must not set securityContext.runAsNonRoot=false)"
    silent = _names(spec, lambda c: given(c) is None) if not of_pod else []
    what = f"pod or {_containers(silent)} must set securityContext.runAsNonRoot=true"
    return f"runAsNonRoot != true ({what})" if silent else ""


def _root_user(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    setters, _ = _setters(spec, lambda c: c.get("runAsUser"), {0})
    return f"runAsUser=0 ({_joined(setters)} must not set runAsUser=0)" if setters else ""


def _some_seccomp(_metadata: Tree, spec: Tree) -> str:
    if _is_windows(spec):
        return ""
    allowed = ("RuntimeDefault", "Localhost")
    found = [(name, _deep(context, "seccompProfile", "type")) for name, context in _contexts(spec)]
    wrong = {value for _, value in found if value and value not in allowed}
    if wrong:
        setters, _ = _setters(spec, lambda c: _deep(c, "seccompProfile", "type"), wrong)
        values = _quoted(wrong)
        return f"seccompProfile ({_joined(setters)} must not set securityContext.seccompProfile.type to {values})"
    if _deep(spec, "securityContext", "seccompProfile", "type") in allowed:
        return ""
    silent = _names(spec, lambda c: not _deep(c, "securityContext", "seccompProfile", "type"))
    field = "securityContext.seccompProfile.type"
    what = f'pod or {_containers(silent)} must set {field} to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile ({what})" if silent else ""


_BASELINE: Final[tuple[Rule, ...]] = (
    _apparmor,
    _capabilities,
    _host_namespaces,
    _host_path,
    _host_ports,
    _host_probes,
    _privileged,
    _proc_mount,
    _selinux,
    _seccomp,
    _sysctls,
    _host_process,
)

#: Stricter rules of restricted replace those of baseline about the same thing.
_REPLACED: Final = (_capabilities, _host_path, _proc_mount, _seccomp)

_RESTRICTED: Final[tuple[Rule, ...]] = (
    *(rule for rule in _BASELINE if rule not in _REPLACED),
    _escalation,
    _few_capabilities,
    _proc_mount_always,
    _volumes,
    _non_root,
    _root_user,
    _some_seccomp,
)

_LEVELS: Final[dict[str, tuple[Rule, ...]]] = {"privileged": (), "baseline": _BASELINE, "restricted": _RESTRICTED}


# --- reading pods, and words


def _each(spec: Tree) -> Iterator[Tree]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _names(spec: Tree, wrong: Callable[[Tree], bool]) -> list[str]:
    return [container["name"] for container in _each(spec) if wrong(container)]


def _contexts(spec: Tree) -> Iterator[tuple[str, Tree]]:
    """The security contexts of the pod (named "") and of its containers."""
    yield "", spec.get("securityContext") or {}
    for container in _each(spec):
        yield container["name"], container.get("securityContext") or {}


def _setters(spec: Tree, read: Callable[[Tree], Any], wrong: set[Any]) -> tuple[list[str], set[Any]]:
    """Who sets one of the wrong values ("pod", "container ..."), and which values."""
    values: set[Any] = set()
    setters: list[str] = []
    names: list[str] = []
    for name, context in _contexts(spec):
        value = read(context)
        if value is None or value not in wrong:
            continue
        values.add(value)
        if name:
            names.append(name)
        else:
            setters.append("pod")
    if names:
        setters.append(_containers(names))
    return setters, values


def _adding(spec: Tree, allowed: frozenset[str]) -> tuple[list[str], set[str]]:
    names: list[str] = []
    added: set[str] = set()
    for container in _each(spec):
        wrong = set(_deep(container, "securityContext", "capabilities", "add") or ()) - allowed
        if wrong:
            names.append(container["name"])
            added |= wrong
    return names, added


def _deep(tree: Tree, *keys: str) -> Any:
    value: Any = tree
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_windows(spec: Tree) -> bool:
    return bool(_deep(spec, "os", "name") == "windows")


def _containers(names: list[str]) -> str:
    return f"container{_s(names)} {_quoted(names, keep_order=True)}"


def _quoted(values: Iterable[str], *, keep_order: bool = False) -> str:
    return ", ".join(f'"{value}"' for value in (values if keep_order else sorted(values)))


def _joined(setters: list[str]) -> str:
    return " and ".join(setters)


def _s(values: list[str] | set[Any]) -> str:
    return "" if len(values) == 1 else "s"


def _verb(values: list[str]) -> str:
    return "s" if len(values) == 1 else ""
