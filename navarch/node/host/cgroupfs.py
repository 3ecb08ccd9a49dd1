"""Writing cgroups: v1 with a mount for each controller (also hybrid), and v2.

What is to be written is computed by `v1_files` and `v2_files`, which are pure; the class only writes.
A machine that does not let us (rootless, read-only) leaves pods without cgroups of their own, which the
node's log says once.

Source: the kernel's cgroup-v1 and cgroup-v2 documentation; the kubelet's `cm/cgroup_manager_linux.go`.
"""

from __future__ import annotations

import logging
import os

from navarch.node.resources import CPU_PERIOD_US, cpu_weight
from navarch.node.runtime.contract import LinuxResources

log = logging.getLogger(__name__)

ROOT = "/sys/fs/cgroup"
V1_CONTROLLERS = ("cpu", "memory", "pids", "cpuset", "blkio", "devices", "freezer", "hugetlb")
_CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")


def v1_files(resources: LinuxResources, pids_max: int) -> dict[str, dict[str, str]]:
    """controller -> file -> contents."""
    cpu = {"cpu.shares": str(resources.cpu_shares)} if resources.cpu_shares else {}
    if resources.cpu_quota_us:
        cpu |= {
            "cpu.cfs_period_us": str(resources.cpu_period_us or CPU_PERIOD_US),
            "cpu.cfs_quota_us": str(resources.cpu_quota_us),
        }
    memory = {"memory.limit_in_bytes": str(resources.memory_limit_bytes)} if resources.memory_limit_bytes else {}
    pids = {"pids.max": str(pids_max)} if pids_max else {}
    return {"cpu": cpu, "memory": memory, "pids": pids}


def v2_files(resources: LinuxResources, pids_max: int) -> dict[str, str]:
    """file -> contents."""
    out = {}
    if resources.cpu_shares:
        out["cpu.weight"] = str(cpu_weight(resources.cpu_shares))
    if resources.cpu_quota_us:
        out["cpu.max"] = f"{resources.cpu_quota_us} {resources.cpu_period_us or CPU_PERIOD_US}"
    if resources.memory_limit_bytes:
        out["memory.max"] = str(resources.memory_limit_bytes)
    if pids_max:
        out["pids.max"] = str(pids_max)
    return out | dict(resources.unified)


class CgroupFs:
    """The hierarchies below `root`."""

    def __init__(self, root: str = ROOT) -> None:
        self._root = root
        self._unified = os.path.exists(f"{root}/cgroup.controllers")
        self._said = False

    def apply(self, path: str, resources: LinuxResources, pids_max: int) -> None:
        """Make the cgroup and everything above it, and set its limits."""
        try:
            if self._unified:
                self._make_v2(path)
                self._write(self._root + path, v2_files(resources, pids_max))
                return
            files = v1_files(resources, pids_max)
            for controller in self._controllers():
                self._make_v1(controller, path)
                self._write(f"{self._root}/{controller}{path}", files.get(controller, {}))
        except OSError as error:
            if not self._said:
                log.warning("pods get no cgroups of their own path=%s error=%s", path, error)
                self._said = True

    def remove(self, path: str) -> None:
        """Remove the cgroup and what is below it. One that still has processes stays."""
        tops = [self._root] if self._unified else [f"{self._root}/{c}" for c in self._controllers()]
        for top in tops:
            for directory, _, _ in os.walk(top + path, topdown=False):
                try:
                    os.rmdir(directory)
                except OSError as error:
                    log.info("cgroup not removed path=%s error=%s", directory, error)

    def _controllers(self) -> list[str]:
        return [c for c in V1_CONTROLLERS if os.path.isdir(f"{self._root}/{c}")]

    def _make_v1(self, controller: str, path: str) -> None:
        directory = f"{self._root}/{controller}"
        for part in path.strip("/").split("/"):
            parent, directory = directory, f"{directory}/{part}"
            if os.path.isdir(directory):
                continue
            os.mkdir(directory)
            if controller == "cpuset":
                # A new cpuset is empty, and nothing can run in an empty one.
                for name in _CPUSET_FILES:
                    with open(f"{parent}/{name}") as source:
                        self._write(directory, {name: source.read()})

    def _make_v2(self, path: str) -> None:
        directory = self._root
        for part in path.strip("/").split("/"):
            for controller in ("cpu", "memory", "pids", "cpuset", "io"):
                try:
                    self._write(directory, {"cgroup.subtree_control": f"+{controller}"})
                except OSError:
                    log.debug("controller not available controller=%s path=%s", controller, directory)
            directory = f"{directory}/{part}"
            os.makedirs(directory, exist_ok=True)

    @staticmethod
    def _write(directory: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            with open(f"{directory}/{name}", "w") as file:
                file.write(text)
