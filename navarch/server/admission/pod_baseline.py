"""The rules of the level baseline of the Pod Security Standards, in the order of their names.

Each takes (metadata, spec) and says what is wrong: "reason (detail)", empty when nothing is.

Source: texts of `k8s.io/pod-security-admission/policy`, newest version of each rule.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.schema.types import Tree
from navarch.server.admission.pod_words import (
    CAPS_ADD,
    Rule,
    adding_capabilities,
    containers_text,
    contexts,
    deep,
    each_container,
    joined,
    names_of,
    plural,
    quoted,
    setters_of,
    verb,
)

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


def apparmor(metadata: Tree, spec: Tree) -> str:
    values: set[Any] = set()
    setters: list[str] = []
    for name, context in contexts(spec):
        if deep(context, "appArmorProfile", "type") == "Unconfined":
            values.add("Unconfined")
            setters.append(f'container "{name}"' if name else "pod")
    for key, value in sorted(metadata.get("annotations", {}).items()):
        if key.startswith(_APPARMOR_ANNOTATION) and not _apparmor_allowed(value):
            setters.append(f'annotation "{key}"')
            values.add(value)
    if not values:
        return ""
    what = f"{joined(setters)} must not set AppArmor profile type to {quoted(values)}"
    return f"forbidden AppArmor profile{plural(values)} ({what})"


def _apparmor_allowed(value: str) -> bool:
    return value in ("", "runtime/default") or value.startswith("localhost/")


def capabilities(_metadata: Tree, spec: Tree) -> str:
    names, added = adding_capabilities(spec, _DEFAULT_CAPABILITIES)
    if not names:
        return ""
    return f"non-default capabilities ({containers_text(names)} must not include {quoted(added)} in {CAPS_ADD})"


def host_namespaces(_metadata: Tree, spec: Tree) -> str:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return f"host namespaces ({', '.join(used)})" if used else ""


def host_path(_metadata: Tree, spec: Tree) -> str:
    names = [v["name"] for v in spec.get("volumes") or () if "hostPath" in v]
    return f"hostPath volumes (volume{plural(names)} {quoted(names, keep_order=True)})" if names else ""


def host_ports(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    ports: set[int] = set()
    for container in each_container(spec):
        found = {p["hostPort"] for p in container.get("ports") or () if p.get("hostPort")}
        if found:
            names.append(container["name"])
            ports |= found
    if not names:
        return ""
    numbers = ", ".join(sorted(map(str, ports)))
    return f"hostPort{plural(ports)} ({containers_text(names)} use{verb(names)} hostPort{plural(ports)} {numbers})"


def host_probes(_metadata: Tree, spec: Tree) -> str:
    names: list[str] = []
    hosts: set[str] = set()
    for container in each_container(spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        found = {
            host
            for handler in handlers
            for action in ("httpGet", "tcpSocket")
            if (host := deep(handler or {}, action, "host"))
        }
        if found:
            names.append(container["name"])
            hosts |= found
    if not names:
        return ""
    what = f"{containers_text(sorted(names))} use{verb(names)} probe or lifecycle host{plural(hosts)} {quoted(hosts)}"
    return f"probe or lifecycle host ({what})"


def privileged(_metadata: Tree, spec: Tree) -> str:
    names = names_of(spec, lambda c: bool(deep(c, "securityContext", "privileged")))
    return f"privileged ({containers_text(names)} must not set securityContext.privileged=true)" if names else ""


def proc_mount(_metadata: Tree, spec: Tree) -> str:
    if spec.get("hostUsers") is False:
        return ""
    return proc_mount_always(_metadata, spec)


def proc_mount_always(_metadata: Tree, spec: Tree) -> str:
    def value(container: Tree) -> str:
        return deep(container, "securityContext", "procMount") or "Default"

    names = names_of(spec, lambda c: value(c) != "Default")
    if not names:
        return ""
    found = {value(c) for c in each_container(spec)} - {"Default"}
    return f"procMount ({containers_text(names)} must not set securityContext.procMount to {quoted(found)})"


def selinux(_metadata: Tree, spec: Tree) -> str:
    setters: list[str] = []
    types: set[str] = set()
    user = role = False
    for name, context in contexts(spec):
        options = context.get("seLinuxOptions") or {}
        wrong_type = options.get("type", "") not in _SELINUX_TYPES
        if wrong_type:
            types.add(options["type"])
        user, role = user or bool(options.get("user")), role or bool(options.get("role"))
        if wrong_type or options.get("user") or options.get("role"):
            setters.append(f'container "{name}"' if name else "pod")
    if not setters:
        return ""
    wrong = [f"type{plural(types)} {quoted(types)}"] if types else []
    wrong += ["user may not be set"] * user + ["role may not be set"] * role
    return f"seLinuxOptions ({joined(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(wrong)})"


def seccomp(_metadata: Tree, spec: Tree) -> str:
    setters, values = setters_of(spec, lambda c: deep(c, "seccompProfile", "type"), {"Unconfined"})
    if not setters:
        return ""
    return f"seccompProfile ({joined(setters)} must not set securityContext.seccompProfile.type to {quoted(values)})"


def sysctls(_metadata: Tree, spec: Tree) -> str:
    used = [s["name"] for s in deep(spec, "securityContext", "sysctls") or () if s["name"] not in _SAFE_SYSCTLS]
    return f"forbidden sysctls ({', '.join(used)})" if used else ""


def host_process(_metadata: Tree, spec: Tree) -> str:
    setters, _ = setters_of(spec, lambda c: deep(c, "windowsOptions", "hostProcess"), {True})
    what = f"{joined(setters)} must not set securityContext.windowsOptions.hostProcess=true"
    return f"hostProcess ({what})" if setters else ""


BASELINE: Final[tuple[Rule, ...]] = (
    apparmor,
    capabilities,
    host_namespaces,
    host_path,
    host_ports,
    host_probes,
    privileged,
    proc_mount,
    selinux,
    seccomp,
    sysctls,
    host_process,
)
