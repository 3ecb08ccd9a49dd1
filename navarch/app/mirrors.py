"""The pods in kube-system that stand for the processes of the cluster itself.

Tutorials show `kube-apiserver-…`, `etcd-…` and their like as pods. Here they are supervised processes;
a mirror pod stands for each, says so in an annotation, and its log is the process's. `kubectl delete`
of one brings it back: it only shows what runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.base.times import format_time
from navarch.client.contract import Client, Unreachable
from navarch.schema.types import Tree
from navarch.seams.contract import Seams, routine
from navarch.server.discovery import VERSION

log = logging.getLogger(__name__)

PODS: Final = Resource("", "v1", "pods", "Pod", True)
NODES: Final = Resource("", "v1", "nodes", "Node", False)
NAMESPACE: Final = "kube-system"
MIRROR: Final = "kubernetes.io/config.mirror"
SOURCE: Final = "kubernetes.io/config.source"
ABOUT: Final = "navarch.dev/process"
LOOK_S: Final = 5.0
VERSION_TAG: Final = VERSION["gitVersion"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A component: its name, labels, and whether it belongs to every node or to those of control planes only."""

    name: str
    process: str
    labels: Mapping[str, str]
    on_every_node: bool = False
    hashed: bool = False


def _static(name: str, process: str) -> Shown:
    return Shown(name, process, {"component": name, "tier": "control-plane"})


COMPONENTS: Final = (
    _static("etcd", "the control plane's embedded store"),
    _static("kube-apiserver", "part of the control plane's process"),
    _static("kube-controller-manager", "part of the control plane's process"),
    _static("kube-scheduler", "part of the control plane's process"),
    Shown("kube-proxy", "part of the node agent's process", {"k8s-app": "kube-proxy"}, True, True),
    Shown("coredns", "part of the node agent's process", {"k8s-app": "kube-dns"}, False, True),
)


def pod_name(shown: Shown, node: str, node_uid: str) -> str:
    """`kube-apiserver-navarch`; those that a controller would make get five letters instead."""
    if not shown.hashed:
        return f"{shown.name}-{node}"
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    digest = hashlib.sha256(f"{shown.name}/{node_uid}".encode()).digest()
    return f"{shown.name}-" + "".join(alphabet[byte % len(alphabet)] for byte in digest[:5])


def mirror_pod(shown: Shown, node: Tree) -> Tree:
    """The pod as it is created, without status."""
    metadata = node["metadata"]
    name = metadata["name"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": metadata["uid"], "controller": True}
    annotations = {MIRROR: shown.name, SOURCE: "navarch", ABOUT: shown.process}
    container = {"name": shown.name, "image": f"navarch.dev/{shown.name}:{VERSION_TAG}"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(shown, name, metadata["uid"]),
            "namespace": NAMESPACE,
            "labels": dict(shown.labels),
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": name,
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def running_status(shown: Shown, node: Tree, started: str) -> Tree:
    address = next((a["address"] for a in node.get("status", {}).get("addresses", ()) if a["type"] == "InternalIP"), "")
    image = f"navarch.dev/{shown.name}:{VERSION_TAG}"
    container = {
        "name": shown.name,
        "image": image,
        "imageID": "",
        "containerID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": started}},
        "lastState": {},
    }
    types = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    status: Tree = {
        "phase": "Running",
        "startTime": started,
        "conditions": [{"type": t, "status": "True", "lastTransitionTime": started} for t in types],
        "containerStatuses": [container],
        "qosClass": "BestEffort",
    }
    if address:
        status |= {"hostIP": address, "hostIPs": [{"ip": address}], "podIP": address, "podIPs": [{"ip": address}]}
    return status


class Mirrors:
    """Keeps the mirror pods. `shown` says of each which component of which node it stands for.

    `control_planes` are the nodes that stand for control planes, of which the first `etcd_members` have an etcd.
    Where there are several, each process keeps the pods of its own node, the first one those of all others."""

    def __init__(
        self, client: Client, seams: Seams, control_planes: Sequence[str], own: int = 0, etcd_members: int = 1
    ) -> None:
        self.shown: dict[str, tuple[Shown, str]] = {}
        self._client = client
        self._seams = seams
        self._control_planes = tuple(control_planes)
        self._own = own
        self._etcd_members = etcd_members
        self._started = format_time(seams.clock.now())

    async def run(self) -> None:
        """Look after them until cancelled."""
        while True:
            try:
                complete = await self._keep()
            except (StatusError, Unreachable) as error:
                log.warning("mirror pods not kept error=%s", error)
                complete = False
            with routine():
                await asyncio.sleep(LOOK_S if complete else 0.2)

    async def _keep(self) -> bool:
        """Make what is missing; whether the first node was there."""
        nodes = [orjson.loads(raw) for raw in (await self._client.list(NODES)).items]
        there = {tree["metadata"]["name"]: tree for tree in await self._existing()}
        for node in nodes:
            for shown in self._wanted(node["metadata"]["name"]):
                pod = mirror_pod(shown, node)
                name = pod["metadata"]["name"]
                self.shown[name] = (shown, node["metadata"]["name"])
                if (self._place(node["metadata"]["name"]) or 0) == self._own:
                    await self._ensure(shown, node, pod, there.get(name))
        return any(node["metadata"]["name"] == self._control_planes[self._own] for node in nodes)

    def _place(self, node: str) -> int | None:
        """Which control plane the node stands for, None if it does for none."""
        return self._control_planes.index(node) if node in self._control_planes else None

    def _wanted(self, node: str) -> Iterator[Shown]:
        place = self._place(node)
        for shown in COMPONENTS:
            if shown.on_every_node or (place is not None and place < self._copies(shown)):
                yield shown

    def _copies(self, shown: Shown) -> int:
        if shown.hashed:
            return 1
        return self._etcd_members if shown.name == "etcd" else len(self._control_planes)

    async def _existing(self) -> list[Tree]:
        listed = await self._client.list(PODS, NAMESPACE)
        trees = [orjson.loads(raw) for raw in listed.items]
        return [t for t in trees if t["metadata"].get("annotations", {}).get(SOURCE) == "navarch"]

    async def _ensure(self, shown: Shown, node: Tree, pod: Tree, existing: Tree | None) -> None:
        name = pod["metadata"]["name"]
        owner = pod["metadata"]["ownerReferences"][0]["uid"]
        if existing is not None:
            owners = {o["uid"] for o in existing["metadata"].get("ownerReferences", ())}
            if "deletionTimestamp" in existing["metadata"] or owner not in owners:
                await self._client.delete(PODS, name, NAMESPACE, grace_period_s=0)
                existing = None
        if existing is None:
            existing = orjson.loads(await self._client.create(PODS, pod, NAMESPACE))
        status = running_status(shown, node, self._started)
        known = existing.get("status", {})
        if (known.get("phase"), known.get("podIP"), known.get("startTime")) != (
            status["phase"],
            status.get("podIP"),
            status["startTime"],
        ):
            await self._client.update(PODS, {**existing, "status": status}, subresource="status")
