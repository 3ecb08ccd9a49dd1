"""Sends requests to aggregated API servers, and keeps APIServices true.

For each APIService with a Service a check (`remote_check.py`) asks the remote for its discovery; what it finds
is written as the condition Available. Local APIServices follow the group versions that
CustomResourceDefinitions bring. Without remotes no task runs and a request costs one look at an empty dict.

Called by `app.py`. What an APIService says is in `aggregation.py`.

Source: kube-aggregator (proxy handler, available controller, autoregister controller).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.server import aggregation
from navarch.server.admission.contract import World
from navarch.server.aggregation import AUTOMANAGED, BUCKET, Finding, Offer, Remote
from navarch.server.own_writes import API_SERVER, OwnWrites
from navarch.server.remote_check import RemoteCheck
from navarch.server.remote_tls import Identify, RemoteTls
from navarch.server.served import Resources
from navarch.server.subresources.backends import Target, service_addresses
from navarch.store.contract import Event, Store
from navarch.wire.messages import Request, Response
from navarch.wire.relay import Upstream, relay

log = logging.getLogger(__name__)

_CRDS: Final = "customresourcedefinitions.apiextensions.k8s.io"
_SERVICES: Final = "services"
_SLICES: Final = "endpointslices.discovery.k8s.io"
_SERVICE_NAME: Final = "kubernetes.io/service-name"
_PATH: Final = "/apis/apiregistration.k8s.io/v1/apiservices"
_LEFT_OUT: Final = ("x-remote-", "authorization")

Handle = Callable[[Request], Awaitable[Response]]


class Aggregator:
    """`identify` loads the front proxy's client certificate; None sends none. `close` ends what is under way."""

    def __init__(
        self,
        store: Store,
        seams: Seams,
        world: World,
        resources: Resources,
        writes: OwnWrites,
        handle: Handle,
        identify: Identify | None,
    ) -> None:
        self._store = store
        self._seams = seams
        self._world = world
        self._resources = resources
        self._writes = writes
        self._handle = handle
        self._tls = RemoteTls(identify)
        #: By (group, version): what is answered elsewhere.
        self.remotes: dict[tuple[str, str], Remote] = {}
        self._offers: dict[str, Offer] = {}
        #: Grows with every change of `offers`.
        self.generation = 0
        #: By the names of APIServices.
        self._checks: dict[str, RemoteCheck] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for entry in store.index.range(BUCKET + "/"):
            # Most are local, and say nothing that is needed here.
            if b'"service":{' in entry.value:
                self._put(orjson.loads(entry.value))
        revision = store.index.revision
        self._forget_services = store.index.watch(BUCKET, revision, self._deliver)
        self._forget_definitions = store.index.watch(_CRDS, revision, lambda _: self._begin(self._register()))
        #: End the watches of Services and slices, which only matter while there are remotes.
        self._forget_backends: list[Callable[[], None]] = []

    def close(self) -> None:
        self._forget_services()
        self._forget_definitions()
        self._unlisten()
        for check in self._checks.values():
            check.close()
        for task in self._tasks:
            task.cancel()

    def unavailable(self) -> Iterator[tuple[str, float]]:
        """By APIService, whether it cannot be reached. For the metrics."""
        for name in sorted(remote.name for remote in self.remotes.values()):
            offer = self._offers.get(name)
            yield f'name="{name}"', float(offer is None or not offer.fresh)

    @property
    def offers(self) -> list[Offer]:
        """What remotes serve, as far as they have told."""
        return [self._offers[name] for name in sorted(self._offers)]

    def resume(self) -> None:
        """Begin the checks of remotes that were there before. Needs a running loop."""
        self._follow()

    async def register_all(self) -> None:
        """Write the APIServices of this server's own group versions."""
        await self._register()

    # --- following the store

    def _deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            tree = orjson.loads(event.entry.value)
            name = tree["metadata"]["name"]
            if event.deleted:
                self._remove(name)
            else:
                self._put(tree)
            if (check := self._checks.get(name)) is not None:
                # Its status may have been written by somebody else.
                check.stir()
        self._follow()

    def _put(self, tree: Tree) -> None:
        name = tree["metadata"]["name"]
        remote = aggregation.remote_of(tree)
        if remote is None or not self._is_current(remote):
            self._remove(name)
        if remote is not None:
            self.remotes[remote.group, remote.version] = remote

    def _remove(self, name: str) -> None:
        for key in [key for key, remote in self.remotes.items() if remote.name == name]:
            del self.remotes[key]
        if self._offers.pop(name, None) is not None:
            self.generation += 1

    def _follow(self) -> None:
        """One running check for each remote as it is now, none for what is gone or was another."""
        wanted = {remote.name: remote for remote in self.remotes.values()}
        for name in [name for name, check in self._checks.items() if wanted.get(name) != check.remote]:
            self._checks.pop(name).close()
        for name in sorted(wanted.keys() - self._checks.keys()):
            self._checks[name] = RemoteCheck(wanted[name], self)
            self._checks[name].start()
        if wanted and not self._forget_backends:
            self._listen()
        elif not wanted:
            self._unlisten()

    def _listen(self) -> None:
        index = self._store.index
        self._forget_backends = [
            index.watch(bucket, index.revision, self._stir_backends) for bucket in (_SERVICES, _SLICES)
        ]

    def _unlisten(self) -> None:
        for forget in self._forget_backends:
            forget()
        self._forget_backends = []

    def _stir_backends(self, events: Sequence[Event]) -> None:
        for check in self._checks.values():
            if any(_concerns(event, check.remote) for event in events):
                check.stir()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- local APIServices

    async def _register(self) -> None:
        """Those of custom groups come and go with their definitions; those of built-in ones are written once."""
        custom = {(s.group, s.kind.version) for s in self._resources if not s.builtin}
        builtin = {(s.group, s.kind.version) for s in self._resources if s.builtin}
        wanted = {tree["metadata"]["name"]: tree for tree in aggregation.local_services(builtin, custom - builtin)}
        for name, tree in wanted.items():
            if self._world.get(BUCKET, "", name) is None:
                await self._send("POST", _PATH, tree)
        for tree in list(self._world.list(BUCKET)):
            metadata = tree["metadata"]
            managed = (metadata.get("labels") or {}).get(AUTOMANAGED) == "true"
            if managed and metadata["name"] not in wanted and not tree["spec"].get("service"):
                await self._send("DELETE", f"{_PATH}/{metadata['name']}")

    async def _send(self, method: str, path: str, tree: Tree | None = None) -> None:
        body = orjson.dumps(tree) if tree is not None else b""
        headers = {"user-agent": "kube-apiserver", "content-type": "application/json"}
        response = await self._handle(Request(method, path, headers=headers, body=body, user=API_SERVER))
        if response.status >= 400 and response.status not in (404, 409):
            log.error("apiservice path=%s status=%d answer=%s", path, response.status, response.body[:200])

    # --- what the checks find out (`remote_check.Links`)

    def backend(self, remote: Remote) -> tuple[Tree | None, Sequence[Tree]]:
        return self._world.get(_SERVICES, remote.namespace, remote.service), self._slices(remote)

    def take(self, offer: Offer) -> None:
        if self._is_current(offer.remote) and self._offers.get(offer.remote.name) != offer:
            self._offers[offer.remote.name] = offer
            self.generation += 1

    def lose(self, remote: Remote) -> None:
        offer = self._offers.get(remote.name)
        if offer is not None and offer.fresh:
            self.take(Offer(remote, offer.resources, offer.openapi, fresh=False))

    async def note(self, remote: Remote, finding: Finding) -> None:
        now = format_time(self._seams.clock.now())

        def changed(tree: Tree) -> Tree:
            # Read again, as it is now: what was found out is true of this remote alone.
            return aggregation.with_condition(tree, finding, now) if aggregation.remote_of(tree) == remote else tree

        tree = self._world.get(BUCKET, "", remote.name)
        if tree is None or changed(tree) is tree:
            return
        try:
            await self._writes.change(BUCKET, "", remote.name, "status", changed)
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                log.error("apiservice=%s status not written: %s", remote.name, error)

    def _is_current(self, remote: Remote) -> bool:
        return self.remotes.get((remote.group, remote.version)) == remote

    # --- passing requests on

    def remote(self, path: str) -> Remote | None:
        """Who answers a path elsewhere: everything from /apis/<group>/<version> on."""
        parts = path.split("/", 4)
        return self.remotes.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None

    async def proxy(self, request: Request, remote: Remote) -> Response:
        """What the remote answers; 503 if nobody does."""
        try:
            return await self.ask(request, remote)
        except StatusError as error:
            log.info("apiservice=%s path=%s unreachable: %s", remote.name, request.path, error.message)
            return Response(503, b"service unavailable\n", "text/plain; charset=utf-8")

    async def ask(self, request: Request, remote: Remote) -> Response:
        service = self._world.get(_SERVICES, remote.namespace, remote.service)
        if service is None:
            raise StatusError(503, "ServiceUnavailable", f'service "{remote.service}" not found')
        if service["spec"].get("type") == "ExternalName":
            host, port = service["spec"]["externalName"], remote.port
        else:
            target = Target("https", remote.service, str(remote.port))
            addresses = service_addresses(service, self._slices(remote), target)
            host, port = addresses[self._seams.rng.below(len(addresses))]
        upstream = Upstream(host, port, self._tls.context(remote), remote.server_name)
        headers = {k: v for k, v in request.headers.items() if not k.startswith(_LEFT_OUT)}
        target_path = quote(request.path, safe="/:@!$&'()*+,;=-._~") + (f"?{request.query}" if request.query else "")
        return await relay(request, upstream, target_path, headers, aggregation.identity_headers(request.user))

    def _slices(self, remote: Remote) -> list[Tree]:
        return [
            each
            for each in self._world.list(_SLICES, remote.namespace)
            if (each["metadata"].get("labels") or {}).get(_SERVICE_NAME) == remote.service
        ]


def _concerns(event: Event, remote: Remote) -> bool:
    """Whether a Service or EndpointSlice that changed may be the remote's."""
    bucket, namespace, name = event.entry.key.split("/")
    if namespace != remote.namespace:
        return False
    if bucket == _SERVICES:
        return name == remote.service
    label = b'"%s":"%s"' % (_SERVICE_NAME.encode(), remote.service.encode())
    return any(entry is not None and label in entry.value for entry in (event.entry, event.previous))
