"""The parts of one cluster on this machine: the control plane's process, the nodes and their agents.

    cluster = Cluster(home, profile)
    cluster.planes.start()

Everything here is idempotent, and everything can be stopped or removed whatever state it is in.
"""

from __future__ import annotations

import datetime
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch import kubeconfig
from navarch.launch.api import Api
from navarch.launch.drivers.contract import NodeSpec, NodeState, Service
from navarch.launch.drivers.inside import Endings
from navarch.launch.drivers.netns import NetnsDriver
from navarch.launch.images.load import load
from navarch.launch.images.loaded import Archives
from navarch.launch.planes import Planes
from navarch.launch.profile import DriverName, Home, NodeEntry, Profile, fake_node_ip, node_spec
from navarch.wire.certificates import cluster_certificates, ensure, etcd_certificates

AGENT = "agent"
PACKAGE_ROOT = Path(__file__).parents[2]


class Cluster:
    """One profile. Control planes are services of the machine itself, supervised as agents are."""

    def __init__(self, home: Home, profile: Profile) -> None:
        self.home = home
        self.profile = profile
        self.directory = home.directory(profile.name)
        self.driver = NetnsDriver()
        self._started: dict[str, Endings] = {}
        self.planes = Planes(profile, self.directory, python_environment(), self._start)

    @property
    def has_nodes(self) -> bool:
        """Whether nodes are more than pretended."""
        return self.profile.driver is not DriverName.FAKE

    @property
    def specs(self) -> list[NodeSpec]:
        return [node_spec(self.directory, self.profile, node) for node in self.profile.nodes]

    def spec(self, node: NodeEntry) -> NodeSpec:
        return node_spec(self.directory, self.profile, node)

    def api(self) -> Api:
        return Api(self.profile, self.directory)

    def plane_api(self, plane: int) -> Api:
        """Towards one of the control planes, whoever stands before them."""
        return Api(self.profile, self.directory, self.profile.plane_host(plane))

    # --- certificates and kubeconfig

    def ensure_certificates(self) -> tuple[str, ...]:
        profile = self.profile
        nodes = [(spec.name, self._node_ip(spec)) for spec in self.specs] if self.has_nodes or profile.is_shared else []
        hosts = tuple(dict.fromkeys((profile.host, *profile.plane_hosts)))
        wanted = cluster_certificates((*hosts, profile.service_ip(1)), nodes)
        if profile.is_shared:
            # Members look where a connection comes from: this machine's first address, whichever they listen on.
            members = [profile.plane_host(member) for member in range(profile.etcd_members)]
            wanted += etcd_certificates([profile.host, *members])
        return ensure(self.directory / "pki", wanted, datetime.datetime.now(datetime.UTC))

    def write_kubeconfig(self, path: Path, make_current: bool = True) -> bool:
        pki = self.directory / "pki"
        access = kubeconfig.Access(
            self.profile.name, self.profile.server, pki / "ca.crt", pki / "admin.crt", pki / "admin.key"
        )
        return kubeconfig.update(path, lambda config: kubeconfig.with_access(config, access, make_current))

    def in_kubeconfig(self, path: Path) -> bool:
        """Whether the entry there leads to this cluster."""
        clusters = kubeconfig.read(path).get("clusters") or ()
        return any(
            c.get("name") == self.profile.name and c["cluster"]["server"] == self.profile.server for c in clusters
        )

    # --- the control plane

    @property
    def control_plane_runs(self) -> bool:
        """Whether any process of it does."""
        return self.planes.any_runs

    # --- nodes

    def node_state(self, node: NodeEntry) -> NodeState:
        if not self.has_nodes:
            return NodeState.RUNNING if self.planes.fake_nodes_run else NodeState.STOPPED
        return self.driver.status(self.spec(node))

    def _node_ip(self, spec: NodeSpec) -> str:
        """Where the API server reaches the kubelet."""
        return spec.ip if self.has_nodes else fake_node_ip(NodeEntry(spec.name, spec.index))

    def agent_runs(self, node: NodeEntry) -> bool:
        return self.driver.service_running(self.spec(node), AGENT) if self.has_nodes else self.planes.fake_nodes_run

    def start_node(self, node: NodeEntry) -> None:
        """Start it, and give it the archives that were loaded before it came. Raises: LaunchError."""
        spec = self.spec(node)
        self.driver.start(spec, self.specs)
        self.archives.bring(spec.directory, lambda archive: load(self.driver, spec, archive))

    @property
    def archives(self) -> Archives:
        return Archives(self.directory)

    def start_agent(self, node: NodeEntry) -> None:
        if self.agent_runs(node):
            return
        components = "kubelet,kube-proxy" + (",coredns" if node == self.profile.nodes[0] else "")
        command = (
            *(sys.executable, "-m", "navarch.app.agent"),
            *(str(self.directory), node.name, components, str(self.home.images)),
        )
        self._start(self.driver.start_service, self.spec(node), Service(AGENT, command, python_environment()))

    def _start(self, begin: Callable[[NodeSpec, Service], None], spec: NodeSpec, service: Service) -> None:
        self._started[f"{service.name} of {spec.name}"] = Endings(spec.logs / f"{service.name}.log")
        begin(spec, service)

    def check_started(self) -> None:
        """Raises: LaunchError, with its last words, when a process that was started here has ended."""
        for name, endings in self._started.items():
            if (words := endings.last_words()) is not None:
                raise LaunchError(
                    "PROCESS_ENDED", f"the {name} ended instead of running. It said last:\n{words}", "", 80
                )

    @property
    def anything_runs(self) -> bool:
        states = [self.node_state(node) for node in self.profile.nodes]
        return self.control_plane_runs or any(state in (NodeState.RUNNING, NodeState.BROKEN) for state in states)

    def stop_node(self, node: NodeEntry) -> None:
        if self.has_nodes:
            # The agent first, or it would start again what ends.
            self.driver.stop_service(self.spec(node), AGENT)
            self.driver.stop(self.spec(node))

    def delete_node(self, node: NodeEntry) -> None:
        if self.has_nodes:
            self.driver.delete(self.spec(node), self.specs)

    def open_network(self) -> None:
        if self.has_nodes:
            self.driver.open_network(self.profile.network, self.directory / "network")

    def close_network(self) -> None:
        if self.has_nodes:
            self.driver.close_network(self.profile.network, self.directory / "network")

    # --- the end

    def stop(self) -> None:
        """End every process; nothing that was stored is lost."""
        for node in self.profile.nodes:
            self.stop_node(node)
        self.planes.stop()
        self.close_network()

    def delete(self) -> None:
        """Remove everything of the profile."""
        for node in self.profile.nodes:
            self.delete_node(node)
        self.planes.stop()
        self.close_network()
        shutil.rmtree(self.directory, ignore_errors=True)


