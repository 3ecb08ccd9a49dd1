"""Defaults of pods and pod templates.

`default_pod` is for Pods, `default_template` for the templates of workloads, which get fewer:
resource requests, host ports and service links are decided when the pod is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from navarch.api.core.container_defaults import default_container
from navarch.api.core.volume_defaults import default_volume
from navarch.api.defaulting import each, fill, struct
from navarch.base import quantity
from navarch.schema.types import Tree

CONTAINERS: Final = ("containers", "initContainers")
ALL_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
GRACE_PERIOD_S: Final = 30


def default_pod(pod: Tree) -> None:
    """Defaults of a Pod."""
    spec = struct(pod, "spec")
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in each(spec, *CONTAINERS):
        _requests_from_limits(container.get("resources") or {})
    if resources := spec.get("resources"):
        _default_pod_requests(resources, spec)
    _mirror_address(pod.get("status") or {})
    if spec.get("hostNetwork"):
        for port in _ports(spec):
            if not port.get("hostPort"):
                port["hostPort"] = port.get("containerPort", 0)


def default_template(owner: Tree) -> None:
    """The pod template at `template` of a workload's spec."""
    template = struct(owner, "template")
    struct(template, "metadata")
    default_pod_spec(struct(template, "spec"))


def _mirror_address(status: Tree) -> None:
    """The first of podIPs is podIP, for clients that know only one of them."""
    if status.get("podIP") and not status.get("podIPs"):
        status["podIPs"] = [{"ip": status["podIP"]}]
    elif status.get("podIPs") and not status.get("podIP"):
        status["podIP"] = status["podIPs"][0].get("ip", "")


def default_pod_spec(spec: Tree) -> None:
    fill(spec, "restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", GRACE_PERIOD_S)
    fill(spec, "dnsPolicy", "ClusterFirst")
    fill(spec, "schedulerName", "default-scheduler")
    struct(spec, "securityContext")
    mirror_service_account(spec)
    for container in each(spec, *ALL_CONTAINERS):
        default_container(container)
    for volume in each(spec, "volumes"):
        default_volume(volume)


def mirror_service_account(spec: Tree) -> None:
    """`serviceAccount` is the old name of `serviceAccountName`: both are shown, the new one wins."""
    if name := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _ports(spec: Tree) -> Iterator[Tree]:
    for container in each(spec, *CONTAINERS):
        yield from each(container, "ports")


def _requests_from_limits(resources: Tree) -> None:
    """A container that states a limit and no request asks for what the limit says."""
    limits: dict[str, Any] = resources.get("limits") or {}
    if limits:
        requests = struct(resources, "requests")
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _default_pod_requests(resources: Tree, spec: Tree) -> None:
    """Pod-level requests: what the containers ask for together, else the pod's limit."""
    limits: dict[str, Any] = resources.get("limits") or {}
    wanted = [container for container in each(spec, "containers") if (container.get("resources") or {}).get("requests")]
    requests: dict[str, Any] = dict(resources.get("requests") or {})
    for name, limit in limits.items():
        if name in requests:
            continue
        amounts = [
            quantity.parse(str(c["resources"]["requests"][name])) for c in wanted if name in c["resources"]["requests"]
        ]
        total = None
        for amount in amounts:
            total = amount if total is None else total.add(amount)
        requests[name] = limit if total is None else str(total)
    if requests:
        resources["requests"] = requests
