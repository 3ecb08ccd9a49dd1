"""The words that the launcher and its driver share: networks, nodes, their states, services in them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClusterNetwork:
    """The addresses of one profile. `number` sets profiles of one machine apart.

    Number 0 has nodes 192.168.49.2, .3, … behind the host's 192.168.49.1 and pods in 10.244.0.0/16.
    """

    profile: str
    number: int = 0
    service_cidr: str = "10.96.0.0/12"

    #: 192.168.49, .58, .67 … as minikube counts, for as long as 10.244, 10.245, … last.
    LIMIT = 12
    CONTROL_PLANE_LIMIT = 7

    def __post_init__(self) -> None:
        assert 0 <= self.number < self.LIMIT, self.number

    @property
    def node_cidr(self) -> str:
        return f"192.168.{49 + 9 * self.number}.0/24"

    @property
    def load_balancer_cidr(self) -> str:
        """The end of the nodes' range: addresses that the first node takes in for load balancers."""
        return f"192.168.{49 + 9 * self.number}.192/26"

    @property
    def pod_cidr(self) -> str:
        return f"10.{244 + self.number}.0.0/16"

    @property
    def host_ip(self) -> str:
        """The host as the nodes see it: where the API server listens."""
        return str(ipaddress.ip_network(self.node_cidr)[1])

    def control_plane_ip(self, plane: int) -> str:
        """The address of one of several control planes, after those of nodes and before those of load balancers."""
        return f"192.168.{49 + 9 * self.number}.{192 - self.CONTROL_PLANE_LIMIT + plane}"

    @property
    def bridge(self) -> str:
        """The name of the bridge on the host, and of the nftables table there."""
        return f"navarch{49 + 9 * self.number}"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node. `index` counts from 0 and fixes its addresses; everything it writes is below `directory`."""

    network: ClusterNetwork
    name: str
    index: int
    directory: Path
    #: Whether pulls may go on to public registries, and the mirrors to ask before those.
    online: bool = False
    mirrors: tuple[str, ...] = ()

    @property
    def ip(self) -> str:
        return str(ipaddress.ip_network(self.network.node_cidr)[2 + self.index])

    @property
    def pod_cidr(self) -> str:
        pods = ipaddress.ip_network(self.network.pod_cidr)
        return f"{pods[self.index << 8]}/24"

    @property
    def cgroup(self) -> str:
        """The cgroup below which the kubelet puts pods."""
        return f"/navarch/{self.network.profile}/{self.name}"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"


class NodeState(Enum):
    """BROKEN: processes of the node live, but its container runtime does not answer."""

    ABSENT = "Nonexistent"
    STOPPED = "Stopped"
    RUNNING = "Running"
    BROKEN = "Error"


@dataclass(frozen=True, slots=True)
class Service:
    """A long-running program inside a node, started again whenever it ends. Logs to `logs/NAME.log`."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
