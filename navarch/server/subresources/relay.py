"""The subresources that somebody else answers: log, exec, attach, portforward of pods, and proxy.

The API server asks for admission of the connection, finds out where it goes, and passes it on: to the
node's kubelet with its own client certificate, or to the pod itself. What comes back goes to the client
as it comes; an upgraded connection is joined byte for byte and never looked into.

Source: the kubelet's paths (`server/server.go`); registry/core/pod/strategy.go for choices and messages.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from navarch.base.errors import not_found
from navarch.schema.types import Tree
from navarch.seams.contract import Rng
from navarch.server.admission.contract import CONNECT, Attributes, Chain, World
from navarch.server.objects import Handler
from navarch.server.reads import Reads
from navarch.server.served import Served
from navarch.server.subresources import backends
from navarch.server.subresources.backends import KubeletAccess, Target, target_of
from navarch.server.subresources.log_options import check_log_options
from navarch.wire.messages import Request, RequestInfo, Response, Sink
from navarch.wire.relay import Upstream, relay

SLICES: Final = "endpointslices.discovery.k8s.io"
SERVICE_NAME: Final = "kubernetes.io/service-name"
#: How the kubelet calls the streams of exec and attach.
_STREAMS: Final = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
_OPTIONS: Final = {
    "exec": "PodExecOptions",
    "attach": "PodAttachOptions",
    "portforward": "PodPortForwardOptions",
    "log": "PodLogOptions",
}
_SWITCHES: Final = frozenset({"stdin", "stdout", "stderr", "tty", "follow", "previous", "timestamps"})
_COUNTS: Final = frozenset({"tailLines", "sinceSeconds", "limitBytes"})
#: Credentials are for this server, not for whoever it asks.
_PRIVATE: Final = frozenset({"authorization"})
MAX_ERROR_BYTES: Final = 10 * 1024
MAX_ERROR_WAIT_S: Final = 10.0


#: Subresources whose answer is another's: nothing is negotiated.
RELAYED = frozenset({"log", "exec", "attach", "portforward", "proxy"})


def relay_handlers(
    world: World, chain: Chain, reads: Reads, rng: Rng, access: KubeletAccess
) -> dict[tuple[str, str], Handler]:
    """Handlers by (bucket, subresource)."""
    relays = Relays(world, chain, reads, rng, access)
    return {
        ("pods", "log"): relays.log,
        ("pods", "exec"): relays.stream,
        ("pods", "attach"): relays.stream,
        ("pods", "portforward"): relays.port_forward,
        ("pods", "proxy"): relays.proxy_pod,
        ("services", "proxy"): relays.proxy_service,
        ("nodes", "proxy"): relays.proxy_node,
    }


class Relays:
    """One method per subresource, each a Handler. Raises: StatusError."""

    def __init__(self, world: World, chain: Chain, reads: Reads, rng: Rng, access: KubeletAccess) -> None:
        self._world = world
        self._chain = chain
        self._reads = reads
        self._rng = rng
        self._access = access

    @cached_property
    def _unverified(self) -> ssl.SSLContext:
        """Whoever proxies to a pod by https vouches for it, as Kubernetes has it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    async def log(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        check_log_options(info.name, query)
        pod = self._object(info, served)
        container = backends.container_of(pod, query.pop("container", ""))
        if not pod["spec"].get("nodeName"):
            return Response(204)
        path = f"/containerLogs/{info.namespace}/{info.name}/{container}"
        answer = await self._ask_kubelet(request, backends.node_of(pod), path, urlencode(query))
        if answer.status >= 300:
            text = (await _collected(answer)).decode(errors="replace")
            raise backends.backend_error(answer.status, text, "pods", info.name)
        answer.content_type = "text/plain"
        return answer

    async def stream(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """exec and attach."""
        pod = self._object(info, served)
        await self._admit(request, info, served)
        asked = parse_qs(request.query, keep_blank_values=True)
        container = backends.container_of(pod, asked.get("container", [""])[0])
        wanted = [("command", word) for word in asked.get("command", ())]
        wanted += [(theirs, "1") for ours, theirs in _STREAMS.items() if asked.get(ours, [""])[0] in ("true", "1")]
        path = f"/{info.subresource}/{info.namespace}/{info.name}/{container}"
        return await self._ask_kubelet(request, backends.node_of(pod), path, urlencode(wanted))

    async def port_forward(self, request: Request, info: RequestInfo, served: Served) -> Response:
        pod = self._object(info, served)
        await self._admit(request, info, served)
        path = f"/portForward/{info.namespace}/{info.name}"
        return await self._ask_kubelet(request, backends.node_of(pod), path, request.query)

    async def proxy_pod(self, request: Request, info: RequestInfo, served: Served) -> Response:
        target = target_of(info.name, "pod")
        pod = self._object(info, served, target.name)
        await self._admit(request, info, served)
        return await self._pass_on(request, info, target, backends.pod_address(pod, target))

    async def proxy_service(self, request: Request, info: RequestInfo, served: Served) -> Response:
        target = target_of(info.name, "service")
        service = self._object(info, served, target.name)
        await self._admit(request, info, served)
        slices = [
            each
            for each in self._world.list(SLICES, info.namespace)
            if each["metadata"].get("labels", {}).get(SERVICE_NAME) == target.name
        ]
        addresses = backends.service_addresses(service, slices, target)
        return await self._pass_on(request, info, target, addresses[self._rng.below(len(addresses))])

    async def proxy_node(self, request: Request, info: RequestInfo, served: Served) -> Response:
        target = target_of(info.name, "node")
        node = self._object(info, served, target.name)
        await self._admit(request, info, served)
        if not target.port:
            return await self._ask_kubelet(request, target.name, info.tail or "/", request.query)
        host, port = backends.kubelet_address(node)
        if target.port == str(port):
            return await self._ask_kubelet(request, target.name, info.tail or "/", request.query)
        return await self._pass_on(request, info, target, (host, int(target.port)))

    # --- what they share

    def _object(self, info: RequestInfo, served: Served, name: str = "") -> Tree:
        return served.tree(self._reads.find(served, info.namespace, name or info.name).value)

    async def _admit(self, request: Request, info: RequestInfo, served: Served) -> None:
        options = connect_options(served.kind.kind, info, request.query)
        attributes = Attributes(
            CONNECT,
            served,
            info.namespace,
            info.name,
            info.subresource,
            options,
            None,
            request.user,
            warnings=request.warnings,
            annotations=request.annotations,
        )
        await self._chain.admit(attributes)
        await self._chain.validate(attributes)

    async def _ask_kubelet(self, request: Request, node: str, path: str, query: str) -> Response:
        local = self._access.local(node, path)
        headers = _public(request.headers)
        if local is not None:
            return await local(
                Request(request.method, path, query, headers, request.body, can_upgrade=request.can_upgrade)
            )
        found = self._world.get("nodes", "", node)
        if found is None:
            raise not_found("nodes", node)
        host, port = backends.kubelet_address(found)
        return await relay(request, Upstream(host, port, self._access.tls), _target(path, query), headers)

    async def _pass_on(self, request: Request, info: RequestInfo, target: Target, address: tuple[str, int]) -> Response:
        if not info.tail and request.method in ("GET", "HEAD"):
            # Relative links of a page work only below a path that ends with a slash.
            query = f"?{request.query}" if request.query else ""
            return Response(301, headers=[("Location", f"{request.path}/{query}")])
        tls = self._unverified if target.scheme == "https" else None
        headers = _public(request.headers) | {"x-forwarded-uri": request.path}
        return await relay(request, Upstream(*address, tls), _target(info.tail or "/", request.query), headers)


def connect_options(kind: str, info: RequestInfo, query: str) -> Tree:
    """What admission is shown of a connection to an object of a kind: its options, in their types."""
    asked = parse_qs(query)
    name = _OPTIONS.get(info.subresource, f"{kind}ProxyOptions")
    tree: Tree = {"kind": name, "apiVersion": "v1"}
    if info.subresource == "proxy":
        return tree | ({"path": info.tail} if info.tail else {})
    for key, values in asked.items():
        if key == "command":
            tree[key] = values
        elif key == "ports":
            tree[key] = [int(port) for value in values for port in value.split(",") if port.isdecimal()]
        elif key in _SWITCHES:
            tree[key] = values[0] in ("true", "1", "")
        elif key in _COUNTS and values[0].isdecimal():
            tree[key] = int(values[0])
        else:
            tree[key] = values[0]
    return tree


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _PRIVATE}


def _target(path: str, query: str) -> str:
    return quote(path, safe="/:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")


async def _collected(answer: Response) -> bytes:
    """The body of a short answer, whether or not it is a stream."""
    if answer.stream is None:
        return answer.body
    sink = _Collector()
    answer.stream.start(sink)
    try:
        async with asyncio.timeout(MAX_ERROR_WAIT_S):
            await sink.closed.wait()
    except TimeoutError:
        pass
    answer.stream.stop()
    return b"".join(sink.pieces)[:MAX_ERROR_BYTES]


class _Collector(Sink):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def buffered(self) -> int:
        return 0

    def close(self) -> None:
        self.closed.set()
