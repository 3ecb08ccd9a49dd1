"""Gives every Service of type LoadBalancer an address of its own out of the cluster's range.

No cloud is there to ask: an address is a name for the service on the nodes' network. The launcher routes the
whole range to the first node, whose proxy takes it from there, as the proxies of all nodes do for pods.
One key for the whole cluster, so that no address is given twice. Without a range nothing is given
out, and addresses stay pending. Services with a `loadBalancerClass` are somebody else's.

Source: Service documentation (type LoadBalancer, loadBalancerIP, loadBalancerClass).
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address, ip_network
from typing import Final

from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Event, Intent, Patch, Plan
from navarch.control.sources import SERVICES
from navarch.control.world import Controller, Watch, World

CLUSTER: Final = "cluster"


def reconcile(cidr: str, world: World, _key: str, _now: float) -> Plan:
    if not cidr:
        return DONE
    services = sorted(world[SERVICES].values(), key=key_of)
    taken = {ip for service in services if _is_ours(service) for ip in _addresses(service)}
    free = (str(host) for host in ip_network(cidr).hosts() if str(host) not in taken)
    intents: list[Intent] = []
    for service in services:
        ours, addresses = _is_ours(service), _addresses(service)
        if ours and not addresses:
            wanted = service.spec.loadBalancerIP
            chosen = wanted if wanted and _may_have(wanted, cidr, taken) else next(free, "")
            if not chosen:
                text = f"Error syncing load balancer: all addresses of {cidr} are taken"
                about = reference(SERVICES.resource, service.metadata)
                intents.append(Event(about, "Warning", "SyncLoadBalancerFailed", text))
                continue
            taken.add(chosen)
            intents.append(_status(service, {"ingress": [{"ip": chosen, "ipMode": "VIP"}]}))
        elif not ours and addresses and not service.spec.loadBalancerClass:
            intents.append(_status(service, {"ingress": None}))
    return Plan(tuple(intents))


def _is_ours(service: Service) -> bool:
    spec = service.spec
    return spec.type == "LoadBalancer" and not spec.loadBalancerClass and service.metadata.deletionTimestamp is None


def _addresses(service: Service) -> tuple[str, ...]:
    balancer = service.status.loadBalancer
    return tuple(ingress.ip for ingress in balancer.ingress if ingress.ip) if balancer is not None else ()


def _may_have(wanted: str, cidr: str, taken: set[str]) -> bool:
    try:
        return wanted not in taken and ip_address(wanted) in ip_network(cidr)
    except ValueError:
        return False


def _status(service: Service, balancer: dict[str, object]) -> Patch:
    about = reference(SERVICES.resource, service.metadata)
    done = Event(about, "Normal", "EnsuredLoadBalancer", "Ensured load balancer") if balancer["ingress"] else None
    patch = {"status": {"loadBalancer": balancer}}
    uid = service.metadata.uid
    return Patch(SERVICES.resource, key_of(service), patch, subresource="status", uid=uid, on_success=done)


def _on_service(_world: World, _key: ObjectKey, old: Service | None, new: Service | None) -> tuple[str, ...]:
    """Any service that is or was a load balancer; one that goes gives its address back."""
    concerned = any(s is not None and (s.spec.type == "LoadBalancer" or _addresses(s)) for s in (old, new))
    return (CLUSTER,) if concerned else ()


def controller(cidr: str) -> Controller:
    """`cidr` is the range of addresses, empty for none."""
    return Controller("service-controller", (Watch(SERVICES, _on_service),), partial(reconcile, cidr), workers=1)
