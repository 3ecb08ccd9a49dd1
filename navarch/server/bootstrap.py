"""What every cluster holds from its first moment: namespaces, priority classes, the `kubernetes`
Service, the RBAC policy, flow control and the service address range.

Everything goes through the ordinary write path, as the user of the API server itself. A start on a
store that has it all writes nothing.

Source: the objects of a fresh Kubernetes 1.36.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_network
from typing import Any, Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import routine
from navarch.server.app import ApiServer
from navarch.server.authz.bootstrap_policy import bootstrap_objects, reconcile
from navarch.server.authz.own_policy import own_objects
from navarch.server.identity_lease import IdentityLease
from navarch.server.own_calls import call, check, ensure, put
from navarch.server.stages import Stage
from navarch.store.contract import StoreError

log = logging.getLogger(__name__)

#: Who owns the fields of flow control's objects.
_FLOW_CONTROL_MANAGER = "api-priority-and-fairness-config-producer-v1"

_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
_SYSTEM = "/api/v1/namespaces/kube-system"

#: How long what is missing may be missing. Source: the period of kube-apiserver's reconciler of its Service.
KEEP_UP_S: Final = 10.0

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


async def bootstrap(server: ApiServer, config: BootstrapConfig, identity: IdentityLease | None = None) -> None:
    """Write what is missing, and let the server go on with its own work. A server with an `identity` shows it,
    and the caller keeps it.

    Raises: StatusError if the store refuses.
    """
    server.resume()
    reach = server.pages.progress.reach
    await _together(ensure(server, *wanted) for wanted in _namespaces())
    reach(Stage.NAMESPACES)
    once = ((_CLASSES, wanted) for wanted in _priority_classes())
    lasting = _lasting_objects(config, server.seams.clock.now())
    await _together(ensure(server, *wanted) for wanted in (*once, *lasting))
    await _apply_readiness(server)
    reach(Stage.OBJECTS)
    measured = server.resources.find("metrics.k8s.io", "v1beta1", "pods") is not None
    objects = (*bootstrap_objects(), *own_objects(measured=measured))
    await _together(_ensure_policy(server, wanted) for wanted in objects)
    reach(Stage.POLICY)
    await server.aggregator.register_all()
    reach(Stage.REGISTERED)
    if config.address:
        await publish_endpoints(server, [config.address], config.port)
    if identity is not None:
        await identity.renew()
    reach(Stage.PUBLISHED)


async def keep_up(server: ApiServer, config: BootstrapConfig) -> None:
    """Bring back, until cancelled, what every cluster holds and somebody took away: namespaces, flow control, the
    range of cluster IPs, the `kubernetes` Service and, given an address, its endpoints."""
    while True:
        with routine():
            await asyncio.sleep(KEEP_UP_S)
        try:
            for path, wanted in (*_namespaces(), *_lasting_objects(config, server.seams.clock.now())):
                await ensure(server, path, wanted)
            await _apply_readiness(server)
            if config.address:
                await publish_endpoints(server, [config.address], config.port)
        except (StatusError, StoreError) as error:
            # Deleted things may take their time to go.
            log.warning("not brought back, again in %s s: %s", KEEP_UP_S, error)


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


def _namespaces() -> Iterator[tuple[str, Tree]]:
    for name in NAMESPACES:
        yield "/api/v1/namespaces", {"metadata": {"name": name}}


def _priority_classes() -> Iterator[Tree]:
    for name, value, description in PRIORITY_CLASSES:
        yield {"metadata": {"name": name}, "value": value, "description": description}


def _lasting_objects(config: BootstrapConfig, now: float) -> Iterator[tuple[str, Tree]]:
    """(collection path, object) of what has to be there as long as the server runs; needs the namespaces."""
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
        yield f"{_SYSTEM}/configmaps", _extension_authentication(config)
        tracking = {"metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking"}}
        yield f"{_SYSTEM}/configmaps", tracking | {"data": {"since": format_time(now)[:10]}}


async def _apply_readiness(server: ApiServer) -> None:
    """The first range of cluster IPs is in use from now on, whether or not controllers run."""
    path = "/apis/networking.k8s.io/v1/servicecidrs/kubernetes"
    found = orjson.loads((await call(server, "GET", path)).body)
    if any(c["type"] == "Ready" for c in (found.get("status") or {}).get("conditions", ())):
        return
    ready = {
        "type": "Ready",
        "status": "True",
        "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": format_time(server.seams.clock.now()),
    }
    applied = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "status": {"conditions": [ready]},
    }
    query = "fieldManager=kubernetes-service-cidr-controller&force=true"
    check(await call(server, "PATCH", f"{path}/status?{query}", applied))


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


async def publish_endpoints(server: ApiServer, addresses: Sequence[str], port: int) -> None:
    """Endpoints and EndpointSlice of the `kubernetes` Service point at servers at these addresses, of one family.

    Raises: StatusError, also when another server wrote in between.
    """
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    ready = {"ready": True}
    await put(
        server,
        slices,
        {
            "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv6" if ":" in addresses[0] else "IPv4",
            "endpoints": [{"addresses": [address], "conditions": ready} for address in addresses],
            "ports": [{"name": "https", "protocol": "TCP", "port": port}],
        },
    )
    subset = {
        "addresses": [{"ip": address} for address in addresses],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    endpoints = {"metadata": {"name": "kubernetes", "labels": labels}, "subsets": [subset]}
    await put(server, "/api/v1/namespaces/default/endpoints", endpoints)


async def _ensure_policy(server: ApiServer, wanted: Tree) -> None:
    try:
        await _write_policy(server, wanted)
    except StatusError as error:
        if error.code not in (404, 409):
            raise
        # Another server begins on the same store: what it wrote is looked at.
        await _write_policy(server, wanted)


async def _write_policy(server: ApiServer, wanted: Tree) -> None:
    metadata = wanted["metadata"]
    base = "/apis/rbac.authorization.k8s.io/v1"
    if namespace := metadata.get("namespace"):
        base += f"/namespaces/{namespace}"
    path = f"{base}/{wanted['kind'].lower()}s"
    response = await call(server, "GET", f"{path}/{metadata['name']}")
    existing: Tree | None = orjson.loads(response.body) if response.status == 200 else None
    write = reconcile(wanted, existing)
    if write is None:
        return
    if existing is None:
        rules = write.pop("rules") if "aggregationRule" in write else None
        check(await call(server, "POST", path, write))
        if rules:
            # Without controllers, too, such a role means something; where there are any, it is theirs.
            query = "fieldManager=clusterrole-aggregation-controller&force=true"
            applied = {"apiVersion": write["apiVersion"], "kind": write["kind"], "metadata": {"name": metadata["name"]}}
            check(await call(server, "PATCH", f"{path}/{metadata['name']}?{query}", {**applied, "rules": rules}))
    elif write.get("roleRef") != existing.get("roleRef"):
        # A roleRef cannot be changed in place.
        write["metadata"].pop("resourceVersion", None)
        check(await call(server, "DELETE", f"{path}/{metadata['name']}"))
        check(await call(server, "POST", path, write))
    else:
        check(await call(server, "PUT", f"{path}/{metadata['name']}", write))
