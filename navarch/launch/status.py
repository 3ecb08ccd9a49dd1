"""`navarch status`: minikube's words, shapes and exit codes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from navarch.launch.drivers.contract import NodeState
from navarch.launch.machine import Cluster
from navarch.launch.output import Output
from navarch.launch.profile import NodeEntry

#: What is wrong, as bits of the exit code. Source: minikube status.
HOST_DOWN, CLUSTER_DOWN, KUBERNETES_DOWN = 1, 2, 4
RUNNING, STOPPED = "Running", "Stopped"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node in words. `apiserver` and `kubeconfig` only say something for nodes with a control plane."""

    name: str
    host: str
    kubelet: str
    apiserver: str = "Irrelevant"
    kubeconfig: str = "Irrelevant"

    @property
    def is_worker(self) -> bool:
        return self.apiserver == "Irrelevant"

    @property
    def exit_code(self) -> int:
        code = 0
        if self.host != RUNNING:
            code |= HOST_DOWN
        if self.apiserver not in (RUNNING, "Irrelevant"):
            code |= CLUSTER_DOWN
        if self.kubelet != RUNNING:
            code |= KUBERNETES_DOWN
        return code

    def text(self) -> str:
        lines = [self.name, f"type: {'Worker' if self.is_worker else 'Control Plane'}", f"host: {self.host}"]
        lines.append(f"kubelet: {self.kubelet}")
        if not self.is_worker:
            lines += [f"apiserver: {self.apiserver}", f"kubeconfig: {self.kubeconfig}"]
        return "\n".join(lines) + "\n"

    def tree(self) -> dict[str, object]:
        return {
            "Name": self.name,
            "Host": self.host,
            "Kubelet": self.kubelet,
            "APIServer": self.apiserver,
            "Kubeconfig": self.kubeconfig,
            "Worker": self.is_worker,
        }


def status(cluster: Cluster, kubeconfig: Path) -> list[NodeStatus]:
    """The state of every node, those of control planes first."""
    return [_node(cluster, node, kubeconfig) for node in cluster.profile.nodes]


def show(statuses: list[NodeStatus], form: str, out: Output) -> int:
    """Print; the exit code."""
    if form == "json":
        trees = [each.tree() for each in statuses]
        out.plain(json.dumps(trees[0] if len(trees) == 1 else trees))
    else:
        for each in statuses:
            out.plain(each.text())
    code = 0
    for each in statuses:
        code |= each.exit_code
    return code


def _node(cluster: Cluster, node: NodeEntry, kubeconfig: Path) -> NodeStatus:
    state = cluster.node_state(node)
    kubelet = RUNNING if state is NodeState.RUNNING and cluster.agent_runs(node) else STOPPED
    plane = cluster.profile.nodes.index(node)
    if plane >= cluster.profile.control_planes:
        return NodeStatus(node.name, state.value, kubelet)
    apiserver = STOPPED
    if cluster.planes.runs(plane):
        apiserver = RUNNING if cluster.plane_api(plane).is_ready() else "Error"
    configured = "Configured" if cluster.in_kubeconfig(kubeconfig) else "Misconfigured"
    return NodeStatus(node.name, state.value, kubelet, apiserver, configured)
