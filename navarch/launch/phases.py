"""`navarch start`: the phases in order, each idempotent, with a line and its time.

A start of what runs already says so and changes nothing; a start after a crash takes up what is there. One that
fails leaves nothing: a new profile is gone again, a stopped one is stopped. Only a cluster that is up and whose
nodes are slow to be ready is left to become so.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch import kubeconfig, packages, registry
from navarch.launch.drivers import hostnet
from navarch.launch.drivers.contract import ClusterNetwork
from navarch.launch.drivers.process import wait_for
from navarch.launch.machine import Cluster
from navarch.launch.output import Output
from navarch.launch.ports import free_port, is_free, port_taken
from navarch.launch.profile import DEFAULT_PORT, ETCD_PORT, DriverName, Home, NodeEntry, Profile

READY_TIMEOUT_S = 30.0
NODE_TIMEOUT_S = 90.0
#: The error of a cluster that runs, but took too long.
SLOW = "GUEST_START_TIMEOUT"


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the user asked for. `driver` None: real containers where that is possible."""

    name: str
    nodes: int = 1
    driver: DriverName | None = None
    port: int = 0
    mirrors: tuple[str, ...] = ()
    control_planes: int = 1
    extra_config: tuple[str, ...] = ()
    wait: bool = True
    install: bool = True
    kubeconfig: Path = field(default_factory=lambda: Path("~/.kube/config").expanduser())


def start(home: Home, options: StartOptions, out: Output) -> Profile:
    """Bring the cluster up. Raises: LaunchError."""
    began = time.time()
    known = home.load(options.name)
    kubeconfig.read(options.kubeconfig)  # one that cannot be read is better told now than at the end
    profile = known or new_profile(home, options, out)
    if options.extra_config:
        profile = replace(profile, extra_config=options.extra_config)
    cluster = Cluster(home, profile)
    if known is not None and profile != known:
        cluster.planes.stop()  # they read their flags when they start
    if known is not None:
        _say_what_stays(known, options, out)
        if _all_runs(cluster):
            cluster.write_kubeconfig(options.kubeconfig)
            out.line("🏃", f'"{profile.name}" runs already at {profile.server}')
            _done(profile, out)
            return profile
    ran = known is not None and cluster.anything_runs
    try:
        home.save(profile)
        _bring_up(cluster, out)
        cluster.write_kubeconfig(options.kubeconfig)
        if options.wait:
            with out.phase("🌟", "Nodes ready"):
                for node in profile.nodes:
                    _await_node(cluster, node, began)
    except BaseException as error:
        if isinstance(error, LaunchError) and error.id == SLOW:
            raise  # it goes on becoming ready
        if known is None:
            cluster.delete()
            kubeconfig.update(options.kubeconfig, lambda tree: kubeconfig.without_access(tree, profile.name))
        elif not ran:
            cluster.stop()
        raise
    _done(profile, out)
    return profile


def _bring_up(cluster: Cluster, out: Output) -> None:
    """Everything until the API server is ready and the nodes' agents run."""
    profile = cluster.profile
    with out.phase("🔑", "Certificates"):
        cluster.ensure_certificates()
    if cluster.has_nodes:
        packages.require_containerd(packages.containerd_version_line())
        with out.phase("📦", "Images"):
            _build_images(cluster.home)
        with out.phase("🔌", f"Network {profile.network.node_cidr}"):
            cluster.open_network()
    with out.phase("👍", f"{_control_planes(profile)}, API at {profile.server}"):
        cluster.planes.start()
        if not cluster.has_nodes:
            _await_ready(cluster)
    for node in profile.nodes if cluster.has_nodes else ():
        with out.phase("🚜", f"Node {node.name} with containerd"):
            cluster.start_node(node)
            cluster.start_agent(node)
    with out.phase("🔎", "API server ready"):
        _await_ready(cluster)


def _control_planes(profile: Profile) -> str:
    if not profile.is_shared:
        return "Control plane process"
    members = f"{profile.etcd_members} members" if profile.etcd_members > 1 else "one member"
    return f"{profile.control_planes} control planes on etcd of {members}"


def new_profile(home: Home, options: StartOptions, out: Output) -> Profile:
    """A profile that fits this machine. Raises: LaunchError."""
    driver = options.driver or choose_driver(options, out)
    if driver is DriverName.FAKE:
        profile = Profile(options.name, driver, port=free_port(options.port or _free_from(DEFAULT_PORT)))
        if options.control_planes > 1:
            _install(packages.ETCD_PACKAGES, options, out)
            profile = replace(profile, etcd_port=free_etcd_port(home))
    else:
        if os.geteuid() != 0:
            raise LaunchError(
                "PROVIDER_NOT_ROOT",
                f"the {driver} driver must be run as root",
                "run this as root, or leave --driver away: pods are then only pretended",
                69,
            )
        etcd = packages.ETCD_PACKAGES if options.control_planes > 1 else {}
        _install({**packages.NODE_PACKAGES, **packages.IMAGE_PACKAGES, **etcd}, options, out)
        online = registry.registries_reachable(os.environ)
        out.line("🌐", registry.fallback_notice(online))
        profile = Profile(
            options.name,
            driver,
            free_number(home),
            options.port or DEFAULT_PORT,
            online=online,
            mirrors=options.mirrors,
        )
    profile = replace(profile, control_planes=options.control_planes)
    for _ in range(max(1, options.nodes, options.control_planes)):
        profile, _node = profile.with_node()
    return profile


