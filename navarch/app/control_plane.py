"""The control plane's process: store, API server, controllers, scheduler, in this order.

    python -m navarch.app.control_plane PROFILE_DIRECTORY

The API listens before anything else is imported; numpy comes with the scheduler, last. SIGTERM ends it
in order, and a kill at any moment loses nothing that was acknowledged. Pods never notice either.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from navarch.app.config import Place, audit_log, bootstrap_config
from navarch.app.logfiles import CONTROL_PLANE, open_logs
from navarch.base import garbage
from navarch.base.errors import NavarchError, StatusError
from navarch.client import identities
from navarch.client.contract import Client
from navarch.client.direct import direct_client
from navarch.launch.profile import DriverName, load
from navarch.seams.contract import Seams
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.of_store import authenticator_of, service_account_tokens
from navarch.server.bootstrap import bootstrap
from navarch.server.compaction import compact_regularly
from navarch.server.identity_lease import IdentityLease
from navarch.server.subresources.backends import Handle, KubeletAccess
from navarch.store.contract import Store
from navarch.store.lmdb import LmdbStore
from navarch.wire.http import Server, serve
from navarch.wire.messages import User
from navarch.wire.tls import server_context

if TYPE_CHECKING:
    from navarch.app.component_logs import ComponentLogs
    from navarch.testing.nodes import SimNode

#: Run as a program, this module has another name.
log = logging.getLogger("navarch.app.control_plane")

DRAIN_S = 2.0


@dataclass(slots=True)
class Inside:
    """Who answers in this process for kubelets. Filled in when the parts that do are up."""

    logs: ComponentLogs | None = None
    nodes: dict[str, SimNode] = field(default_factory=dict)

    def handler(self, node: str, path: str) -> Handle | None:
        if self.logs is not None and (found := self.logs.handler(path)) is not None:
            return found
        simulated = self.nodes.get(node)
        server = simulated.server() if simulated is not None else None
        return server.handle if server is not None else None


#: Connections that a process wants to be able to hold, some files besides.
MOST_FILES = 1 << 20


def allow_connections() -> None:
    """Hold as many connections as the machine lets this process: each watch over HTTP/1.1 is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


#: What people ask the health of. The store is called as it is where it has a process of its own.
COMPONENTS = ("controller-manager", "etcd-0", "scheduler")