def remove_remains(home: Home, name: str) -> None:
    """Delete a profile whose file is missing or broken, by what lies in its directory."""
    directory = home.directory(name)
    places = sorted((directory / "nodes").iterdir()) if (directory / "nodes").is_dir() else []
    nodes = tuple(NodeEntry(place.name, index) for index, place in enumerate(places))
    real = bool(nodes) or (directory / "network").is_dir()
    Cluster(home, Profile(name, DriverName.NETNS if real else DriverName.FAKE, nodes=nodes)).delete()


@contextmanager
def locked(home: Home, name: str) -> Iterator[None]:
    """Only one launcher at a time changes a profile. Raises: LaunchError when another does."""
    (home.root / "locks").mkdir(parents=True, exist_ok=True)
    path = home.root / "locks" / name
    with path.open("w") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise LaunchError(
                "HOST_PROFILE_BUSY",
                f'another navarch is working on profile "{name}"',
                "wait until it is done",
                50,
            ) from error
        yield


def python_environment() -> dict[str, str]:
    """What our own processes need to find this code again."""
    kept = {key: os.environ[key] for key in ("LANG", "HTTPS_PROXY", "https_proxy", "NO_PROXY") if key in os.environ}
    path = os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return {"PATH": path, "PYTHONPATH": str(PACKAGE_ROOT), "PYTHONUNBUFFERED": "1", **kept}
