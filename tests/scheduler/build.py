"""Nodes and pods for tests of the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import Selector
from navarch.scheduler.columns import Columns
from navarch.scheduler.shape import PodInfo, Shapes

HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
SHAPES = Shapes()


def make_node(name: str, labels: Mapping[str, str] | None = None, *, spec: Any = None, **allocatable: str) -> Node:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"} | {k.replace("_", "-"): v for k, v in allocatable.items()}
    tree = {
        "metadata": {"name": name, "labels": {HOST: name, **(labels or {})}},
        "spec": spec or {},
        "status": {"allocatable": amounts},
    }
    return msgspec.convert(tree, Node)


def make_pod(name: str, labels: Mapping[str, str] | None = None, requests: Any = None, **spec: Any) -> Pod:
    container = {"name": "c", "image": "app", "resources": {"requests": requests or {}}}
    tree = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": dict(labels or {})},
        "spec": {"containers": [container], **spec},
    }
    return msgspec.convert(tree, Pod)


def info(pod: Pod, *, siblings: Selector | None = None, nominated: str = "", since: float = 0.0) -> PodInfo:
    key = ObjectKey(pod.metadata.namespace, pod.metadata.name)
    return PodInfo(key, pod.metadata.uid, SHAPES.of(pod, siblings), since, nominated)


def make_columns(nodes: Iterable[Node], capacity: int = 4) -> Columns:
    columns = Columns(capacity)
    for node in nodes:
        columns.set_node(node)
    return columns
