"""What live tests need of the machine: whether they can run, what is there, a thread inside a node."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from navarch.launch.drivers import hostnet, process
from navarch.launch.drivers.cgroup import hierarchies

NEEDED = ("containerd", "runc", "tini", "nft", "ip", "nsenter", "unshare")
CLONE_NEWNET = 0x4000_0000
#: The network namespace in which the tests were started.
HOST_NETWORK = f"/proc/self/fd/{os.open('/proc/thread-self/ns/net', os.O_RDONLY)}"

needs_machine = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(program) is None for program in NEEDED),
    reason=f"needs root and {', '.join(NEEDED)}",
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything on the machine that a node could leave behind."""

    processes: frozenset[str]
    mounts: frozenset[str]
    interfaces: frozenset[str]
    namespaces: frozenset[str]
    cgroups: frozenset[str]
    tables: frozenset[str]
    routes: frozenset[str]
    settings: frozenset[str]
    files: frozenset[str]


#: Where programs leave things, and what the kernel may have been told.
_PLACES = ("/run", "/var/lib", "/var/log", "/etc/cni")
_SETTINGS = ("conf/*/forwarding", "conf/*/route_localnet", "ip_forward")


def inventory(profile: str, directory: Path) -> Inventory:
    """Takes stock. Processes and cgroups are those of `profile`; the rest is the whole machine's."""
    cgroups = [root / "navarch" / profile for root in hierarchies(Path("/proc/mounts").read_text())]
    return Inventory(
        processes=frozenset(_processes(profile, directory)),
        mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
        interfaces=frozenset(os.listdir("/sys/class/net")),
        namespaces=frozenset(os.listdir("/run/netns") if os.path.isdir("/run/netns") else ()),
        cgroups=frozenset(str(path) for path in cgroups if path.exists()),
        tables=frozenset(hostnet.output(["nft", "list", "tables"]).splitlines()),
        routes=frozenset(hostnet.output(["ip", "route"]).splitlines()),
        settings=frozenset(
            f"{path}={path.read_text().strip()}"
            for pattern in _SETTINGS
            for path in Path("/proc/sys/net/ipv4").glob(pattern)
        ),
        files=frozenset(str(path) for place in _PLACES for path in Path(place).glob("*")),
    )


def _processes(profile: str, directory: Path) -> Iterator[str]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{name}/cmdline").read_text().replace("\0", " ")
            cgroup = Path(f"/proc/{name}/cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if process.process(int(name)) and (str(directory) in command or f"/navarch/{profile}/" in cgroup):
            yield f"{name} {command}"


@contextmanager
def network(namespace: str) -> Iterator[None]:
    """This thread in the network namespace at the path `namespace`, for sockets that are opened meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, open(namespace) as other:
        assert libc.setns(other.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(own.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
