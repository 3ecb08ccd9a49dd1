"""`navarch node list|add|delete|stop|start`."""

from __future__ import annotations

from navarch.base.errors import LaunchError
from navarch.launch.drivers.process import wait_for
from navarch.launch.machine import Cluster
from navarch.launch.output import Output
from navarch.launch.profile import DriverName, Home, NodeEntry, Profile

READY_TIMEOUT_S = 90.0


def address(cluster: Cluster, node: NodeEntry) -> str:
    return cluster.spec(node).ip if cluster.has_nodes else "127.0.0.1"


def list_nodes(cluster: Cluster, out: Output) -> None:
    for node in cluster.profile.nodes:
        out.plain(f"{node.name}\t{address(cluster, node)}")


def find(profile: Profile, name: str) -> NodeEntry:
    """The node, by its name or, without one, the first. Raises: LaunchError."""
    for node in profile.nodes:
        if node.name == (name or profile.nodes[0].name):
            return node
    known = ", ".join(node.name for node in profile.nodes)
    raise LaunchError("GUEST_NODE_RETRIEVE", f'there is no node "{name}"; there are: {known}', "navarch node list", 85)


def add(home: Home, profile: Profile, name: str, out: Output) -> None:
    """One node more; a running cluster gets it at once. Raises: LaunchError."""
    if profile.driver is not DriverName.NETNS:
        raise LaunchError(
            "PROVIDER_NODES",
            f"the {profile.driver} driver cannot add nodes",
            "start a profile with --nodes=N instead",
            69,
        )
    if any(node.name == name for node in profile.nodes):
        raise LaunchError("GUEST_NODE_ADD", f'there is a node "{name}" already', "choose another name", 80)
    wider, node = profile.with_node(name)
    home.save(wider)
    cluster = Cluster(home, wider)
    cluster.ensure_certificates()
    if not cluster.control_plane_runs:
        out.line("😄", f"Added {node.name}: it starts with the cluster")
        return
    start(cluster, node, out)
    out.line("🏄", f"Successfully added {node.name} to {wider.name}!")


def start(cluster: Cluster, node: NodeEntry, out: Output) -> None:
    with out.phase("👍", f"Node {node.name} of {cluster.profile.name}"):
        cluster.start_node(node)
        cluster.start_agent(node)
        if not wait_for(lambda: cluster.api().node_ready(node.name), READY_TIMEOUT_S):
            raise LaunchError("GUEST_NODE_START", f"node {node.name} does not become ready", "see: navarch logs", 80)


def delete(home: Home, profile: Profile, name: str, out: Output) -> None:
    """Remove a node and its object in the API. Raises: LaunchError."""
    node = find(profile, name)
    if node in profile.nodes[: profile.control_planes]:
        raise LaunchError(
            "GUEST_NODE_DELETE",
            "the control plane's node cannot be deleted alone",
            f"delete the cluster: navarch delete -p {profile.name}",
            80,
        )
    out.line("🔥", f"Deleting node {node.name} from cluster {profile.name}")
    cluster = Cluster(home, profile)
    cluster.delete_node(node)
    home.save(profile.without_node(node.name))
    if cluster.control_plane_runs:
        cluster.api().ask(f"/api/v1/nodes/{node.name}", "DELETE")
    out.line("💀", f"Node {node.name} was successfully deleted.")
