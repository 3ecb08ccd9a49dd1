"""API aggregation: which group versions other servers answer, and what discovery says of them. Pure.

An APIService without `spec.service` stands for a group version of this server; one with it sends all
requests below /apis/<group>/<version> to a Service of the cluster. `aggregator.py` does the sending, the
checking and the writing.

Source: apiregistration.k8s.io/v1; kube-aggregator (autoregister, available controller, discovery).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from navarch.schema.types import Tree
from navarch.wire.messages import User

BUCKET: Final = "apiservices.apiregistration.k8s.io"
AUTOMANAGED: Final = "kube-aggregator.kubernetes.io/automanaged"

#: Group -> priority among groups. Source: the APIServices of a fresh Kubernetes 1.36.
PRIORITIES: Final = {
    "": 18000,
    "apps": 17800,
    "events.k8s.io": 17750,
    "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600,
    "autoscaling": 17500,
    "batch": 17400,
    "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200,
    "policy": 17100,
    "rbac.authorization.k8s.io": 17000,
    "storage.k8s.io": 16800,
    "admissionregistration.k8s.io": 16700,
    "apiextensions.k8s.io": 16700,
    "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500,
    "node.k8s.io": 16300,
    "discovery.k8s.io": 16200,
    "resource.k8s.io": 16200,
    "flowcontrol.apiserver.k8s.io": 16100,
    "metrics.k8s.io": 100,
}
#: Group versions whose priority among versions is not 15.
_VERSION_PRIORITIES: Final = {
    ("", "v1"): 1,
    ("autoscaling", "v2"): 30,
    ("metrics.k8s.io", "v1beta1"): 100,
    ("flowcontrol.apiserver.k8s.io", "v1"): 21,
    ("resource.k8s.io", "v1"): 21,
}
#: What groups of custom resources get. Source: apiextensions' CRD registration.
CUSTOM_PRIORITY: Final = 1000
_CUSTOM_VERSION_PRIORITY: Final = 100
#: Its own group is not registered with the aggregator.
_UNREGISTERED: Final = "apiregistration.k8s.io"


def name_of(group: str, version: str) -> str:
    return f"{version}.{group}"


def local_services(builtin: Iterable[tuple[str, str]], custom: Iterable[tuple[str, str]]) -> list[Tree]:
    """The APIServices of this server's own (group, version)s, by name."""
    found = {}
    for group, version in builtin:
        if group != _UNREGISTERED:
            priority = _VERSION_PRIORITIES.get((group, version), 15)
            found[name_of(group, version)] = _local(group, version, "onstart", PRIORITIES[group], priority)
    for group, version in custom:
        local = _local(group, version, "true", CUSTOM_PRIORITY, _CUSTOM_VERSION_PRIORITY)
        found.setdefault(name_of(group, version), local)
    return [found[name] for name in sorted(found)]


def _local(group: str, version: str, managed: str, group_priority: int, version_priority: int) -> Tree:
    spec: Tree = {"version": version, "groupPriorityMinimum": group_priority, "versionPriority": version_priority}
    return {
        "metadata": {"name": name_of(group, version), "labels": {AUTOMANAGED: managed}},
        "spec": {"group": group, **spec} if group else spec,
    }


# --- other servers


@dataclass(frozen=True, slots=True)
class Remote:
    """A group version that a Service answers. `bundle` is base64 of PEM."""

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    bundle: str
    skip_verify: bool
    group_priority: int
    version_priority: int

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/{self.version}"

    @property
    def server_name(self) -> str:
        """The name that its certificate must have."""
        return f"{self.service}.{self.namespace}.svc"


