"""The control plane's process: store, API server, controllers, scheduler, in this order.

    python -m navarch.app.control_plane PROFILE_DIRECTORY [NUMBER]
    navarch control-plane --etcd-servers=https://10.0.0.1:2379 --advertise-address=10.0.0.1 ...

On an etcd there may be several of them. All serve; controllers and scheduler work in the one that holds the
lease. What belongs to this machine rather than to Kubernetes (mirror pods, node ports on 127.0.0.1, pretended
nodes) is there only for a profile.

The API listens before anything else is imported; numpy comes with the scheduler, last. SIGTERM ends it
in order, and a kill at any moment loses nothing that was acknowledged. Pods never notice either.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import uvloop

from navarch.app.audit import audit_log, audit_webhook
from navarch.app.config import Place, plane_flags
from navarch.app.leading import lead_for_ever
from navarch.app.logfiles import CONTROL_PLANE, open_logs
from navarch.app.plane_flags import Settings, settings_of, shown
from navarch.app.plane_local import Local
from navarch.app.plane_parts import (
    authenticator,
    bootstrap_config,
    components,
    controllers_config,
    kubelet_context,
    open_store,
    reachable,
)
from navarch.base import garbage
from navarch.base.errors import NavarchError, StatusError
from navarch.client import identities
from navarch.client.contract import Client
from navarch.client.direct import direct_client
from navarch.launch.profile import load
from navarch.seams.contract import Seams
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.keys import load_verifying_keys
from navarch.server.authn.of_store import ISSUER, service_account_tokens
from navarch.server.bootstrap import bootstrap, keep_up
from navarch.server.compaction import compact_regularly
from navarch.server.endpoint_leases import EndpointLeases
from navarch.server.health import READY, Check, well
from navarch.server.identity_lease import IdentityLease
from navarch.server.subresources.backends import KubeletAccess, nobody
from navarch.store.contract import Store
from navarch.wire.http import Server, serve
from navarch.wire.messages import User
from navarch.wire.tls import server_context

#: Run as a program, this module has another name.
log = logging.getLogger("navarch.app.control_plane")

DRAIN_S = 2.0
#: Connections that a process wants to be able to hold, some files besides.
MOST_FILES = 1 << 20


def allow_connections() -> None:
    """Hold as many connections as the machine lets this process: each watch over HTTP/1.1 is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class ControlPlane:
    """One control plane on `store`, which is open, and well as long as `fault` says nothing. `local` is what it
    does for a profile of this machine."""

    def __init__(
        self, settings: Settings, store: Store, seams: Seams, fault: Check = well, local: Local | None = None
    ) -> None:
        self.settings = settings
        self.seams = seams
        self._local = local
        key = Path(settings.service_account_signing_key_file).read_bytes()
        accepted = [
            k for file in settings.service_account_key_file for k in load_verifying_keys(Path(file).read_bytes())
        ]
        issuer = settings.service_account_issuer or ISSUER
        own_tokens = service_account_tokens(store, key, seams.clock, issuer, accepted)
        self._audit_webhook = audit_webhook(settings, seams)
        config = ServerConfig(
            service_cidrs=settings.service_cluster_ip_range,
            address=f"{settings.advertise_address}:{settings.secure_port}",
            kubelets=KubeletAccess(kubelet_context(settings), local.handler if local is not None else nobody),
            front_proxy=self._identify_front_proxy,
            audit=audit_log(settings, seams, self._audit_webhook),
            components=components(settings),
            settings=shown(settings),
        )
        users = authenticator(settings, store, own_tokens, seams.clock)
        self.server = ApiServer(store, seams, config, authenticator=users, tokens=own_tokens)
        health = self.server.pages.health
        if settings.etcd_servers:
            health.add("etcd", fault)
            health.add("etcd-readiness", fault, READY)
        self._bootstrap = bootstrap_config(settings)
        self._identity = IdentityLease(self.server, settings.hostname_override, config.address)
        self._endpoints: EndpointLeases | None = None
        if settings.etcd_servers and reachable(settings.advertise_address):
            self._endpoints = EndpointLeases(self.server, settings.advertise_address, settings.secure_port)

    async def listen(self) -> Server:
        """Raises: OSError when the address is taken."""
        settings = self.settings
        allow_connections()
        context = server_context(settings.tls_cert_file, settings.tls_private_key_file, settings.client_ca_file)
        return await serve(self.server.handle, context, settings.bind_address, settings.secure_port)

    async def prepare(self) -> None:
        """Write what every cluster holds; from now on the server is ready."""
        await bootstrap(self.server, self._bootstrap, self._identity)
        if self._endpoints is not None:
            await self._endpoints.join()

    async def run(self) -> None:
        """The components, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._run(group)
        finally:
            if self._endpoints is not None:
                await self._endpoints.leave()

    async def _run(self, group: asyncio.TaskGroup) -> None:
        group.create_task(compact_regularly(self.server.store), name="compaction")
        group.create_task(self._identity.keep(), name="identity lease")
        # Where there may be several servers, the endpoints are theirs together.
        lasting = self._bootstrap if self._endpoints is None else replace(self._bootstrap, address="")
        group.create_task(keep_up(self.server, lasting), name="lasting objects")
        if self._audit_webhook is not None:
            group.create_task(self._audit_webhook.run(), name="audit webhook")
        if self._endpoints is not None:
            group.create_task(self._endpoints.run(), name="endpoints")
        manager, scheduler = "kube-controller-manager", "kube-scheduler"
        group.create_task(self._led(manager, identities.CONTROLLER_MANAGER, self._manage), name=manager)
        if self._local is not None:
            self._local.start(self.client, group)
        # A moment for the others: what the scheduler needs takes longest to import.
        await asyncio.sleep(0)
        group.create_task(self._led(scheduler, identities.SCHEDULER, self._schedule), name=scheduler)

    def client(self, agent: str, user: User) -> Client:
        return direct_client(self.server.handle_as, user, agent)

    async def _led(self, name: str, user: User, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run `work`: always, or where there may be others while it is this process's turn."""
        settings = self.settings
        if not settings.leader_elect:
            await work()
            return
        client = self.client(name, user)
        await lead_for_ever(name, client, self.seams, settings.hostname_override, settings.timing, work)

    async def _manage(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._controllers())
            if self._local is not None:
                self._local.lead(self.client, group)

    async def _controllers(self) -> None:
        from navarch.control.collectors import run_controllers

        agent = "kube-controller-manager"
        config = controllers_config(self.settings, self.server.resources)
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

    async def _schedule(self) -> None:
        from navarch.scheduler.run import Scheduler

        logging.getLogger("navarch.scheduler").info("starting the scheduler")
        await Scheduler(self.client("kube-scheduler", identities.SCHEDULER), self.seams).run()

    def _identify_front_proxy(self, context: ssl.SSLContext) -> None:
        """Show aggregated API servers the certificate of the front proxy."""
        context.load_cert_chain(self.settings.proxy_client_cert_file, self.settings.proxy_client_key_file)


