"""Nodes and the pods on them as arrays: what the scheduler knows of the cluster.

Callers: `run.py` keeps it in step with its informers, `plan.py` places pods that it decides on ("assumes"
them) before the API server has heard of it, plug-ins read. Every node has a slot, an index into all arrays;
a slot lives as long as its node or a pod on it. All amounts are int64, in the units of `requests.py`.

Worked example:
    columns = Columns()
    columns.set_node(node)                      # 4 CPUs
    columns.place(Placed(key, uid, shape, columns.slot("n1")))
    columns.free("cpu")[columns.slot("n1")]     # 3900

Source: the scheduler's NodeInfo (allocatable, requested, non-zero requested).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from navarch.api.views.node import Node, Taint
from navarch.base.resource import ObjectKey
from navarch.scheduler.images import ImageTable
from navarch.scheduler.labels import Bools, Ints, LabelColumn, grown
from navarch.scheduler.pods import Placed, PodTable
from navarch.scheduler.requests import amount
from navarch.scheduler.shape import HostPort, Shape
from navarch.scheduler.volumes import Volumes

CPU, MEMORY, STORAGE, PODS = 0, 1, 2, 3
BASE_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage", "pods")
#: The column that holds node names, beside those of labels (no label key begins so).
NODE_NAME: Final = "@name"


class Columns:
    """`n` slots are in use; arrays are longer. Slices `[:n]` are what plug-ins compute on."""

    def __init__(self, capacity: int = 64) -> None:
        self.n = 0
        self.names: list[str] = []
        self.pods = PodTable(capacity)
        self.images = ImageTable()
        self.volumes = Volumes()
        self.resources: dict[str, int] = {name: i for i, name in enumerate(BASE_RESOURCES)}
        self.allocatable: Ints = np.zeros((capacity, len(BASE_RESOURCES)), np.int64)
        self.requested: Ints = np.zeros((capacity, len(BASE_RESOURCES)), np.int64)
        self.scored: Ints = np.zeros((capacity, 2), np.int64)
        self.unschedulable: Bools = np.zeros(capacity, np.bool_)
        #: A slot whose node exists. Others hold pods of nodes that are not there (yet, or any more).
        self.present: Bools = np.zeros(capacity, np.bool_)
        self.taint_ids: Ints = np.zeros(capacity, np.int64)
        self.taint_sets: list[tuple[Taint, ...]] = [()]
        #: A number for each node's name, from which ties are broken whatever the order of slots.
        self.name_hash: npt.NDArray[np.uint64] = np.zeros(capacity, np.uint64)
        self.ports: dict[int, dict[HostPort, int]] = {}
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._nodes: dict[str, Node] = {}
        self._labels: dict[str, LabelColumn] = {}
        self._taint_set_ids: dict[tuple[tuple[str, str, str], ...], int] = {(): 0}

    # Nodes.

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    def slot(self, name: str) -> int:
        """The slot of a node's name, made if needed."""
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = self._free.pop() if self._free else self._new_slot()
            self.names[slot] = name
            self.name_hash[slot] = _hash(name)
        return slot

    def find(self, name: str) -> int | None:
        """The slot of the node `name`, if it exists."""
        return self._slots[name] if name in self._nodes else None

    def node(self, name: str) -> Node | None:
        return self._nodes.get(name)

    def set_node(self, node: Node) -> None:
        """Take in a node's new state."""
        name = node.metadata.name
        slot = self.slot(name)
        self._nodes[name] = node
        self.present[slot] = True
        self.unschedulable[slot] = bool(node.spec.unschedulable)
        self.taint_ids[slot] = self._taint_set(node.spec.taints)
        for resource, column in self.resources.items():
            self.allocatable[slot, column] = _allocatable(node, resource)
        for label in self._labels.values():
            label.set(slot, _fields(node) if label.key == NODE_NAME else node.metadata.labels)
        self.images.set(slot, node.status.images)

    def remove_node(self, name: str) -> None:
        """The node is gone; pods on it may still be there."""
        if self._nodes.pop(name, None) is None:
            return
        slot = self._slots[name]
        self.present[slot] = False
        self.allocatable[slot] = 0
        self.unschedulable[slot] = False
        self.taint_ids[slot] = 0
        self.images.set(slot, ())
        for label in self._labels.values():
            label.set(slot, {})
        self._release(slot)

    def label(self, key: str) -> LabelColumn:
        """The column of a node label; NODE_NAME is that of its name."""
        column = self._labels.get(key)
        if column is None:
            column = self._labels[key] = LabelColumn(key, len(self.present))
            for name, node in self._nodes.items():
                column.set(self._slots[name], _fields(node) if key == NODE_NAME else node.metadata.labels)
        return column

    # Pods.

    def vector(self, shape: Shape) -> Ints:
        """What a pod of `shape` takes, by resource column; one of "pods"."""
        for resource in shape.requests:
            if resource not in self.resources:
                self._add_resource(resource)
        vector = np.zeros(len(self.resources), np.int64)
        for resource, value in shape.requests.items():
            vector[self.resources[resource]] = value
        vector[PODS] = 1
        return vector

    def place(self, pod: Placed) -> None:
        """A pod is on a node, or will be. One that is there already is replaced."""
        self.remove(pod.key)
        self.pods.add(pod)
        self._charge(pod, 1)

    def remove(self, key: ObjectKey) -> Placed | None:
        """A pod is no longer on its node; returns what it was."""
        pod = self.pods.remove(key)
        if pod is not None:
            self._charge(pod, -1)
            self._release(pod.slot)
        return pod

    def free(self, resource: str) -> Ints:
        """What is left of a resource, per slot."""
        column = self.resources[resource]
        return self.allocatable[: self.n, column] - self.requested[: self.n, column]

    # What keeps the arrays in shape.

    def _charge(self, pod: Placed, sign: int) -> None:
        shape, slot = pod.shape, pod.slot
        self.requested[slot] += sign * self.vector(shape)
        self.scored[slot, CPU] += sign * shape.scored[CPU]
        self.scored[slot, MEMORY] += sign * shape.scored[MEMORY]
        for port in shape.host_ports:
            used = self.ports.setdefault(slot, {})
            used[port] = used.get(port, 0) + sign
            if not used[port]:
                del used[port]
            if not used:
                del self.ports[slot]

    def _new_slot(self) -> int:
        slot = self.n
        if slot == len(self.present):
            self._grow(2 * slot)
        self.n += 1
        self.names.append("")
        return slot

    def _release(self, slot: int) -> None:
        name = self.names[slot]
        if name in self._nodes or slot in self.pods.by_slot or name not in self._slots:
            return
        del self._slots[name]
        self.names[slot] = ""
        self._free.append(slot)

    def _grow(self, capacity: int) -> None:
        self.allocatable = grown(self.allocatable, capacity)
        self.requested = grown(self.requested, capacity)
        self.scored = grown(self.scored, capacity)
        self.unschedulable = grown(self.unschedulable, capacity, False)
        self.present = grown(self.present, capacity, False)
        self.taint_ids = grown(self.taint_ids, capacity)
        self.name_hash = grown(self.name_hash, capacity)
        self.pods.grow(capacity)
        for label in self._labels.values():
            label.grow(capacity)

    def _add_resource(self, resource: str) -> None:
        """A first pod asks for a resource: from now on it has a column."""
        column = self.resources[resource] = len(self.resources)
        for_all = np.zeros((len(self.present), 1), np.int64)
        self.requested = np.hstack([self.requested, for_all])
        self.allocatable = np.hstack([self.allocatable, for_all])
        for name, node in self._nodes.items():
            self.allocatable[self._slots[name], column] = _allocatable(node, resource)

    def _taint_set(self, taints: tuple[Taint, ...]) -> int:
        key = tuple((t.key, t.value, t.effect) for t in taints)
        found = self._taint_set_ids.get(key)
        if found is None:
            found = self._taint_set_ids[key] = len(self.taint_sets)
            self.taint_sets.append(taints)
        return found


def _allocatable(node: Node, resource: str) -> int:
    text = node.status.allocatable.get(resource)
    return amount(resource, text) if text is not None else 0


def _fields(node: Node) -> Mapping[str, str]:
    return {NODE_NAME: node.metadata.name}


def _hash(name: str) -> int:
    raw = name.encode()
    return zlib.crc32(raw) << 32 | zlib.crc32(raw, 0x9E3779B9)