def choose_driver(options: StartOptions, out: Output) -> DriverName:
    """Real containers for root, pretended ones otherwise, which is said aloud."""
    if os.geteuid() == 0:
        return DriverName.NETNS
    out.warn("Not root: pods will only be PRETENDED, no container runs. As root the same command runs real ones.")
    return DriverName.FAKE


def free_number(home: Home) -> int:
    """A network number that no profile has, running or stopped. Raises: LaunchError when all are taken."""
    taken = set()
    for name in home.names():
        try:
            other = home.load(name)
        except LaunchError:
            continue  # broken profiles hold none: what runs of them shows as a bridge
        if other is not None and other.driver is DriverName.NETNS:
            taken.add(other.number)
    free = [number for number in hostnet.unused_numbers() if number not in taken]
    if not free:
        raise LaunchError(
            "HOST_NETWORKS_TAKEN",
            f"all {ClusterNetwork.LIMIT} networks of this machine are taken by profiles",
            'delete one you do not need: "navarch delete -p NAME"',
            50,
        )
    return free[0]


def _free_from(port: int) -> int:
    for candidate in range(port, port + 100):
        try:
            return free_port(candidate)
        except LaunchError:
            continue
    return free_port(0)


def free_etcd_port(home: Home) -> int:
    """Where the etcd of a pretended cluster may listen: one that no other profile has. Raises: LaunchError."""
    loaded = [home.load(name) for name in home.names()]
    taken = {profile.etcd_port for profile in loaded if profile is not None and profile.is_shared}
    for port in range(ETCD_PORT, ETCD_PORT + 1000, 10):
        if port not in taken and is_free("127.0.0.11", port) and is_free("127.0.0.11", port + 1):
            return port
    raise port_taken("127.0.0.11", ETCD_PORT)


def _install(wanted: Mapping[str, str], options: StartOptions, out: Output) -> None:
    if not options.install:
        packages.require(wanted)
    packages.install(packages.missing(wanted), lambda text: out.line("📥", text))


def _say_what_stays(known: Profile, options: StartOptions, out: Output) -> None:
    if options.nodes > 1 and options.nodes != len(known.nodes):
        out.warn(f'"{known.name}" has {len(known.nodes)} nodes: change that with "navarch node add" and "node delete"')
    if options.control_planes > 1 and options.control_planes != known.control_planes:
        out.warn(f'"{known.name}" has {known.control_planes} control planes, which stays so until it is deleted')
    if options.driver is not None and options.driver is not known.driver:
        out.warn(f'"{known.name}" was made with --driver={known.driver}, which stays until it is deleted')
    if options.port and options.port != known.port:
        out.warn(f'"{known.name}" listens on port {known.port}, which stays until it is deleted')


def _all_runs(cluster: Cluster) -> bool:
    if not cluster.planes.all_run or not cluster.api().is_ready():
        return False
    return all(
        cluster.node_state(node).value == "Running" and cluster.agent_runs(node) for node in cluster.profile.nodes
    )


def _build_images(home: Home) -> None:
    from navarch.launch.images.build import build

    build(home.images)


def _await_ready(cluster: Cluster) -> None:
    _await(cluster.api().is_ready, READY_TIMEOUT_S, "the API server", cluster)


def _await_node(cluster: Cluster, node: NodeEntry, since_s: float) -> None:
    api = cluster.api()
    _await(lambda: api.node_ready(node.name, since_s), NODE_TIMEOUT_S, f"node {node.name}", cluster)


def _await(condition: Callable[[], bool], timeout_s: float, what: str, cluster: Cluster) -> None:
    def settled() -> bool:
        cluster.check_started()
        return condition()

    if not wait_for(settled, timeout_s):
        raise LaunchError(
            SLOW,
            f"{what} is not ready after {timeout_s:.0f} s",
            f'see what it says: "navarch logs -p {cluster.profile.name}" or the files in {cluster.directory}/logs',
            80,
        )


def _done(profile: Profile, out: Output) -> None:
    if shutil.which("kubectl") is None:
        out.line("💡", "kubectl not found. If you need it, try: 'navarch kubectl -- get pods -A'")
    out.line(
        "🏄",
        f'Done! kubectl is now configured to use "{profile.name}" cluster and "default" namespace by default',
    )
