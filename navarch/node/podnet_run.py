"""Keeps the kernel of this host in step with the Node objects, so that pods reach pods on other hosts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
from collections.abc import Iterable, Sequence

from navarch.api.views.node import Node
from navarch.base.resource import Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.node import podnet
from navarch.node.podnet import Mode, Peer, State
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

NODES = Resource("", "v1", "nodes", "Node", False)
RETRY_S = 5.0


class PodNetwork:
    """Of node `own`. Needs root."""

    def __init__(self, client: Client, seams: Seams, own: str, mode: Mode) -> None:
        self._own = own
        self._mode = mode
        self._nodes = Informer(client, NODES, Node, rng=seams.rng)
        self._changed = asyncio.Event()
        self._state = State()
        self._peers: list[Peer] = []

    async def run(self) -> None:
        """Until cancelled. What was made stays: pods go on."""
        self._nodes.on_change(lambda _key, _old, _new: self._changed.set())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._nodes.run())
            await self._nodes.synced.wait()
            while True:
                self._changed.clear()
                retry_s = None
                try:
                    await asyncio.to_thread(self._apply, peers_of(self._nodes.cache.values()))
                except CommandError as error:
                    log.warning("pod network not in step node=%s error=%s", self._own, error)
                    retry_s = RETRY_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(retry_s):
                        await self._changed.wait()

    def _apply(self, peers: list[Peer]) -> None:
        """Raises: CommandError."""
        own = next((peer for peer in peers if peer.name == self._own), None)
        if own is None or peers == self._peers:
            return
        if not self._peers:
            prepare(own, self._mode)
        after = podnet.wanted(self._own, peers, self._mode)
        apply(self._state, after)
        if self._mode is not Mode.NONE:
            run_command(["nft", "-f", "-"], podnet.masquerade(own, peers))
        self._state, self._peers = after, peers


def peers_of(nodes: Iterable[Node]) -> list[Peer]:
    """The nodes that have an address and a range, both IPv4."""
    found = []
    for node in nodes:
        host = next((a.address for a in node.status.addresses if a.type == "InternalIP" and ":" not in a.address), "")
        if host and node.spec.podCIDR and ":" not in node.spec.podCIDR:
            found.append(Peer(node.metadata.name, host, node.spec.podCIDR))
    return sorted(found, key=lambda peer: peer.name)


def prepare(own: Peer, mode: Mode) -> None:
    """Let the host pass packets on; make the tunnel anew. Raises: CommandError."""
    if mode is Mode.NONE:
        return
    run_command(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])
    if mode is Mode.VXLAN:
        with contextlib.suppress(CommandError):
            run_command(["ip", "link", "delete", podnet.DEVICE])
        run_command(["ip", "-batch", "-"], "\n".join(podnet.device(own, underlay_of(own.host))) + "\n")


def apply(before: State, after: State) -> None:
    """Raises: CommandError."""
    addresses, bridge = podnet.changes(before, after)
    if bridge:
        run_command(["bridge", "-batch", "-"], "\n".join(bridge) + "\n")
    if addresses:
        run_command(["ip", "-batch", "-"], "\n".join(addresses) + "\n")


def underlay_of(host: str) -> str:
    """The interface that has the address. Raises: CommandError."""
    for link in json.loads(run_command(["ip", "-json", "-4", "address", "show"])):
        if any(info.get("local") == host for info in link.get("addr_info", ())):
            return str(link["ifname"])
    raise CommandError(f"no interface has the address {host}")


class CommandError(Exception):
    """A program that sets up the network failed; the text is what it said."""


def run_command(command: Sequence[str], text: str = "") -> str:
    """What it prints. Raises: CommandError."""
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
