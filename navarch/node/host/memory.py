"""A machine whose disk is a dictionary, for simulations: path -> contents.

Directories are entries whose contents are None. State is plain data, so that a cluster can be copied.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from navarch.node.host.contract import File, MachineFacts, Usage
from navarch.node.runtime.contract import LinuxResources


@dataclass(frozen=True, slots=True)
class Disk:
    """All files of a machine at one instant: path -> contents, None for directories; and which of them
    `publish` put into a directory."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    published: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """What all containers use together."""

    cpu_nanos: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0


NO_LOAD = Load()


class MemoryHost:
    """Implements `Host`. `facts_` are what the node claims to be."""

    def __init__(self, facts: MachineFacts | None = None, usage: Usage | None = None) -> None:
        self._facts = facts or MachineFacts(cpus=8, memory_bytes=32 << 30, storage_bytes=100 << 30)
        #: The usage without what `load` says.
        self.unloaded = usage or Usage(
            self._facts.memory_bytes, self._facts.memory_bytes, self._facts.storage_bytes, self._facts.storage_bytes
        )
        #: A file that is appended to is a bytearray; all others are bytes, which copies share.
        self.files: dict[str, bytes | bytearray | None] = {}
        #: Directory -> the paths that `publish` last put into it.
        self._published: dict[str, tuple[str, ...]] = {}
        self.cgroups: dict[str, LinuxResources] = {}
        #: What the containers use of the machine.
        self.load: Callable[[], Load] = _nothing_runs

    def facts(self) -> MachineFacts:
        return self._facts

    def usage(self) -> Usage:
        load = self.load()
        if load == NO_LOAD:
            return self.unloaded
        memory = max(self.unloaded.memory_available_bytes - load.memory_bytes, 0)
        storage = max(self.unloaded.storage_available_bytes - load.disk_bytes, 0)
        return replace(
            self.unloaded, cpu_nanos=load.cpu_nanos, memory_available_bytes=memory, storage_available_bytes=storage
        )

    def disk_usage(self, path: str) -> int:
        held = [data for name, data in self.files.items() if name == path or name.startswith(path + "/")]
        return sum(len(data) for data in held if data is not None)

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        self.files.setdefault(path, None)

    def make_tmpfs(self, path: str, size_bytes: int) -> None:
        self.files.setdefault(path, None)

    def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.files[path] = bytes(data)

    def append(self, path: str, data: bytes) -> None:
        """What a container's process writes to its log."""
        held = self.files.get(path)
        if not isinstance(held, bytearray):
            held = self.files[path] = bytearray(held or b"")
        held += data

    def read_file(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        held = self._file(path)
        return bytes(held[offset:] if limit < 0 else held[offset : offset + limit])

    def file_size(self, path: str) -> int:
        return len(self._file(path))

    def _file(self, path: str) -> bytes | bytearray:
        held = self.files.get(path)
        if held is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return held

    def publish(self, directory: str, files: Mapping[str, File], gid: int | None = None) -> bool:
        wanted = {posixpath.join(directory, name): file.data for name, file in files.items()}
        # As the kubelet's atomic writer: only what was published here before is taken back.
        stale = [p for p in self._published.get(directory, ()) if p not in wanted and p in self.files]
        self._published[directory] = tuple(wanted)
        changed = bool(stale) or any((self.files.get(path) or b"") != data for path, data in wanted.items())
        for path in stale:
            del self.files[path]
        self.files[directory] = None
        for path, data in wanted.items():
            self.files[path] = bytes(data)
        return changed

    def give_to_group(self, path: str, gid: int, *, always: bool = True) -> None:
        """Memory has no owners."""

    def kind(self, path: str) -> str:
        if path not in self.files:
            return ""
        return "Directory" if self.files[path] is None else "File"

    def list_dir(self, path: str) -> Sequence[str]:
        prefix = path.rstrip("/") + "/"
        return sorted({p[len(prefix) :].split("/", 1)[0] for p in self.files if p.startswith(prefix)})

    def sub_path(self, base: str, path: str) -> str:
        joined = posixpath.normpath(posixpath.join(base, path))
        if joined != base and not joined.startswith(base + "/"):
            raise PermissionError(1, "subpath leads out of the volume", path)
        self.files.setdefault(joined, None)
        return joined

    def rename(self, path: str, new: str) -> None:
        self.files[new] = self.files.pop(path)

    def remove_tree(self, path: str) -> None:
        inside = path + "/"
        for found in [p for p in self.files if p == path or p.startswith(inside)]:
            del self.files[found]
        for directory in [d for d in self._published if d == path or d.startswith(inside)]:
            del self._published[directory]

    def apply_cgroup(self, path: str, resources: LinuxResources, pids_max: int = 0) -> None:
        self.cgroups[path] = resources

    def remove_cgroup(self, path: str) -> None:
        self.cgroups.pop(path, None)

    def pod_hosts(self) -> str:
        return "127.0.0.1\tlocalhost\n"

    def snapshot(self) -> Disk:
        return Disk(
            {path: bytes(data) if isinstance(data, bytearray) else data for path, data in self.files.items()},
            dict(self._published),
        )

    def restore(self, disk: Disk) -> None:
        self.files = dict(disk.files)
        self._published = dict(disk.published)


def _nothing_runs() -> Load:
    return NO_LOAD
