"""What every cluster holds from its first moment: namespaces, priority classes, the `kubernetes`
Service, the RBAC policy, flow control and the service address range.

Everything goes through the ordinary write path, as the user of the API server itself. A start on a
store that has it all writes nothing.

Source: the objects of a fresh Kubernetes 1.36.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_network
from typing import Any

import orjson

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.server.app import ApiServer
from navarch.server.authz.bootstrap_policy import bootstrap_objects, reconcile
from navarch.server.own_writes import API_SERVER
from navarch.wire.messages import Request, Response

#: The identity of the API server towards itself.
_AGENT = {"user-agent": "kube-apiserver", "content-type": "application/json"}

#: Who owns the fields of flow control's objects.
_FLOW_CONTROL_MANAGER = "api-priority-and-fairness-config-producer-v1"

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

#: (name, value, description) of the classes that are always there.
PRIORITY_CLASSES = (
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)


@dataclass(frozen=True, slots=True)
class BootstrapConfig:
    """`address` and `port` are where pods reach this server behind the `kubernetes` Service; without an
    address the Service has no endpoints. CA texts are PEM; empty ones are not published."""

    service_cidrs: Sequence[str] = ("10.96.0.0/16",)
    address: str = ""
    port: int = 6443
    client_ca: str = ""
    front_proxy_ca: str = ""


async def bootstrap(server: ApiServer, config: BootstrapConfig) -> None:
    """Write what is missing, and let the server go on with its own work.

    Raises: StatusError if the store refuses.
    """
    server.resume()
    namespaces = [{"metadata": {"name": name}} for name in NAMESPACES]
    await _together(_ensure(server, "/api/v1/namespaces", wanted) for wanted in namespaces)
    await _together(_ensure(server, path, wanted) for path, wanted in _objects(config))
    await _together(_ensure_policy(server, wanted) for wanted in bootstrap_objects())
    await server.aggregator.register_all()
    if config.address:
        await _publish_endpoints(server, config)


async def _together(writes: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at once, so that the store makes them durable together. Raises: the first error."""
    try:
        async with asyncio.TaskGroup() as group:
            for write in writes:
                group.create_task(write)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors


def service_ip(config: BootstrapConfig) -> str:
    """The cluster IP of the `kubernetes` Service: the first address of the first range."""
    return str(ip_network(config.service_cidrs[0])[1])


def _objects(config: BootstrapConfig) -> Iterator[tuple[str, Tree]]:
    """(collection path, object) of everything that needs nothing but the namespaces."""
    for name, value, description in PRIORITY_CLASSES:
        tree = {"metadata": {"name": name}, "value": value, "description": description}
        yield "/apis/scheduling.k8s.io/v1/priorityclasses", tree
    yield (
        "/apis/networking.k8s.io/v1/servicecidrs",
        {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": list(config.service_cidrs)}},
    )
    yield "/api/v1/namespaces/default/services", _kubernetes_service(config)
    flow_control = orjson.loads(files("navarch.server").joinpath("bootstrap_flowcontrol.json").read_bytes())
    for kind, plural in (("PriorityLevelConfiguration", "prioritylevelconfigurations"), ("FlowSchema", "flowschemas")):
        for facts in flow_control[kind]:
            metadata = {"name": facts["name"], "annotations": facts["annotations"]}
            path = f"/apis/flowcontrol.apiserver.k8s.io/v1/{plural}?fieldManager={_FLOW_CONTROL_MANAGER}"
            yield path, {"metadata": metadata, "spec": facts["spec"]}
    if config.client_ca:
        yield "/api/v1/namespaces/kube-system/configmaps", _extension_authentication(config)


def _kubernetes_service(config: BootstrapConfig) -> Tree:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "targetPort": config.port}
    return {
        "metadata": {"name": "kubernetes", "labels": labels},
        "spec": {"clusterIP": service_ip(config), "ipFamilyPolicy": "SingleStack", "ports": [port]},
    }


def _extension_authentication(config: BootstrapConfig) -> Tree:
    """How extension API servers recognise users and the front proxy."""
    data = {"client-ca-file": config.client_ca}
    if config.front_proxy_ca:
        data |= {
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-client-ca-file": config.front_proxy_ca,
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-username-headers": '["X-Remote-User"]',
        }
    return {"metadata": {"name": "extension-apiserver-authentication"}, "data": data}


async def _publish_endpoints(server: ApiServer, config: BootstrapConfig) -> None:
    """Endpoints and EndpointSlice of the `kubernetes` Service point at this server."""
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    await _put(
        server,
        slices,
        {
            "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv6" if ":" in config.address else "IPv4",
            "endpoints": [{"addresses": [config.address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "protocol": "TCP", "port": config.port}],
        },
    )
    subset = {
        "addresses": [{"ip": config.address}],
        "ports": [{"name": "https", "port": config.port, "protocol": "TCP"}],
    }
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    endpoints = {"metadata": {"name": "kubernetes", "labels": labels}, "subsets": [subset]}
    await _put(server, "/api/v1/namespaces/default/endpoints", endpoints)


async def _ensure(server: ApiServer, path: str, wanted: Tree) -> None:
    """Create the object unless it exists; what an administrator made of it stays."""
    response = await _call(server, "GET", f"{path.partition('?')[0]}/{wanted['metadata']['name']}")
    if response.status == 404:
        _check(await _call(server, "POST", path, wanted))


async def _ensure_policy(server: ApiServer, wanted: Tree) -> None:
    metadata = wanted["metadata"]
    base = "/apis/rbac.authorization.k8s.io/v1"
    if namespace := metadata.get("namespace"):
        base += f"/namespaces/{namespace}"
    path = f"{base}/{wanted['kind'].lower()}s"
    response = await _call(server, "GET", f"{path}/{metadata['name']}")
    existing: Tree | None = orjson.loads(response.body) if response.status == 200 else None
    write = reconcile(wanted, existing)
    if write is None:
        return
    if existing is None:
        _check(await _call(server, "POST", path, write))
    elif write.get("roleRef") != existing.get("roleRef"):
        # A roleRef cannot be changed in place.
        write["metadata"].pop("resourceVersion", None)
        _check(await _call(server, "DELETE", f"{path}/{metadata['name']}"))
        _check(await _call(server, "POST", path, write))
    else:
        _check(await _call(server, "PUT", f"{path}/{metadata['name']}", write))


async def _put(server: ApiServer, path: str, wanted: Tree) -> None:
    name = wanted["metadata"]["name"]
    response = await _call(server, "GET", f"{path}/{name}")
    if response.status == 404:
        _check(await _call(server, "POST", path, wanted))
    else:
        _check(await _call(server, "PUT", f"{path}/{name}", wanted))


async def _call(server: ApiServer, method: str, path: str, tree: Tree | None = None) -> Response:
    body = orjson.dumps(tree) if tree is not None else b""
    path, _, query = path.partition("?")
    return await server.handle_as(Request(method, path, query, headers=dict(_AGENT), body=body, user=API_SERVER))


def _check(response: Response) -> None:
    if response.status >= 400:
        status = orjson.loads(response.body)
        raise StatusError(response.status, status.get("reason", ""), f"bootstrap: {status.get('message')}")
