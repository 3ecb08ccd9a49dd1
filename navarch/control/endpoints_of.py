"""What a Service's selector amounts to: its pods as endpoints, and its ports as each pod resolves them. Pure.

Callers: the EndpointSlice and Endpoints controllers.

Source: Kubernetes' endpoint slice controller (conditions, hostnames, named ports, zones).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from navarch.api.views.discovery import EndpointPort
from navarch.api.views.pod import ObjectReference, Pod
from navarch.api.views.service import Service, ServicePort
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.control.pods import is_finished, is_ready
from navarch.control.sources import PODS, SERVICES
from navarch.control.world import World


def is_selecting(service: Service) -> bool:
    """Only services with a selector have endpoints made for them."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def is_headless(service: Service) -> bool:
    return service.spec.clusterIP == "None"


def selected(world: World, service: Service) -> list[Pod]:
    """The service's pods that have an address and are not finished, by name."""
    wanted = service.spec.selector.items()
    namespace = service.metadata.namespace
    pods = world[PODS]
    buckets = [pods.by_index("label", (namespace, k, v)) for k, v in wanted]
    found = [
        p
        for p in min(buckets, key=len)
        if p.status.podIP and not is_finished(p) and wanted <= p.metadata.labels.items()
    ]
    return sorted(found, key=lambda p: p.metadata.name)


def ports_for(service: Service, pod: Pod) -> tuple[EndpointPort, ...]:
    """The service's ports with the numbers they have in `pod`; named ports it lacks are left out."""
    ports = []
    for port in service.spec.ports:
        number = target_port(pod, port)
        if number is not None:
            ports.append(
                EndpointPort(name=port.name, port=number, protocol=port.protocol or "TCP", appProtocol=port.appProtocol)
            )
    return tuple(ports)


def target_port(pod: Pod, port: ServicePort) -> int | None:
    target = port.targetPort
    if target is None or target in (0, ""):
        return port.port
    if isinstance(target, int):
        return target
    sidecars = (c for c in pod.spec.initContainers if c.restartPolicy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for candidate in container.ports:
            if candidate.name == target and (candidate.protocol or "TCP") == (port.protocol or "TCP"):
                return candidate.containerPort
    return None


def addresses(pod: Pod, family: str) -> list[str]:
    """The pod's addresses of a family, IPv4 or IPv6."""
    every = [ip.ip for ip in pod.status.podIPs] or [pod.status.podIP]
    return [ip for ip in every if (":" in ip) == (family == "IPv6")]


def pod_reference(pod: Pod) -> ObjectReference:
    metadata = pod.metadata
    return ObjectReference(kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid)


def hostname(service: Service, pod: Pod) -> str:
    """A pod of a headless service has a name of its own where its subdomain is the service."""
    return pod.spec.hostname if pod.spec.subdomain == service.metadata.name else ""


def _what_counts(pod: Pod) -> tuple[object, ...]:
    """All of a pod that endpoints depend on."""
    return (
        pod.metadata.labels,
        pod.metadata.deletionTimestamp is None,
        pod.status.podIP,
        pod.status.podIPs,
        is_finished(pod),
        is_ready(pod),
        pod.spec.nodeName,
    )


def keys_of_pod(world: World, _key: ObjectKey, old: Pod | None, new: Pod | None) -> set[Hashable]:
    """The services that select the pod now or did before, if anything about it matters to them."""
    if old is not None and new is not None and _what_counts(old) == _what_counts(new):
        return set()
    keys: set[Hashable] = set()
    for pod in (old, new):
        if pod is not None:
            keys.update(key_of(s) for s in services_of(world, pod))
    return keys


def services_of(world: World, pod: Pod) -> Iterator[Service]:
    labels = pod.metadata.labels
    for key, value in labels.items():
        for service in world[SERVICES].by_index("selector", (pod.metadata.namespace, key, value)):
            if service.spec.selector.items() <= labels.items():
                yield service


def families(service: Service) -> Sequence[str]:
    return service.spec.ipFamilies or ("IPv4",)
