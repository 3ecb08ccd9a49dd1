"""Keeps the logs of containers from filling the disk: a log that has grown too large gets another name, the runtime
begins a new one, and the oldest go.

    0.log                     what the runtime writes and `kubectl logs` shows
    0.log.20261120-171500     older ones of the same container

Called by the kubelet for every running container, from time to time.

Source: the kubelet's `logs/container_log_manager.go` (10 MiB, 5 files). Older files are not compressed here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from datetime import UTC, datetime

from navarch.node.host.contract import Host
from navarch.node.runtime.contract import ContainerStatus, Runtime, RuntimeFault

MAX_BYTES = 10 << 20
MAX_FILES = 5


def older_logs(host: Host, path: str) -> list[str]:
    """The paths of a log's older files, oldest first."""
    directory, name = posixpath.split(path)
    return [f"{directory}/{each}" for each in host.list_dir(directory) if each.startswith(f"{name}.")]


def too_many(older: Sequence[str]) -> Sequence[str]:
    """Those of `older`, oldest first, that have to go for the log in use to be the last of MAX_FILES."""
    return older[: max(len(older) - (MAX_FILES - 1), 0)]


async def rotate(host: Host, runtime: Runtime, status: ContainerStatus, now: float) -> bool:
    """Begin a new log if the container's is too large. Whether it was. Raises: OSError, RuntimeFault."""
    path = status.log_path
    if not path or host.kind(path) != "File" or host.file_size(path) < MAX_BYTES:
        return False
    aside = f"{path}.{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}"
    host.rename(path, aside)
    try:
        await runtime.reopen_container_log(status.id)
    except RuntimeFault:
        # The runtime goes on writing where it did, so that stays the log.
        host.rename(aside, path)
        raise
    for old in too_many(older_logs(host, path)):
        host.remove_tree(old)
    return True


def remove_logs(host: Host, path: str) -> None:
    """The log of a container that is gone, and its older files."""
    for each in (path, *older_logs(host, path)):
        host.remove_tree(each)