async def serve_settings(
    settings: Settings, local: Local | None = None, on_ready: Callable[[], None] | None = None
) -> None:
    """Be a control plane until cancelled. Raises: NavarchError, OSError."""
    seams = real_seams()
    store, fault = open_store(settings, seams.clock)
    await store.start()
    try:
        plane = ControlPlane(settings, store, seams, fault, local)
        listener = await plane.listen()
        try:
            await plane.prepare()
            address, port = settings.bind_address, settings.secure_port
            log.info("ready address=%s:%d revision=%d", address, port, store.index.revision)
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


async def serve_profile(place: Place, number: int = 0, on_ready: Callable[[], None] | None = None) -> None:
    """Be one of the control planes of `place` until cancelled. Raises: NavarchError, OSError."""
    await serve_settings(settings_of(plane_flags(place, number)), Local(place, number, real_seams()), on_ready)


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
    directory, number = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    profile = load(directory)
    if profile is None:
        print(f"{directory} holds no profile", file=sys.stderr)
        return 2
    place = Place(directory, profile)
    return run_logged(place.plane_directory(number) / "logs", lambda: serve_profile(place, number))


def run_logged(logs: Path, work: Callable[[], Coroutine[None, None, None]]) -> int:
    """Run a control plane until a signal comes, with its logs in that directory; the exit code."""
    open_logs(logs, CONTROL_PLANE)
    garbage.begin()
    try:
        uvloop.run(until_signalled(work))
    except (NavarchError, OSError) as error:
        log.error("control plane ended error=%s", error)
        print(f"control plane: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
