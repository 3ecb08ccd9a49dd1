"""How much of the disk a directory takes, and what containers wrote into their own file systems. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterable

BLOCK_BYTES = 512


def used_bytes(path: str) -> int:
    """What is below a path, without what is mounted there. What vanishes meanwhile does not count."""
    try:
        device = os.lstat(path).st_dev
    except OSError:
        return 0
    total, left = 0, [path]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if found.st_dev != device:
                        continue
                    total += found.st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:
            continue
    return total


def writable_layers(container_ids: Iterable[str]) -> dict[str, int]:
    """Bytes in the upper directory of each container's overlay, by id."""
    wanted = set(container_ids)
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            place, _, rest = line.partition(" - ")
            # .../io.containerd.runtime.v2.task/k8s.io/<id>/rootfs
            parts = place.split(" ")[4].split("/")
            if len(parts) > 2 and parts[-1] == "rootfs" and parts[-2] in wanted and rest.startswith("overlay "):
                upper = next((o for o in rest.split(" ")[2].split(",") if o.startswith("upperdir=")), "")
                found[parts[-2]] = used_bytes(upper.partition("=")[2].rstrip("\n"))
    return found
