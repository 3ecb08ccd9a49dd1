"""Profiles: what the launcher remembers of each cluster, as files that every process of it reads.

    HOME/images                   the images that were built on this machine, for all profiles
    HOME/profiles/NAME/profile.json, pki/, store/, network/, nodes/NODE/, logs/
    HOME/profiles/NAME/control-planes/NAME/    of several control planes, each but the first: logs/; etcd/ of all

HOME is $NAVARCH_HOME or ~/.navarch. A profile is written as a whole before anything of it is made, so
that whatever a crash leaves behind can be found and removed.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec

DEFAULT_NAME = "navarch"
DEFAULT_PORT = 8443
#: More would reach into the addresses of control planes.
NODE_LIMIT = 183
CONTROL_PLANE_LIMIT = ClusterNetwork.CONTROL_PLANE_LIMIT
#: etcd's own; its members talk to each other on the next one.
ETCD_PORT = 2379
FILE = "profile.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")


class DriverName(StrEnum):
    """How nodes are made: namespaces of this machine, or only pretended."""

    NETNS = "netns"
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node of a profile. `index` is never used again for another one while this one exists."""

    name: str
    index: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One cluster. `number` fixes its networks, `online` whether public registries are reachable. With several
    `control_planes` each has an address of its own and all share an etcd; `extra_config` are flags for them, as
    COMPONENT.FLAG=VALUE. `etcd_port` is where etcd's members listen, a free one on loopback addresses."""

    name: str
    driver: DriverName
    number: int = 0
    port: int = DEFAULT_PORT
    nodes: tuple[NodeEntry, ...] = ()
    online: bool = False
    mirrors: tuple[str, ...] = ()
    service_cidr: str = "10.96.0.0/12"
    control_planes: int = 1
    etcd_port: int = ETCD_PORT
    extra_config: tuple[str, ...] = ()

    @property
    def network(self) -> ClusterNetwork:
        return ClusterNetwork(self.name, self.number, self.service_cidr)

    @property
    def host(self) -> str:
        """The address on which the API server listens, or who stands before several of them."""
        return self.network.host_ip if self.driver is DriverName.NETNS else "127.0.0.1"

    @property
    def server(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def is_shared(self) -> bool:
        """Whether there are several control planes."""
        return self.control_planes > 1

    @property
    def etcd_members(self) -> int:
        """Three where it helps: of two members none may fail."""
        return (3 if self.control_planes >= 3 else 1) if self.is_shared else 0

    def plane_host(self, plane: int) -> str:
        """The address of a control plane, counted from 0, and of the etcd beside it."""
        if not self.is_shared:
            return self.host
        return self.network.control_plane_ip(plane) if self.driver is DriverName.NETNS else f"127.0.0.{11 + plane}"

    @property
    def plane_hosts(self) -> tuple[str, ...]:
        return tuple(self.plane_host(plane) for plane in range(self.control_planes))

    def plane_name(self, plane: int) -> str:
        """The name of a control plane: that of the node with its number."""
        return node_name(self.name, plane)

    @property
    def etcd_servers(self) -> tuple[str, ...]:
        """Where clients reach etcd's members."""
        return tuple(f"https://{self.plane_host(m)}:{self.etcd_port}" for m in range(self.etcd_members))

    def service_ip(self, index: int) -> str:
        """The address with that number in the service range: 1 is the API server, 10 is DNS."""
        return str(ipaddress.ip_network(self.service_cidr)[index])

    def with_node(self, name: str = "") -> tuple[Profile, NodeEntry]:
        """The profile with one more node."""
        taken = {node.index for node in self.nodes}
        index = next(i for i in range(NODE_LIMIT) if i not in taken)
        entry = NodeEntry(name or node_name(self.name, index), index)
        return replace(self, nodes=(*self.nodes, entry)), entry

    def without_node(self, name: str) -> Profile:
        return replace(self, nodes=tuple(node for node in self.nodes if node.name != name))


def node_name(profile: str, index: int) -> str:
    """`navarch`, `navarch-m02`, `navarch-m03`, … as minikube counts."""
    return profile if index == 0 else f"{profile}-m{index + 1:02d}"


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of all profiles."""

    root: Path

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    def directory(self, name: str) -> Path:
        return self.profiles / name

    def names(self) -> tuple[str, ...]:
        """All profiles, half-made ones too."""
        return tuple(sorted(p.name for p in self.profiles.iterdir())) if self.profiles.is_dir() else ()

    def load(self, name: str) -> Profile | None:
        """None when there is no such profile. Raises: LaunchError when its file cannot be read."""
        return load(self.directory(name))

    def require(self, name: str) -> Profile:
        """Raises: LaunchError for an unknown profile."""
        found = self.load(name)
        if found is None:
            known = f"there are: {', '.join(self.names())}" if self.names() else "there is none yet"
            command = "navarch start" if name == DEFAULT_NAME else f"navarch start -p {name}"
            raise LaunchError(
                "HOST_PROFILE_NOT_FOUND",
                f'Profile "{name}" not found. ({known})',
                f'To start a cluster, run: "{command}"',
                85,
            )
        return found

    def save(self, profile: Profile) -> None:
        directory = self.directory(profile.name)
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        replace_file(directory / FILE, (json.dumps(asdict(profile), indent=1) + "\n").encode())


def home_of(environment: Mapping[str, str], user_home: Path) -> Home:
    return Home(Path(environment.get("NAVARCH_HOME") or user_home / ".navarch").absolute())


def load(directory: Path) -> Profile | None:
    """The profile kept in `directory`. Raises: LaunchError when its file cannot be read."""
    try:
        tree = json.loads((directory / FILE).read_bytes())
        nodes = tuple(NodeEntry(**node) for node in tree.pop("nodes"))
        driver, mirrors = DriverName(tree.pop("driver")), tuple(tree.pop("mirrors"))
        extra_config = tuple(tree.pop("extra_config", ()))
        return Profile(driver=driver, nodes=nodes, mirrors=mirrors, extra_config=extra_config, **tree)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LaunchError(
            "HOST_PROFILE_BROKEN",
            f"{directory / FILE} cannot be read: {error}",
            f'Remove what is left of it: "navarch delete -p {directory.name}"',
        ) from error


def node_spec(directory: Path, profile: Profile, node: NodeEntry) -> NodeSpec:
    """The node as drivers know it."""
    place = directory / "nodes" / node.name
    return NodeSpec(profile.network, node.name, node.index, place, profile.online, profile.mirrors)


def fake_node_ip(node: NodeEntry) -> str:
    """Where the kubelet of a pretended node listens that has a process of its own."""
    return f"127.1.0.{2 + node.index}"


def check_name(name: str) -> None:
    """Raises: LaunchError for a name that cannot be a profile's."""
    if not _NAME.fullmatch(name):
        raise LaunchError(
            "MK_USAGE",
            f'"{name}" is no name for a profile',
            "use small letters, digits and dashes, a letter or digit first, at most 39 in all",
            64,
        )
