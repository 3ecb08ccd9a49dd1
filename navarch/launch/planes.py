"""The control planes of a profile, services of the machine itself: one process, or several that share an etcd.

    one       control-plane
    several   etcd-server (one or three), control-plane (each with an address of its own), front before them,
              and nodes: the pretended nodes, which are no part of any control plane then

Every service has its files in the directory of its control plane. All of it is idempotent.
"""

from __future__ import annotations

import http.client
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch.drivers import hostnet, hostservices
from navarch.launch.drivers.contract import NodeSpec, Service
from navarch.launch.drivers.process import wait_for
from navarch.launch.ports import is_free, port_taken
from navarch.launch.profile import DriverName, Profile

CONTROL_PLANE, ETCD, FRONT, NODES = "control-plane", "etcd-server", "front", "nodes"
ETCD_TIMEOUT_S = 20.0

#: (begin, where, what): starts a service and remembers it as one that must not end.
Start = Callable[[Callable[[NodeSpec, Service], None], NodeSpec, Service], None]


class Planes:
    """`start` is called for each service that is started here."""

    def __init__(self, profile: Profile, directory: Path, environment: dict[str, str], start: Start) -> None:
        self._profile = profile
        self._directory = directory
        self._environment = environment
        self._start = start

    def spec(self, plane: int) -> NodeSpec:
        """The place of a control plane's files."""
        name = self._profile.plane_name(plane)
        directory = self._directory if plane == 0 else self._directory / "control-planes" / name
        return NodeSpec(self._profile.network, name, plane, directory)

    def runs(self, plane: int) -> bool:
        return hostservices.service_running(self.spec(plane), CONTROL_PLANE)

    @property
    def any_runs(self) -> bool:
        return any(hostservices.service_running(spec, name) for spec, name in self._services())

    @property
    def fake_nodes_run(self) -> bool:
        """Pretended nodes live in a single control plane, or beside several."""
        return hostservices.service_running(self.spec(0), NODES if self._profile.is_shared else CONTROL_PLANE)

    @property
    def all_run(self) -> bool:
        return all(hostservices.service_running(spec, name) for spec, name in self._services())

    def _services(self) -> Iterator[tuple[NodeSpec, str]]:
        """All of them, in the order in which they are started."""
        profile = self._profile
        for member in range(profile.etcd_members):
            yield self.spec(member), ETCD
        for plane in range(profile.control_planes):
            yield self.spec(plane), CONTROL_PLANE
        if profile.is_shared:
            yield self.spec(0), FRONT
            if profile.driver is DriverName.FAKE:
                yield self.spec(0), NODES

    def start(self) -> None:
        """Start what does not run. Raises: LaunchError when an address is taken by somebody else."""
        self._add_addresses()
        missing = [(spec, name) for spec, name in self._services() if not hostservices.service_running(spec, name)]
        for spec, name in missing:
            hostservices.stop_service(spec, name)
            self._check_free(spec, name)
        for spec, name in missing:
            if name == ETCD:
                self._start(hostservices.start_service, spec, Service(ETCD, self._etcd(spec.index), self._environment))
        if any(name == ETCD for _, name in missing):
            self._await_etcd()
        for spec, name in missing:
            if name != ETCD:
                self._start(
                    hostservices.start_service, spec, Service(name, self._command(spec, name), self._environment)
                )

    def stop(self) -> None:
        """End them, who serves before who is served."""
        for spec, name in reversed(list(self._services())):
            hostservices.stop_service(spec, name)

    def _add_addresses(self) -> None:
        """Each of several control planes listens on an address of its own; loopback ones are there already."""
        profile = self._profile
        if profile.is_shared and profile.driver is DriverName.NETNS:
            bridge = profile.network.bridge
            hostnet.ip(*(f"address replace {host}/24 dev {bridge}" for host in profile.plane_hosts))

    def _check_free(self, spec: NodeSpec, name: str) -> None:
        profile = self._profile
        own = profile.plane_host(spec.index)
        wanted = {
            CONTROL_PLANE: (own, profile.port),
            FRONT: (profile.host, profile.port),
            ETCD: (own, profile.etcd_port),
        }
        if name in wanted and not is_free(*wanted[name]):
            raise port_taken(*wanted[name])

    def _command(self, spec: NodeSpec, name: str) -> tuple[str, ...]:
        module = {CONTROL_PLANE: "control_plane", FRONT: "front", NODES: "fake_nodes"}[name]
        number = (str(spec.index),) if name == CONTROL_PLANE else ()
        return (sys.executable, "-m", f"navarch.app.{module}", str(self._directory), *number)

    def _etcd(self, member: int) -> tuple[str, ...]:
        """TLS with certificates both ways, towards clients and among the members."""
        profile = self._profile
        clients, peers = profile.etcd_servers[member], self._peer(member)
        members = ",".join(f"{profile.plane_name(m)}={self._peer(m)}" for m in range(profile.etcd_members))
        pki = self._directory / "pki"
        flags = {
            "name": profile.plane_name(member),
            "data-dir": str(self.spec(member).directory / "etcd"),
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": members,
            "initial-cluster-token": profile.name,
            "cert-file": str(pki / "etcd.crt"),
            "key-file": str(pki / "etcd.key"),
            "trusted-ca-file": str(pki / "etcd-ca.crt"),
            "peer-cert-file": str(pki / "etcd.crt"),
            "peer-key-file": str(pki / "etcd.key"),
            "peer-trusted-ca-file": str(pki / "etcd-ca.crt"),
        }
        switches = ("--client-cert-auth", "--peer-client-cert-auth", "--log-level=warn")
        return ("etcd", *(f"--{name}={value}" for name, value in flags.items()), *switches)

    def _peer(self, member: int) -> str:
        return f"https://{self._profile.plane_host(member)}:{self._profile.etcd_port + 1}"

    def _await_etcd(self) -> None:
        if not wait_for(self.etcd_is_well, ETCD_TIMEOUT_S):
            raise LaunchError(
                "K8S_ETCD_START",
                f"etcd has no quorum after {ETCD_TIMEOUT_S:.0f} s",
                f"see {self.spec(0).logs}/{ETCD}.log",
                80,
            )

    def etcd_is_well(self) -> bool:
        """Whether most of the members answer, and have a leader."""
        members = self._profile.etcd_members
        return sum(self._member_is_well(member) for member in range(members)) > members // 2

    def _member_is_well(self, member: int) -> bool:
        pki = self._directory / "pki"
        context = ssl.create_default_context(cafile=str(pki / "etcd-ca.crt"))
        context.load_cert_chain(pki / "apiserver-etcd-client.crt", pki / "apiserver-etcd-client.key")
        host, port = self._profile.plane_host(member), self._profile.etcd_port
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=1.0)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
