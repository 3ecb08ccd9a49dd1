"""Ports of port-forward: `8080:80`, `:http`, `80`; and what a service's port is inside its pods.

    >>> parse_port("8080:80")
    ('8080', '80')

Source: kubectl `port-forward` (which forms there are, error texts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from navarch.cli.errors import CliError

if TYPE_CHECKING:
    from navarch.schema.types import Tree


class Forward(NamedTuple):
    """A local port (0: any free one) and the pod's port behind it."""

    local: int
    remote: int


def parse_port(text: str) -> tuple[str, str]:
    """Local and remote part; a local part that is left out is the remote one. Raises: CliError."""
    local, colon, remote = text.partition(":")
    if not colon:
        return local, local
    if not remote or ":" in remote:
        raise CliError(f"invalid port format '{text}'")
    return local or "0", remote


def forwards(texts: list[str], pod: Tree, service: Tree | None) -> list[Forward]:
    """Raises: CliError for ports that do not exist."""
    found = []
    for text in texts:
        local, remote = parse_port(text)
        asked = _number(remote) if remote.isdigit() else None
        port = _pod_port(pod, remote) if service is None else _service_port(service, pod, remote)
        if local == remote and asked is None:
            local = str(port)
        found.append(Forward(_number(local) if local != "0" else 0, port))
    return found


def _number(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CliError(f'error parsing local port "{text}": it is no number from 1 to 65535')
    return int(text)


def _pod_port(pod: Tree, port: str | int) -> int:
    if isinstance(port, int) or port.isdigit():
        return _number(str(port))
    spec = pod["spec"]
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        for each in container.get("ports") or []:
            if each.get("name") == port:
                return int(each["containerPort"])
    raise CliError(f"Pod '{pod['metadata']['name']}' does not have a named port '{port}'")


def _service_port(service: Tree, pod: Tree, port: str) -> int:
    spec, name = service["spec"], service["metadata"]["name"]
    for each in spec.get("ports") or []:
        if port in (each.get("name"), str(each["port"])):
            if spec.get("clusterIP") == "None" and not isinstance(each.get("targetPort"), str):
                return int(each.get("targetPort") or each["port"])
            return _pod_port(pod, each.get("targetPort") or each["port"])
    what = f"have a service port {port}" if port.isdigit() else f"have a named port '{port}'"
    raise CliError(f"Service '{name}' does not {what}" if not port.isdigit() else f"Service {name} does not {what}")
