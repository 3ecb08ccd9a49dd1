"""Containers, their states and their volumes, as in pods and pod templates."""

from __future__ import annotations

from typing import Any

from navarch.cli.output.describe.context import Lines, rfc1123, yes
from navarch.schema.types import Tree


def containers(out: Lines, title: str, specs: list[Tree], statuses: list[Tree], indent: str, pod: Tree | None) -> None:
    """A heading and each container. `indent` is put before every line: pods have none, templates a blank."""
    by_name = {status["name"]: status for status in statuses}
    out.put(0, f"{indent}{title}:\n")
    for spec in specs:
        status = by_name.get(spec["name"])
        out.put(0, f"{indent}  {spec['name']}:\n" if not indent else f"   {spec['name']}:\n")
        _container(out, spec, status, pod)


def _container(out: Lines, spec: Tree, status: Tree | None, pod: Tree | None) -> None:
    if status and status.get("containerID"):
        out.line(2, "Container ID:", status["containerID"])
    out.line(2, "Image:", spec.get("image", ""))
    if status and status.get("containerID"):
        out.line(2, "Image ID:", status.get("imageID", ""))
    _ports(out, spec.get("ports") or [])
    for title, key in (("Command", "command"), ("Args", "args")):
        if spec.get(key):
            out.line(2, f"{title}:")
            for word in spec[key]:
                for part in word.split("\n"):
                    out.line(3, part)
    if status:
        _states(out, status)
    _resources(out, spec.get("resources") or {})
    for title, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if spec.get(key):
            out.line(2, f"{title}:", probe_text(spec[key]))
    _environment(out, spec, pod)
    _mounts(out, spec)


def _ports(out: Lines, ports: list[Tree]) -> None:
    title = "Ports:" if len(ports) > 1 else "Port:"
    shown = ", ".join(_port(port, port["containerPort"]) for port in ports)
    out.line(2, title, shown or "<none>")
    host = ", ".join(_port(port, port.get("hostPort", 0)) for port in ports)
    out.line(2, f"Host {title}", host or "<none>")


def _port(port: Tree, number: int) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    return f"{number}/{port.get('protocol', 'TCP')}{name}"


def _states(out: Lines, status: Tree) -> None:
    _state(out, "State", status.get("state") or {})
    if (status.get("lastState") or {}).get("terminated"):
        _state(out, "Last State", status["lastState"])
    out.line(2, "Ready:", "True" if status.get("ready") else "False")
    out.line(2, "Restart Count:", status.get("restartCount", 0))


def _state(out: Lines, title: str, state: Tree) -> None:
    if running := state.get("running"):
        out.line(2, f"{title}:", "Running")
        out.line(3, "Started:", rfc1123(running.get("startedAt")))
    elif terminated := state.get("terminated"):
        out.line(2, f"{title}:", "Terminated")
        for heading, key in (("Reason", "reason"), ("Message", "message")):
            if terminated.get(key):
                out.line(3, f"{heading}:", terminated[key])
        out.line(3, "Exit Code:", terminated.get("exitCode", 0))
        if terminated.get("signal"):
            out.line(3, "Signal:", terminated["signal"])
        out.line(3, "Started:", rfc1123(terminated.get("startedAt")))
        out.line(3, "Finished:", rfc1123(terminated.get("finishedAt")))
    else:
        out.line(2, f"{title}:", "Waiting")
        if (state.get("waiting") or {}).get("reason"):
            out.line(3, "Reason:", state["waiting"]["reason"])


def _resources(out: Lines, resources: Tree) -> None:
    for title, key in (("Limits", "limits"), ("Requests", "requests")):
        amounts: dict[str, str] = resources.get(key) or {}
        if amounts:
            out.line(2, f"{title}:")
            for name in sorted(amounts):
                out.line(3, f"{name}:", amounts[name])


def probe_text(probe: Tree) -> str:
    """`http-get http://:8080/ delay=0s timeout=1s period=10s #success=1 #failure=3`"""
    times = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 0)}s "
        f"period={probe.get('periodSeconds', 0)}s #success={probe.get('successThreshold', 0)} "
        f"#failure={probe.get('failureThreshold', 0)}"
    )
    return f"{_probe_action(probe)} {times}"


def _probe_action(probe: Tree) -> str:
    if command := probe.get("exec"):
        return f"exec [{' '.join(command.get('command') or [])}]"
    if get := probe.get("httpGet"):
        path = get.get("path", "")
        path = path if not path or path.startswith("/") else "/" + path
        return f"http-get {get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get.get('port', '')}{path}"
    if tcp := probe.get("tcpSocket"):
        return f"tcp-socket {tcp.get('host', '')}:{tcp.get('port', '')}"
    if grpc := probe.get("grpc"):
        return f"grpc <pod>:{grpc.get('port')} {grpc.get('service') or ''}"
    return "unknown"


def _environment(out: Lines, spec: Tree, pod: Tree | None) -> None:
    if sources := spec.get("envFrom"):
        out.line(2, "Environment Variables from:")
        for source in sources:
            kind, key = ("ConfigMap", "configMapRef") if source.get("configMapRef") else ("Secret", "secretRef")
            reference = source.get(key) or {}
            prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
            optional = yes(reference.get("optional"))
            out.line(3, reference.get("name", ""), f"{kind}{prefix}", f"Optional: {optional}")
    variables = spec.get("env") or []
    out.line(2, "Environment:", "<none>") if not variables else out.line(2, "Environment:")
    for variable in variables:
        source = variable.get("valueFrom")
        if source:
            out.line(3, f"{variable['name']}:", _value_from(source, pod))
            continue
        for i, part in enumerate((variable.get("value") or "").split("\n")):
            out.line(3, f"{variable['name']}:" if i == 0 else "", part)


def _value_from(source: Tree, pod: Tree | None) -> str:
    if field := source.get("fieldRef"):
        value = _field_of(pod, field["fieldPath"]) if pod else ""
        return f"{value} ({field.get('apiVersion', 'v1')}:{field['fieldPath']})"
    if resource := source.get("resourceFieldRef"):
        return f"{resource.get('divisor', '')} ({resource['resource']})".lstrip()
    if secret := source.get("secretKeyRef"):
        return (
            f"<set to the key '{secret['key']}' in secret '{secret['name']}'>  Optional: {yes(secret.get('optional'))}"
        )
    if config := source.get("configMapKeyRef"):
        return (
            f"<set to the key '{config['key']}' of config map '{config['name']}'>  "
            f"Optional: {yes(config.get('optional'))}"
        )
    return ""


def _field_of(pod: Tree, path: str) -> str:
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _mounts(out: Lines, spec: Tree) -> None:
    mounts = sorted(spec.get("volumeMounts") or [], key=lambda mount: mount["mountPath"])
    out.line(2, "Mounts:", "<none>") if not mounts else out.line(2, "Mounts:")
    for mount in mounts:
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        out.line(3, f"{mount['mountPath']} from {mount['name']} ({flags})")
    devices = spec.get("volumeDevices") or []
    if devices:
        out.line(2, "Devices:")
        for device in devices:
            out.line(3, f"{device['devicePath']} from {device['name']}")
