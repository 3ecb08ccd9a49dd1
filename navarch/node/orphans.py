"""Removing what belongs to pods that are no longer bound to this node."""

from __future__ import annotations

from collections.abc import Callable

from navarch.node.host.contract import Host
from navarch.node.runtime.contract import ContainerPhase, Runtime

#: What containers of unknown pods get to end; nobody knows their own grace period any more.
ORPHAN_GRACE_S = 30.0


#: Asked of a uid at the moment of removal, as new pods may come in the meantime.
Known = Callable[[str], bool]


async def remove_orphans(runtime: Runtime, known: Known) -> None:
    """Stop and remove sandboxes and containers of pods that are not `known`."""
    for container in await runtime.list_containers():
        if not known(container.pod_uid):
            if container.phase is ContainerPhase.RUNNING:
                await runtime.stop_container(container.id, ORPHAN_GRACE_S)
            await runtime.remove_container(container.id)
    for sandbox in await runtime.list_sandboxes():
        if not known(sandbox.pod_uid):
            await runtime.stop_pod_sandbox(sandbox.id)
            await runtime.remove_pod_sandbox(sandbox.id)


def remove_orphan_directories(host: Host, root_dir: str, known: Known) -> None:
    """Remove the directories of pods that are not `known`."""
    for uid in host.list_dir(f"{root_dir}/pods"):
        if not known(uid):
            host.remove_tree(f"{root_dir}/pods/{uid}")