class ControlPlane:
    """One cluster's control plane on `store`, which is open."""

    def __init__(self, place: Place, store: Store, seams: Seams) -> None:
        self.place = place
        self.seams = seams
        self._inside = Inside()
        profile = place.profile
        own_tokens = service_account_tokens(store, place.text("sa.key").encode(), seams.clock)
        config = ServerConfig(
            service_cidrs=(profile.service_cidr,),
            address=f"{profile.host}:{profile.port}",
            kubelets=KubeletAccess(place.client_context("apiserver-kubelet-client"), self._inside.handler),
            front_proxy=place.identify_front_proxy,
            audit=audit_log(place, seams.clock),
            components=COMPONENTS,
        )
        authenticator = authenticator_of(store, own_tokens, seams.clock)
        self.server = ApiServer(store, seams, config, authenticator=authenticator, tokens=own_tokens)
        self._identity = IdentityLease(self.server, socket.gethostname(), config.address)

    async def listen(self) -> Server:
        """Raises: OSError when the address is taken."""
        profile, place = self.place.profile, self.place
        allow_connections()
        context = server_context(place.pki("apiserver.crt"), place.pki("apiserver.key"), place.pki("ca.crt"))
        return await serve(self.server.handle, context, profile.host, profile.port)

    async def prepare(self) -> None:
        """Write what every cluster holds; from now on the server is ready."""
        await bootstrap(self.server, bootstrap_config(self.place), self._identity)

    async def run(self) -> None:
        """The components, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(compact_regularly(self.server.store), name="compaction")
            group.create_task(self._identity.keep(), name="identity lease")
            group.create_task(self._controllers(), name="kube-controller-manager")
            self._show_components(group)
            match self.place.profile.driver:
                case DriverName.FAKE:
                    self._simulate_nodes(group)
                case DriverName.NETNS:
                    group.create_task(self._claim_node_ports(), name="node ports")
            # A moment for the others: what the scheduler needs takes longest to import.
            await asyncio.sleep(0)
            group.create_task(self._scheduler(), name="kube-scheduler")

    def client(self, agent: str, user: User) -> Client:
        return direct_client(self.server.handle_as, user, agent)

    async def _controllers(self) -> None:
        from navarch.control.certificate_signing import Authority
        from navarch.control.collectors import run_controllers
        from navarch.control.config import Config

        agent = "kube-controller-manager"
        config = Config(
            resources=tuple(
                served.resource
                for served in self.server.resources
                if served.builtin
                and {"list", "watch", "delete"} <= set(served.kind.verbs)
                and served.bucket != "events"
            ),
            root_ca=self.place.text("ca.crt"),
            cluster_cidrs=(self._pod_cidr,),
            load_balancer_cidr=self.place.profile.network.load_balancer_cidr,
            sign=Authority(self.place.text("ca.crt"), self.place.text("ca.key")).sign,
        )
        logging.getLogger("navarch.control").info("starting controllers")
        await self._offer_storage()
        client = self.client(agent, identities.CONTROLLER_MANAGER)
        await run_controllers(
            client,
            self.seams,
            config,
            client_for=lambda name: self.client(agent, identities.controller(name)),
        )

    async def _offer_storage(self) -> None:
        """Claims that name no class get directories of a node."""
        from navarch.control.hostpath_provisioner import STANDARD_CLASS
        from navarch.control.sources import STORAGECLASSES

        try:
            await self.client("navarch", identities.ADMIN).create(STORAGECLASSES.resource, STANDARD_CLASS)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    async def _scheduler(self) -> None:
        from navarch.scheduler.run import Scheduler

        logging.getLogger("navarch.scheduler").info("starting the scheduler")
        await Scheduler(self.client("kube-scheduler", identities.SCHEDULER), self.seams).run()

    @property
    def _pod_cidr(self) -> str:
        profile = self.place.profile
        return "10.128.0.0/9" if profile.driver is DriverName.FAKE else profile.network.pod_cidr

    def _show_components(self, group: asyncio.TaskGroup) -> None:
        from navarch.app.component_logs import ComponentLogs
        from navarch.app.mirrors import Mirrors
        from navarch.app.node_labels import NodeLabels

        place = self.place
        mirrors = Mirrors(self.client("navarch", identities.ADMIN), self.seams, place.first_node.name)

        def node_logs(node: str) -> Path:
            return place.directory / "nodes" / node / "logs"

        self._inside.logs = ComponentLogs(mirrors, place.logs, node_logs, self.seams.clock, group)
        group.create_task(mirrors.run(), name="mirrors")
        labels = NodeLabels(self.client("navarch", identities.ADMIN), self.seams, place)
        group.create_task(labels.run(), name="node labels")

    async def _claim_node_ports(self) -> None:
        from navarch.app.node_ports import NodePorts
        from navarch.launch.drivers import hostports
        from navarch.proxy.apply import NoNftables, open_nft

        try:
            nft = open_nft()
        except NoNftables as error:
            log.warning("node ports do not answer on 127.0.0.1 error=%s", error)
            return
        await NodePorts(
            self.client("navarch", identities.ADMIN),
            self.seams,
            self.place.node_ip(self.place.first_node),
            nft,
            lambda: hostports.listening_ports(hostports.socket_tables()),
        ).run()

    def _simulate_nodes(self, group: asyncio.TaskGroup) -> None:
        from navarch.node.runtime.script import Scripts
        from navarch.testing.nodes import NodeShape, SimNode

        scripts, dns = Scripts(), self.place.profile.service_ip(10)
        for entry in self.place.profile.nodes:
            shape = NodeShape(entry.name, entry.index, full_pods=True, cluster_dns=(dns,))
            make_client = partial(self.client, "kubelet", identities.node(entry.name))
            node = self._inside.nodes[entry.name] = SimNode(shape, self.seams, scripts, make_client)
            node.start(group.create_task)


async def serve_profile(place: Place, on_ready: Callable[[], None] | None = None) -> None:
    """Be the control plane of `place` until cancelled. Raises: NavarchError, OSError."""
    seams = real_seams()
    store = LmdbStore(place.directory / "store", seams.clock)
    await store.start()
    try:
        plane = ControlPlane(place, store, seams)
        listener = await plane.listen()
        try:
            await plane.prepare()
            log.info("ready address=%s:%d revision=%d", place.profile.host, place.profile.port, store.index.revision)
            garbage.settle()
            if on_ready is not None:
                on_ready()
            await plane.run()
        finally:
            plane.server.pages.progress.leave()
            await listener.close(DRAIN_S)
            plane.server.close()
    finally:
        await store.close()


async def until_signalled(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run `work()`, a coroutine, until it ends or SIGTERM or SIGINT comes."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


def main() -> int:
    directory = Path(sys.argv[1])
    profile = load(directory)
    if profile is None:
        print(f"{directory} holds no profile", file=sys.stderr)
        return 2
    place = Place(directory, profile)
    open_logs(place.logs, CONTROL_PLANE)
    garbage.begin()
    try:
        uvloop.run(until_signalled(lambda: serve_profile(place)))
    except (NavarchError, OSError) as error:
        log.error("control plane ended error=%s", error)
        print(f"control plane: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
