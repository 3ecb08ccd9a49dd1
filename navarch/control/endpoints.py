"""The Endpoints controller: the older form of a Service's addresses, one object per Service. Pure.

Source: core/v1 Endpoints; at most 1000 addresses, then truncated and annotated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from navarch.api.views import discovery
from navarch.api.views.pod import Pod
from navarch.api.views.service import EndpointAddress, EndpointPort, EndpointSubset, Service
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.control import endpoints_of
from navarch.control.endpoints_of import families, is_headless, is_selecting, ports_for, selected
from navarch.control.intents import DONE, Create, Delete, Patch, Plan
from navarch.control.pods import is_ready
from navarch.control.sources import ENDPOINTS, PODS, SERVICES
from navarch.control.views import to_tree
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

MAX_ADDRESSES: Final = 1000
OVER_CAPACITY: Final = "endpoints.kubernetes.io/over-capacity"
HEADLESS: Final = "service.kubernetes.io/headless"
MANAGED_BY: Final = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    service, known = world[SERVICES].get(key), world[ENDPOINTS].get(key)
    if service is None:
        managed = known is not None and MANAGED_BY.items() <= known.metadata.labels.items()
        if known is None or not managed:
            return DONE
        return Plan((Delete(ENDPOINTS.resource, key, known.metadata.uid),))
    if service.metadata.deletionTimestamp is not None or not is_selecting(service):
        return DONE
    pods = selected(world, service)
    kept = pods[:MAX_ADDRESSES]
    wanted = subsets(service, kept)
    labels = {k: v for k, v in service.metadata.labels.items() if k != HEADLESS} | MANAGED_BY
    if is_headless(service):
        labels[HEADLESS] = ""
    annotations = {OVER_CAPACITY: "truncated" if len(pods) > len(kept) else None}
    if known is None:
        return Plan((_create(service, labels, annotations, wanted),))
    same_note = known.metadata.annotations.get(OVER_CAPACITY) == annotations[OVER_CAPACITY]
    if known.subsets == wanted and known.metadata.labels == labels and same_note:
        return DONE
    dropped = dict.fromkeys(k for k in known.metadata.labels if k not in labels)
    patch: Tree = {
        "metadata": {"labels": {**dropped, **labels}, "annotations": annotations},
        "subsets": [to_tree(s) for s in wanted] or None,
    }
    metadata = known.metadata
    return Plan(
        (
            Patch(
                ENDPOINTS.resource,
                key,
                patch,
                uid=metadata.uid,
                resource_version=metadata.resourceVersion,
                by_update=True,
            ),
        )
    )


def subsets(service: Service, pods: Sequence[Pod]) -> tuple[EndpointSubset, ...]:
    """Addresses grouped by the ports they have in common."""
    groups: dict[tuple[discovery.EndpointPort, ...], tuple[list[EndpointAddress], list[EndpointAddress]]]
    groups = defaultdict(lambda: ([], []))
    family = families(service)[0]
    publish = bool(service.spec.publishNotReadyAddresses)
    for pod in pods:
        ports = ports_for(service, pod)
        if (pod.metadata.deletionTimestamp is not None and not publish) or (service.spec.ports and not ports):
            continue
        for ip in endpoints_of.addresses(pod, family)[:1]:
            address = EndpointAddress(
                ip=ip,
                hostname=endpoints_of.hostname(service, pod),
                nodeName=pod.spec.nodeName,
                targetRef=endpoints_of.pod_reference(pod),
            )
            groups[ports][0 if publish or is_ready(pod) else 1].append(address)
    found = [
        EndpointSubset(
            addresses=tuple(sorted(ready, key=lambda a: a.ip)),
            notReadyAddresses=tuple(sorted(waiting, key=lambda a: a.ip)),
            ports=tuple(
                EndpointPort(name=p.name, port=p.port or 0, protocol=p.protocol, appProtocol=p.appProtocol)
                for p in ports
            ),
        )
        for ports, (ready, waiting) in groups.items()
    ]
    return tuple(sorted(found, key=lambda s: [(p.name, p.port) for p in s.ports]))


def _create(
    service: Service, labels: dict[str, str], annotations: dict[str, str | None], wanted: Sequence[EndpointSubset]
) -> Create:
    key = key_of(service)
    metadata: Tree = {"name": key.name, "namespace": key.namespace, "labels": labels}
    if notes := {k: v for k, v in annotations.items() if v is not None}:
        metadata["annotations"] = notes
    tree: Tree = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    if wanted:
        tree["subsets"] = [to_tree(s) for s in wanted]
    return Create(ENDPOINTS.resource, tree, key.namespace)


CONTROLLER = Controller(
    "endpoint-controller",
    (Watch(SERVICES, same_key), Watch(PODS, endpoints_of.keys_of_pod), Watch(ENDPOINTS, same_key)),
    reconcile,
)
