"""Where the requests that the API server passes on go to: kubelets, pods, what is behind a Service. Pure.

target_of("https:web:8443")  ->  Target("https", "web", "8443")
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from navarch.base.errors import StatusError, bad_request, service_unavailable
from navarch.schema.types import Tree
from navarch.wire.messages import Request, Response

KUBELET_PORT: Final = 10250
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"

Handle = Callable[[Request], Awaitable[Response]]


def nobody(_node: str, _path: str) -> Handle | None:
    return None


@dataclass(frozen=True, slots=True)
class KubeletAccess:
    """`tls` carries the API server's client certificate. `local(node, path)` is who answers in this very
    process instead of the node's kubelet."""

    tls: ssl.SSLContext | None = None
    local: Callable[[str, str], Handle | None] = nobody


@dataclass(frozen=True, slots=True)
class Target:
    """The name of a proxy subresource taken apart: `[scheme:]name[:port]`."""

    scheme: str
    name: str
    port: str


def target_of(name: str, kind: str) -> Target:
    """Raises: StatusError 400 for a name of another form."""
    match name.split(":"):
        case [plain]:
            return Target("", plain, "")
        case [plain, port]:
            return Target("", plain, port)
        case [("http" | "https" | "") as scheme, plain, port]:
            return Target(scheme, plain, port)
    raise bad_request(f'invalid {kind} request "{name}"')


def kubelet_address(node: Tree) -> tuple[str, int]:
    """Host and port of a node's kubelet. Raises: StatusError 503 while the node has no address."""
    status = node.get("status", {})
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port") or KUBELET_PORT
    by_type = {a.get("type"): a.get("address") for a in status.get("addresses", ())}
    for wanted in ("InternalIP", "ExternalIP", "Hostname"):
        if address := by_type.get(wanted):
            return str(address), int(port)
    raise service_unavailable(f"no preferred addresses found; known addresses: {sorted(map(str, by_type))}")


def container_of(pod: Tree, asked: str) -> str:
    """The container that a log, exec or attach is about. Raises: StatusError 400."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    ordinary = [c["name"] for c in spec["containers"]]
    initial = [c["name"] for c in spec.get("initContainers", ())]
    ephemeral = [c["name"] for c in spec.get("ephemeralContainers", ())]
    if asked:
        if asked in (*ordinary, *initial, *ephemeral):
            return asked
        raise bad_request(f"container {asked} is not valid for pod {name}")
    chosen = pod["metadata"].get("annotations", {}).get(DEFAULT_CONTAINER, "")
    if chosen in ordinary:
        return str(chosen)
    if len(ordinary) == 1:
        return str(ordinary[0])
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(ordinary)}]"
    if initial:
        text += f" or one of the init containers: [{' '.join(initial)}]"
    raise bad_request(text)


def node_of(pod: Tree) -> str:
    """The node that a pod runs on. Raises: StatusError 400."""
    node: str = pod["spec"].get("nodeName", "")
    if not node:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    return node


def pod_address(pod: Tree, target: Target) -> tuple[str, int]:
    """Where a proxied request to a pod goes: its first port unless one is named. Raises: StatusError."""
    address: str = pod.get("status", {}).get("podIP", "")
    if not address:
        raise bad_request("address not allowed")
    ports = [port for c in pod["spec"]["containers"] for port in c.get("ports", ())]
    if target.port.isdigit():
        return address, int(target.port)
    for port in ports:
        if not target.port or port.get("name") == target.port:
            return address, int(port["containerPort"])
    if target.port:
        raise bad_request(f'pod {target.name} has no port "{target.port}"')
    return address, 443 if target.scheme == "https" else 80


def service_addresses(service: Tree, slices: Iterable[Tree], target: Target) -> list[tuple[str, int]]:
    """Every ready endpoint behind the named port. Raises: StatusError 503 when there is none."""
    ports = service["spec"].get("ports", ())
    chosen = next((p for p in ports if target.port in (p.get("name", ""), str(p["port"]))), None)
    if chosen is None and not target.port and len(ports) == 1:
        chosen = ports[0]
    if chosen is None and target.port.isdigit():
        raise service_unavailable(f'no service port {target.port} found for service "{target.name}"')
    if chosen is None:
        raise service_unavailable(f'no endpoints available for service "{target.name}"')
    found = []
    for each in slices:
        number = next((p["port"] for p in each.get("ports") or () if p.get("name", "") == chosen.get("name", "")), None)
        if number is None:
            continue
        ready = (e for e in each.get("endpoints") or () if e.get("conditions", {}).get("ready", True))
        found += [(str(e["addresses"][0]), int(number)) for e in ready]
    if not found:
        raise service_unavailable(f'no endpoints available for service "{target.name}"')
    return sorted(found)


def backend_error(status: int, text: str, plural: str, name: str) -> StatusError:
    """What a kubelet's refusal becomes in the API's answer."""
    if status == 400:
        return bad_request(text)
    if status == 404:
        return StatusError(404, "NotFound", f"the server could not find the requested resource ( {plural} {name})")
    return StatusError(status, "InternalError" if status >= 500 else "Unknown", text)
