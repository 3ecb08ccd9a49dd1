"""The EndpointSlice controller: the addresses behind each Service, at most 100 to a slice. Pure.

Slices change as little as possible: an endpoint stays in the slice where it is, new ones fill up slices
that have room, and a slice is deleted when it is empty.

Source: Kubernetes' endpoint slice controller; discovery.k8s.io/v1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from navarch.api.views.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.control import endpoints_of, managed_slices
from navarch.control.endpoints_of import families, is_headless, is_selecting, ports_for, selected
from navarch.control.intents import DONE, Create, Intent, Patch, Plan
from navarch.control.managed_slices import MANAGED_BY, SERVICE_NAME, delete, keys_of_service, slices_of
from navarch.control.pods import is_ready, owner_reference
from navarch.control.sources import ENDPOINTSLICES, NODES, PODS, SERVICES
from navarch.control.world import Controller, Watch, World, same_key

MAX_ENDPOINTS: Final = 100
MANAGER: Final = "endpointslice-controller.k8s.io"
HEADLESS: Final = "service.kubernetes.io/headless"
#: When a node of a pod may have come.
LOOK_AGAIN_S: Final = 5.0
ZONE: Final = "topology.kubernetes.io/zone"

Ports = tuple[EndpointPort, ...]


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    service = world[SERVICES].get(key)
    if service is None or service.metadata.deletionTimestamp is not None or not is_selecting(service):
        return DONE
    mine = slices_of(world, key, MANAGER)
    every = selected(world, service)
    # A pod whose node is gone will go, too; one whose node is not known yet is looked at again.
    pods = [pod for pod in every if not pod.spec.nodeName or _node(world, pod) is not None]
    again = LOOK_AGAIN_S if len(pods) < len(every) else None
    intents: list[Intent] = []
    for family in families(service):
        intents += _family(world, service, family, pods, [s for s in mine if s.addressType == family])
    intents += [delete(s) for s in mine if s.addressType not in families(service)]
    return Plan(tuple(intents), requeue_after_s=again) if intents or again else DONE


def _node(world: World, pod: Pod) -> Node | None:
    return world[NODES].get(ObjectKey("", pod.spec.nodeName))


def _family(
    world: World, service: Service, family: str, pods: Sequence[Pod], slices: Sequence[EndpointSlice]
) -> Iterator[Intent]:
    wanted: dict[Ports, dict[str, Endpoint]] = defaultdict(dict)
    for pod in pods:
        for address in endpoints_of.addresses(pod, family)[:1]:
            wanted[ports_for(service, pod)][pod.metadata.uid] = _endpoint(world, service, pod, address)
    by_ports: dict[Ports, list[EndpointSlice]] = defaultdict(list)
    for endpoint_slice in slices:
        by_ports[endpoint_slice.ports].append(endpoint_slice)
    if not wanted:
        # One empty slice shows that the controller has seen the service.
        kept = slices[:1]
        wanted[kept[0].ports if kept else ()] = {}
        by_ports = defaultdict(list, {kept[0].ports: list(kept)} if kept else {})
        yield from (delete(s) for s in slices[1:])
    for ports, endpoints in wanted.items():
        yield from _fill(service, family, ports, endpoints, by_ports.pop(ports, []))
    for leftover in by_ports.values():
        yield from (delete(s) for s in leftover)


def _fill(
    service: Service, family: str, ports: Ports, wanted: dict[str, Endpoint], slices: Sequence[EndpointSlice]
) -> Iterator[Intent]:
    """Spread the endpoints of one set of ports over its slices."""
    rest = dict(wanted)
    contents: list[tuple[EndpointSlice, list[Endpoint]]] = []
    for endpoint_slice in slices:
        stays = []
        for old in endpoint_slice.endpoints:
            new = rest.pop(old.targetRef.uid, None) if old.targetRef is not None else None
            if new is not None:
                stays.append(new)
        contents.append((endpoint_slice, stays))
    fresh = list(rest.values())
    for _, endpoints in contents:
        room = MAX_ENDPOINTS - len(endpoints)
        endpoints += fresh[:room]
        fresh = fresh[room:]
    empty = 0
    labels = _labels(service)
    for endpoint_slice, endpoints in contents:
        if not endpoints:
            empty += 1
            if wanted or empty > 1:
                yield delete(endpoint_slice)
                continue
        if tuple(endpoints) != endpoint_slice.endpoints or labels != endpoint_slice.metadata.labels:
            yield _patch(endpoint_slice, labels, endpoints)
    for start in range(0, len(fresh), MAX_ENDPOINTS):
        yield _create(service, family, ports, fresh[start : start + MAX_ENDPOINTS])
    if not wanted and not slices:
        yield _create(service, family, ports, ())


def _endpoint(world: World, service: Service, pod: Pod, address: str) -> Endpoint:
    serving = is_ready(pod)
    terminating = pod.metadata.deletionTimestamp is not None
    ready = bool(service.spec.publishNotReadyAddresses) or (serving and not terminating)
    node = _node(world, pod)
    zone = node.metadata.labels.get(ZONE, "") if node is not None else ""
    return Endpoint(
        addresses=(address,),
        conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hints=_hints(service.spec.trafficDistribution, zone, pod.spec.nodeName),
        hostname=endpoints_of.hostname(service, pod),
        nodeName=pod.spec.nodeName,
        targetRef=endpoints_of.pod_reference(pod),
        zone=zone,
    )


def _hints(distribution: str, zone: str, node: str) -> EndpointHints | None:
    zones = (ForZone(zone),) if zone else ()
    match distribution:
        case "PreferClose" | "PreferSameZone" if zones:
            return EndpointHints(forZones=zones)
        case "PreferSameNode":
            return EndpointHints(forNodes=(ForNode(node),), forZones=zones)
    return None


def _labels(service: Service) -> dict[str, str]:
    labels = {k: v for k, v in service.metadata.labels.items() if k != HEADLESS}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: service.metadata.name, MANAGED_BY: MANAGER}


def _create(service: Service, family: str, ports: Ports, endpoints: Sequence[Endpoint]) -> Create:
    metadata = {"labels": _labels(service), "ownerReferences": [owner_reference(SERVICES.resource, service)]}
    return managed_slices.create(key_of(service), metadata, family, ports, endpoints)


def _patch(known: EndpointSlice, labels: dict[str, str], endpoints: Sequence[Endpoint]) -> Patch:
    dropped = dict.fromkeys(k for k in known.metadata.labels if k not in labels)
    return managed_slices.change(known, {"labels": {**dropped, **labels}}, endpoints)


CONTROLLER = Controller(
    "endpointslice-controller",
    (Watch(SERVICES, same_key), Watch(PODS, endpoints_of.keys_of_pod), Watch(ENDPOINTSLICES, keys_of_service(MANAGER))),
    reconcile,
    reads=(NODES,),
)
