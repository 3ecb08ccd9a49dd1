"""The mirroring controller: Endpoints that somebody wrote for a Service without selector appear as slices. Pure.

One slice for each set of ports and family of addresses, owned by the Endpoints object.

Source: Kubernetes' endpoint slice mirroring controller (labels, exceptions, at most 1000 addresses a subset).
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_address
from typing import Final

from navarch.api.views.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from navarch.api.views.service import EndpointAddress, Endpoints
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.control import managed_slices
from navarch.control.intents import DONE, Create, Intent, Patch, Plan
from navarch.control.managed_slices import MANAGED_BY, SERVICE_NAME, delete, keys_of_service, slices_of
from navarch.control.pods import owner_reference
from navarch.control.sources import ENDPOINTS, ENDPOINTSLICES, SERVICES
from navarch.control.world import Controller, Watch, World, same_key

MANAGER: Final = "endpointslicemirroring-controller.k8s.io"
SKIP: Final = "endpointslice.kubernetes.io/skip-mirror"
#: An Endpoints object that serves as a lock is no set of addresses.
LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
#: Notes about the Endpoints object itself.
NOT_MIRRORED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "endpoints.kubernetes.io/last-change-trigger-time",
)
MAX_ADDRESSES: Final = 1000

#: What tells the slices of one Endpoints object apart.
Shape = tuple[str, tuple[EndpointPort, ...]]


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    slices = slices_of(world, key, MANAGER)
    endpoints = world[ENDPOINTS].get(key)
    if endpoints is None or not _is_mirrored(world, endpoints):
        return Plan(tuple(delete(s) for s in slices)) if slices else DONE
    wanted = _wanted(endpoints)
    intents: list[Intent] = []
    for known in slices:
        content = wanted.pop((known.addressType, known.ports), None)
        if content is None:
            intents.append(delete(known))
        elif not _is_same(known, endpoints, content):
            intents.append(_change(known, endpoints, content))
    intents += [_create(endpoints, shape, content) for shape, content in wanted.items()]
    return Plan(tuple(intents)) if intents else DONE


def _is_mirrored(world: World, endpoints: Endpoints) -> bool:
    metadata = endpoints.metadata
    if metadata.deletionTimestamp is not None or LEADER in metadata.annotations or metadata.labels.get(SKIP) == "true":
        return False
    service = world[SERVICES].get(key_of(endpoints))
    return service is not None and not service.spec.selector and service.metadata.deletionTimestamp is None


def _wanted(endpoints: Endpoints) -> dict[Shape, tuple[Endpoint, ...]]:
    found: dict[Shape, list[Endpoint]] = defaultdict(list)
    for subset in endpoints.subsets:
        ports = tuple(
            EndpointPort(appProtocol=p.appProtocol, name=p.name, port=p.port, protocol=p.protocol) for p in subset.ports
        )
        both = ((True, subset.addresses), (False, subset.notReadyAddresses))
        marked = [(ready, address) for ready, addresses in both for address in addresses]
        for ready, address in marked[:MAX_ADDRESSES]:
            family = f"IPv{ip_address(address.ip).version}"
            found[family, ports].append(_endpoint(address, ready=ready))
    return {shape: tuple(content) for shape, content in found.items()}


def _endpoint(address: EndpointAddress, *, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,),
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        nodeName=address.nodeName,
        targetRef=address.targetRef,
    )


def _labels(endpoints: Endpoints) -> dict[str, str]:
    return {**endpoints.metadata.labels, SERVICE_NAME: endpoints.metadata.name, MANAGED_BY: MANAGER}


def _annotations(endpoints: Endpoints) -> dict[str, str]:
    return {k: v for k, v in endpoints.metadata.annotations.items() if k not in NOT_MIRRORED}


def _is_same(known: EndpointSlice, endpoints: Endpoints, content: tuple[Endpoint, ...]) -> bool:
    metadata = known.metadata
    notes = (_labels(endpoints), _annotations(endpoints))
    return known.endpoints == content and (metadata.labels, metadata.annotations) == notes


def _create(endpoints: Endpoints, shape: Shape, content: tuple[Endpoint, ...]) -> Create:
    metadata = {
        "labels": _labels(endpoints),
        "annotations": _annotations(endpoints),
        "ownerReferences": [owner_reference(ENDPOINTS.resource, endpoints)],
    }
    return managed_slices.create(key_of(endpoints), metadata, *shape, content)


def _change(known: EndpointSlice, endpoints: Endpoints, content: tuple[Endpoint, ...]) -> Patch:
    metadata = {
        "labels": {**dict.fromkeys(known.metadata.labels), **_labels(endpoints)},
        "annotations": {**dict.fromkeys(known.metadata.annotations), **_annotations(endpoints)},
    }
    return managed_slices.change(known, metadata, content)


CONTROLLER = Controller(
    "endpointslicemirroring-controller",
    (Watch(ENDPOINTS, same_key), Watch(SERVICES, same_key), Watch(ENDPOINTSLICES, keys_of_service(MANAGER))),
    reconcile,
)
