"""What the kubelet asks of the machine it runs on, beside the container runtime.

`real.py` is the machine, `memory.py` a dictionary for simulations. All calls are short and synchronous;
they touch only what lies below the kubelet's own directories, host paths that pods name, and cgroups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from navarch.node.runtime.contract import LinuxResources


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What NodeStatus says about the machine. Sizes in bytes."""

    cpus: int = 1
    memory_bytes: int = 1 << 30
    storage_bytes: int = 10 << 30
    architecture: str = "amd64"
    operating_system: str = "linux"
    kernel_version: str = ""
    os_image: str = ""
    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    started_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What is in use or left, for conditions, statistics and eviction. Images whose total is 0 share the storage."""

    memory_available_bytes: int = 1 << 30
    memory_total_bytes: int = 1 << 30
    storage_available_bytes: int = 10 << 30
    storage_total_bytes: int = 10 << 30
    inodes_free: int = 1 << 20
    inodes: int = 1 << 20
    cpu_nanos: int = 0
    pids: int = 0
    pids_max: int = 32768
    images_available_bytes: int = 0
    images_total_bytes: int = 0
    images_inodes_free: int = 0
    images_inodes: int = 0

    @property
    def images_available(self) -> int:
        """Bytes that images may still take."""
        return self.images_available_bytes if self.images_total_bytes else self.storage_available_bytes

    @property
    def images_capacity(self) -> int:
        """Bytes of the file system that images are on."""
        return self.images_total_bytes or self.storage_total_bytes


@dataclass(frozen=True, slots=True)
class File:
    """A file to publish. `mode` are the permission bits."""

    data: bytes
    mode: int = 0o644


class Host(Protocol):
    """Paths are absolute. Errors are OSError, as the kernel words them."""

    def facts(self) -> MachineFacts: ...

    def usage(self) -> Usage: ...

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        """The directory and its parents; an existing one is left as it is."""

    def make_tmpfs(self, path: str, size_bytes: int) -> None:
        """A directory in memory, size 0 for the kernel's default."""

    def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replace the file's contents in place, so that bind mounts of it see the change."""

    def read_file(self, path: str, offset: int = 0, limit: int = -1) -> bytes: ...

    def file_size(self, path: str) -> int:
        """Raises: FileNotFoundError."""

    def rename(self, path: str, new: str) -> None:
        """Give a file another name in its directory, in place of what may have had it."""

    def publish(self, directory: str, files: Mapping[str, File], gid: int | None = None) -> bool:
        """Make the directory hold exactly these files (paths relative to it), all at once, by swapping
        the `..data` link. Returns whether anything changed."""

    def give_to_group(self, path: str, gid: int, *, always: bool = True) -> None:
        """fsGroup: the tree belongs to the group, which may write; new files inherit it. Not `always`:
        leave it when the top already does."""

    def kind(self, path: str) -> str:
        """Directory, File, Socket, CharDevice, BlockDevice, or empty if there is nothing."""

    def list_dir(self, path: str) -> Sequence[str]:
        """Names in the directory, sorted; none if it does not exist."""

    def sub_path(self, base: str, path: str) -> str:
        """The path of `path` below `base`, made as a directory if missing. Raises: PermissionError if
        it leads out of `base`, through a link or otherwise."""

    def disk_usage(self, path: str) -> int:
        """Bytes of everything below; 0 if there is nothing. May take long for many files."""

    def remove_tree(self, path: str) -> None:
        """Unmount what is mounted below and remove everything; nothing to remove is no error."""

    def apply_cgroup(self, path: str, resources: LinuxResources, pids_max: int = 0) -> None:
        """Make the cgroup (path below the hierarchies' roots) and set its limits."""

    def remove_cgroup(self, path: str) -> None: ...

    def pod_hosts(self) -> str:
        """The machine's own /etc/hosts, for pods on the host network."""