def remote_of(tree: Tree) -> Remote | None:
    """What an APIService sends elsewhere, None for a local one."""
    spec = tree["spec"]
    service = spec.get("service")
    if not service:
        return None
    return Remote(
        tree["metadata"]["name"],
        spec.get("group", ""),
        spec.get("version", ""),
        service.get("namespace", ""),
        service.get("name", ""),
        service.get("port", 443),
        spec.get("caBundle", ""),
        bool(spec.get("insecureSkipTLSVerify")),
        spec.get("groupPriorityMinimum", 0),
        spec.get("versionPriority", 0),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """What a remote group version serves, as its own discovery told last. `openapi` is its OpenAPI v3 document."""

    remote: Remote
    resources: tuple[Tree, ...]
    openapi: Tree | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a remote can be reached, as its condition Available says."""

    available: bool
    reason: str
    message: str


PASSED: Final = Finding(True, "Passed", "all checks passed")


def check_backend(remote: Remote, service: Tree | None, slices: Sequence[Tree]) -> Finding | None:
    """What is wrong before the remote is even asked; None if nothing is."""
    where = f'service/{remote.service} in "{remote.namespace}"'
    if service is None:
        return Finding(False, "ServiceNotFound", f"{where} is not present")
    if service["spec"].get("type") == "ExternalName":
        return None
    port = next((p for p in service["spec"].get("ports") or () if p["port"] == remote.port), None)
    if port is None:
        return Finding(False, "ServicePortError", f"{where} is not listening on port {remote.port}")
    if not slices:
        return Finding(False, "EndpointsNotFound", f"cannot find endpointslices for {where}")
    name = port.get("name", "")
    for each in slices:
        if any(p.get("name", "") == name for p in each.get("ports") or ()) and _has_ready(each):
            return None
    text = f'endpoints for {where} have no addresses with port name "{name}"'
    return Finding(False, "MissingEndpoints", text)


def _has_ready(slice_: Tree) -> bool:
    return any(e.get("conditions", {}).get("ready", True) for e in slice_.get("endpoints") or ())


def with_condition(tree: Tree, finding: Finding, now: str) -> Tree:
    """The APIService with its condition Available brought up to date; the very same if it is."""
    status = tree.get("status") or {}
    conditions = list(status.get("conditions") or ())
    old: Tree = next((c for c in conditions if c.get("type") == "Available"), {})
    wanted = {
        "type": "Available",
        "status": "True" if finding.available else "False",
        "reason": finding.reason,
        "message": finding.message,
    }
    if all(old.get(key) == value for key, value in wanted.items()):
        return tree
    time = old.get("lastTransitionTime", now) if old.get("status") == wanted["status"] else now
    renewed = {"type": "Available", "status": wanted["status"], "lastTransitionTime": time} | wanted
    others = [c for c in conditions if c.get("type") != "Available"]
    return {**tree, "status": {**status, "conditions": [*others, renewed]}}


def identity_headers(user: User) -> list[tuple[str, str]]:
    """How the front proxy tells the remote who asks."""
    headers = [("x-remote-user", user.name)]
    if user.uid:
        headers.append(("x-remote-uid", user.uid))
    headers += [("x-remote-group", group) for group in user.groups]
    for key, values in user.extra.items():
        headers += [(f"x-remote-extra-{quote(key, safe='').lower()}", value) for value in values]
    return headers


# --- discovery


def aggregated_resources(resources: Iterable[Tree], group: str, version: str) -> list[Tree]:
    """The resources of an APIResourceList as aggregated discovery shows them; what has no name is passed over."""
    listed = [each for each in resources if isinstance(each, dict) and isinstance(each.get("name"), str)]
    found = []
    for resource in listed:
        if "/" in resource["name"]:
            continue
        tree: Tree = {
            "resource": resource["name"],
            "responseKind": _response_kind(resource, group, version),
            "scope": "Namespaced" if resource.get("namespaced") else "Cluster",
            "singularResource": resource.get("singularName", ""),
            "verbs": resource.get("verbs") or [],
        }
        for key in ("shortNames", "categories"):
            if resource.get(key):
                tree[key] = resource[key]
        subresources = list(_subresources(listed, resource["name"], group, version))
        if subresources:
            tree["subresources"] = subresources
        found.append(tree)
    return found


def _subresources(listed: Iterable[Tree], plural: str, group: str, version: str) -> Iterator[Tree]:
    for resource in listed:
        parent, slash, name = resource["name"].partition("/")
        if slash and parent == plural:
            kind = _response_kind(resource, group, version)
            yield {"subresource": name, "responseKind": kind, "verbs": resource.get("verbs") or []}


def _response_kind(resource: Tree, group: str, version: str) -> dict[str, Any]:
    return {
        "group": resource.get("group") or group,
        "version": resource.get("version") or version,
        "kind": resource.get("kind", ""),
    }
