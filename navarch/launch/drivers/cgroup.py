"""Removing cgroup trees, on cgroup v1 (one tree per controller), v2 and the hybrid of both."""

from __future__ import annotations

import os
from pathlib import Path

from navarch.launch.drivers.process import wait_for

REMOVAL_TIMEOUT_S = 5.0


def hierarchies(mounts: str) -> list[Path]:
    """The roots of all cgroup trees, from the text of /proc/mounts."""
    fields = (line.split() for line in mounts.splitlines())
    return [Path(f[1]) for f in fields if len(f) > 2 and f[2] in ("cgroup", "cgroup2")]


def remove_tree(cgroup: str) -> bool:
    """Remove `cgroup` and all below it from every hierarchy, and parents that this leaves empty.

    False when something is still in use: a process that was killed may take a moment to leave.
    """
    roots = hierarchies(Path("/proc/mounts").read_text())
    done = wait_for(lambda: all(_remove(root / cgroup.lstrip("/")) for root in roots), REMOVAL_TIMEOUT_S)
    for root in roots:
        for parent in list(Path(cgroup.lstrip("/")).parents)[:-1]:
            _rmdir(root / parent)
    return done


def _remove(directory: Path) -> bool:
    return all(_rmdir(Path(path)) for path, _, _ in os.walk(directory, topdown=False))


def _rmdir(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
