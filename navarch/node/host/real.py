"""The machine itself, through the file system and a handful of system calls. Linux only.

Source: the kubelet's `volume/util/atomic_writer.go` (how a directory's contents are swapped at once).
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence

from navarch.node.host import disk
from navarch.node.host.cgroupfs import CgroupFs
from navarch.node.host.contract import File, MachineFacts, Usage
from navarch.node.runtime.contract import LinuxResources

_DATA, _DATA_NEW = "..data", "..data_tmp"
MNT_DETACH = 2
#: What fsGroup adds for the group: to files, to files nobody may write, to directories.
_GROUP_RW, _GROUP_R, _GROUP_DIR = 0o660, 0o440, 0o110 | stat.S_ISGID

_libc = ctypes.CDLL(None, use_errno=True)


class RealHost:
    """Implements `Host`. `root_dir` is the kubelet's own directory, whose file system is measured; `image_dir` that
    of the runtime, where it is another one."""

    def __init__(self, root_dir: str, cgroups: CgroupFs | None = None, image_dir: str = "") -> None:
        self._root_dir = root_dir
        self._image_dir = image_dir
        self._cgroups = cgroups or CgroupFs()

    # --- the machine

    def facts(self) -> MachineFacts:
        os.makedirs(self._root_dir, exist_ok=True)
        storage = os.statvfs(self._root_dir)
        uname = platform.uname()
        return MachineFacts(
            cpus=len(os.sched_getaffinity(0)),
            memory_bytes=_meminfo().get("MemTotal", 0),
            storage_bytes=storage.f_blocks * storage.f_frsize,
            architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(uname.machine, uname.machine),
            operating_system="linux",
            kernel_version=uname.release,
            os_image=_os_image(),
            machine_id=_text("/etc/machine-id"),
            system_uuid=_text("/sys/class/dmi/id/product_uuid") or _text("/etc/machine-id"),
            boot_id=_text("/proc/sys/kernel/random/boot_id"),
            started_at=_boot_time(),
        )

    def usage(self) -> Usage:
        memory = _meminfo()
        storage = os.statvfs(self._root_dir)
        images = os.statvfs(self._image_dir) if os.path.isdir(self._image_dir) else storage
        return Usage(
            memory_available_bytes=memory.get("MemAvailable", 0),
            memory_total_bytes=memory.get("MemTotal", 0),
            storage_available_bytes=storage.f_bavail * storage.f_frsize,
            storage_total_bytes=storage.f_blocks * storage.f_frsize,
            inodes_free=storage.f_ffree,
            inodes=storage.f_files,
            cpu_nanos=_cpu_nanos(),
            pids=int(_text("/proc/loadavg").split()[3].split("/")[1]),
            pids_max=int(_text("/proc/sys/kernel/pid_max") or 32768),
            images_available_bytes=images.f_bavail * images.f_frsize,
            images_total_bytes=images.f_blocks * images.f_frsize,
            images_inodes_free=images.f_ffree,
            images_inodes=images.f_files,
        )

    def pod_hosts(self) -> str:
        return _text("/etc/hosts", strip=False)

    # --- files

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        if os.path.isdir(path):
            return
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)

    def make_tmpfs(self, path: str, size_bytes: int) -> None:
        os.makedirs(path, exist_ok=True)
        if os.path.ismount(path):
            return
        options = "mode=0777" + (f",size={size_bytes}" if size_bytes else "")
        self._check(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, options.encode()), path)

    def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)

    def read_file(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(limit)

    def file_size(self, path: str) -> int:
        return os.stat(path).st_size

    def kind(self, path: str) -> str:
        try:
            mode = os.stat(path).st_mode
        except OSError:
            return ""
        kinds = {
            stat.S_IFDIR: "Directory",
            stat.S_IFREG: "File",
            stat.S_IFSOCK: "Socket",
            stat.S_IFCHR: "CharDevice",
            stat.S_IFBLK: "BlockDevice",
        }
        return kinds.get(stat.S_IFMT(mode), "File")

    def list_dir(self, path: str) -> Sequence[str]:
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []

    def sub_path(self, base: str, path: str) -> str:
        """Links are followed as long as they stay inside; the result has none left."""
        root = os.path.realpath(base)
        wanted = os.path.realpath(os.path.join(root, path))
        if wanted != root and not wanted.startswith(root + "/"):
            raise PermissionError(1, "subpath leads out of the volume", path)
        if not os.path.exists(wanted):
            owner = os.stat(root)
            os.makedirs(wanted, exist_ok=True)
            os.chmod(wanted, stat.S_IMODE(owner.st_mode))
            os.chown(wanted, owner.st_uid, owner.st_gid)
        return wanted

    def disk_usage(self, path: str) -> int:
        return disk.used_bytes(path)

    def remove_tree(self, path: str) -> None:
        for mount in reversed(_mounts_below(path)):
            self._check(_libc.umount2(mount.encode(), MNT_DETACH), mount)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def rename(self, path: str, new: str) -> None:
        os.replace(path, new)

    # --- volumes

    def publish(self, directory: str, files: Mapping[str, File], gid: int | None = None) -> bool:
        os.makedirs(directory, exist_ok=True)
        if _published(directory) == {n: (f.data, _shared_mode(f.mode, gid)) for n, f in files.items()}:
            return False
        fresh = tempfile.mkdtemp(prefix="..", dir=directory)
        os.chmod(fresh, 0o755)
        for name, file in files.items():
            path = os.path.join(fresh, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.write_file(path, file.data, _shared_mode(file.mode, gid))
            if gid is not None:
                os.chown(path, -1, gid)
        self._swap(directory, os.path.basename(fresh), {name.split("/")[0] for name in files})
        return True

    def _swap(self, directory: str, fresh: str, names: set[str]) -> None:
        """Point `..data` at the fresh directory, then bring the visible links in line."""
        data, new = os.path.join(directory, _DATA), os.path.join(directory, _DATA_NEW)
        before = os.readlink(data) if os.path.islink(data) else ""
        if os.path.lexists(new):
            os.unlink(new)
        os.symlink(fresh, new)
        os.rename(new, data)
        for name in names:
            link = os.path.join(directory, name)
            if not os.path.lexists(link):
                os.symlink(os.path.join(_DATA, name), link)
        for name in os.listdir(directory):
            if not name.startswith("..") and name not in names:
                os.unlink(os.path.join(directory, name))
        if before:
            shutil.rmtree(os.path.join(directory, before), ignore_errors=True)

    def give_to_group(self, path: str, gid: int, *, always: bool = True) -> None:
        top = os.stat(path)
        if not always and top.st_gid == gid and top.st_mode & stat.S_ISGID:
            return
        for directory, _, files in os.walk(path):
            _give(directory, gid, _GROUP_RW | _GROUP_DIR)
            for name in files:
                file = os.path.join(directory, name)
                if not os.path.islink(file):
                    _give(file, gid, _GROUP_RW)

    # --- cgroups

    def apply_cgroup(self, path: str, resources: LinuxResources, pids_max: int = 0) -> None:
        self._cgroups.apply(path, resources, pids_max)

    def remove_cgroup(self, path: str) -> None:
        self._cgroups.remove(path)

    @staticmethod
    def _check(result: int, path: str) -> None:
        if result != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)


def _give(path: str, gid: int, bits: int) -> None:
    os.chown(path, -1, gid)
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | bits)


def _shared_mode(mode: int, gid: int | None) -> int:
    return mode if gid is None else mode | _GROUP_R


def _published(directory: str) -> dict[str, tuple[bytes, int]] | None:
    """What was published before: name -> (contents, mode); None if nothing was."""
    data = os.path.join(directory, _DATA)
    if not os.path.isdir(data):
        return None
    found = {}
    top = os.path.realpath(data)
    for base, _, names in os.walk(top):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                found[os.path.relpath(path, top)] = (file.read(), mode)
    return found


def _mounts_below(path: str) -> list[str]:
    """Mount points at or below a path, outer ones first."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            point = line.split(" ")[4].replace("\\040", " ")
            if point == path or point.startswith(path + "/"):
                found.append(point)
    return found


def _text(path: str, *, strip: bool = True) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    return text.strip() if strip else text


def _meminfo() -> dict[str, int]:
    """/proc/meminfo in bytes."""
    out = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        out[name] = int(rest.split()[0]) * 1024
    return out


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def _boot_time() -> float:
    for line in _text("/proc/stat").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def _cpu_nanos() -> int:
    """CPU time that was not idle since boot."""
    fields = _text("/proc/stat").split("\n", 1)[0].split()[1:9]
    busy = sum(int(f) for f in fields) - int(fields[3]) - int(fields[4])
    return busy * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
