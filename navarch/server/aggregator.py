"""Sends requests to aggregated API servers, and keeps APIServices true.

For each APIService with a Service one task asks the remote for its discovery, in short intervals while it
does not answer, and writes the condition Available. Local APIServices follow the group versions that
CustomResourceDefinitions bring. Without remotes no task runs and a request costs one look at an empty dict.

Called by `app.py`. What an APIService says is in `aggregation.py`.

Source: kube-aggregator (proxy handler, available controller, autoregister controller).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Seams, routine
from navarch.server import aggregation
from navarch.server.admission.contract import World
from navarch.server.aggregation import AUTOMANAGED, BUCKET, PASSED, Finding, Offer, Remote
from navarch.server.own_writes import API_SERVER, OwnWrites
from navarch.server.served import Resources
from navarch.server.subresources.backends import Target, service_addresses
from navarch.store.contract import Event, Store
from navarch.wire.collect import AnswerTooLong, collected
from navarch.wire.messages import Request, Response, User
from navarch.wire.relay import Upstream, relay

log = logging.getLogger(__name__)

_CRDS: Final = "customresourcedefinitions.apiextensions.k8s.io"
_SERVICES: Final = "services"
_SLICES: Final = "endpointslices.discovery.k8s.io"
_SERVICE_NAME: Final = "kubernetes.io/service-name"
_PATH: Final = "/apis/apiregistration.k8s.io/v1/apiservices"
#: Who asks for discovery. Source: kube-aggregator.
_AGGREGATOR: Final = User("system:kube-aggregator", groups=("system:masters",))
#: A remote that answers is asked again after this, one that does not after the shorter time.
CHECK_S: Final = 30.0
RETRY_S: Final = 1.0
CHECK_TIMEOUT_S: Final = 5.0
#: A document of OpenAPI may be as long as this.
_MAX_BYTES: Final = 16 << 20
_LEFT_OUT: Final = ("x-remote-", "authorization")

Handle = Callable[[Request], Awaitable[Response]]


class Aggregator:
    """`identity` carries the front proxy's client certificate; None sends none. `close` ends what is under way."""

    def __init__(
        self,
        store: Store,
        seams: Seams,
        world: World,
        resources: Resources,
        writes: OwnWrites,
        handle: Handle,
        identity: Callable[[ssl.SSLContext], None] | None,
    ) -> None:
        self._store = store
        self._seams = seams
        self._world = world
        self._resources = resources
        self._writes = writes
        self._handle = handle
        self._identity = identity
        #: By (group, version): what is answered elsewhere.
        self.remotes: dict[tuple[str, str], Remote] = {}
        self._offers: dict[str, Offer] = {}
        #: Grows with every change of `offers`.
        self.generation = 0
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        for entry in store.index.range(BUCKET + "/"):
            # Most are local, and say nothing that is needed here.
            if b'"service":{' in entry.value:
                self._put(orjson.loads(entry.value))
        revision = store.index.revision
        self._cancels = [
            store.index.watch(BUCKET, revision, self._deliver),
            store.index.watch(_CRDS, revision, lambda _: self._begin(self._register())),
        ]

    def close(self) -> None:
        for cancel in self._cancels:
            cancel()
        for task in [*self._tasks, *self._checks.values()]:
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
            if event.deleted:
                self._remove(tree["metadata"]["name"])
            else:
                self._put(tree)
        self._follow()

    def _put(self, tree: Tree) -> None:
        name = tree["metadata"]["name"]
        remote = aggregation.remote_of(tree)
        if remote is None or self.remotes.get((remote.group, remote.version)) != remote:
            self._remove(name)
        if remote is not None:
            self.remotes[remote.group, remote.version] = remote

    def _remove(self, name: str) -> None:
        for key in [key for key, remote in self.remotes.items() if remote.name == name]:
            del self.remotes[key]
        if self._offers.pop(name, None) is not None:
            self.generation += 1

    def _follow(self) -> None:
        """One running check for each remote, none for what is gone or has changed."""
        wanted = {remote.name: remote for remote in self.remotes.values()}
        for name in [name for name in self._checks if name not in wanted or self._checks[name].done()]:
            self._checks.pop(name).cancel()
        for name in wanted.keys() - self._checks.keys():
            self._checks[name] = asyncio.get_running_loop().create_task(self._check_for_ever(name))
        if bool(wanted) != (len(self._cancels) > 2):
            self._listen() if wanted else self._unlisten()
        self._stirred.set()

    def _listen(self) -> None:
        """Backends only matter while there are remotes."""
        revision = self._store.index.revision
        stir: Callable[[Sequence[Event]], None] = lambda _: self._stirred.set()  # noqa: E731
        self._cancels += [self._store.index.watch(bucket, revision, stir) for bucket in (_SERVICES, _SLICES)]

    def _unlisten(self) -> None:
        for cancel in self._cancels[2:]:
            cancel()
        del self._cancels[2:]

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

    # --- availability

    async def _check_for_ever(self, name: str) -> None:
        with routine():
            while True:
                self._stirred.clear()
                remote = next((r for r in self.remotes.values() if r.name == name), None)
                if remote is None:
                    return
                finding = await self._check(remote)
                await self._note(name, finding)
                try:
                    async with asyncio.timeout(CHECK_S if finding.available else RETRY_S):
                        await self._stirred.wait()
                    # Many changes of many slices are one reason to look again.
                    await asyncio.sleep(RETRY_S / 10)
                except TimeoutError:
                    pass

    async def _check(self, remote: Remote) -> Finding:
        service = self._world.get(_SERVICES, remote.namespace, remote.service)
        finding = aggregation.check_backend(remote, service, self._slices(remote))
        if finding is None:
            finding = await self._discover(remote)
        if not finding.available and (offer := self._offers.get(remote.name)) is not None and offer.fresh:
            self._offer(Offer(remote, offer.resources, offer.openapi, fresh=False))
        return finding

    async def _discover(self, remote: Remote) -> Finding:
        url = f"https://{remote.server_name}:{remote.port}{remote.path}"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                listed = await self._fetch(remote, remote.path)
                document = await self._fetch(remote, f"/openapi/v3{remote.path}", optional=True)
        except (TimeoutError, OSError, ValueError, AnswerTooLong) as error:
            why = str(error) or "context deadline exceeded"
            return Finding(False, "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}")
        except StatusError as error:
            text = f"failing or missing response from {url}: {error.message}"
            return Finding(False, "FailedDiscoveryCheck", text)
        named = listed.get("resources")
        resources = aggregation.aggregated_resources(
            named if isinstance(named, list) else (), remote.group, remote.version
        )
        self._offer(Offer(remote, tuple(resources), document or None))
        return PASSED

    def _offer(self, offer: Offer) -> None:
        if self._offers.get(offer.remote.name) != offer and offer.remote in self.remotes.values():
            self._offers[offer.remote.name] = offer
            self.generation += 1

    async def _fetch(self, remote: Remote, path: str, *, optional: bool = False) -> Tree:
        """A JSON document of the remote. Raises: ValueError for another status or body."""
        headers = {"accept": "application/json", "user-agent": "kube-aggregator"}
        response = await self._ask(Request("GET", path, headers=headers, user=_AGGREGATOR), remote)
        body = await collected(response, _MAX_BYTES)
        if not 200 <= response.status < 300:
            if optional:
                return {}
            raise ValueError(f"bad status from {path}: {response.status}")
        found = orjson.loads(body)
        return found if isinstance(found, dict) else {}

    async def _note(self, name: str, finding: Finding) -> None:
        tree = self._world.get(BUCKET, "", name)
        now = format_time(self._seams.clock.now())
        if tree is None or aggregation.with_condition(tree, finding, now) is tree:
            return
        try:
            await self._writes.change(BUCKET, "", name, "status", partial(_changed, finding, now))
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                log.error("apiservice=%s status not written: %s", name, error)

    # --- passing requests on

    def remote(self, path: str) -> Remote | None:
        """Who answers a path elsewhere: everything from /apis/<group>/<version> on."""
        parts = path.split("/", 4)
        return self.remotes.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None

    async def proxy(self, request: Request, remote: Remote) -> Response:
        """What the remote answers; 503 if nobody does."""
        try:
            return await self._ask(request, remote)
        except StatusError as error:
            log.info("apiservice=%s path=%s unreachable: %s", remote.name, request.path, error.message)
            return Response(503, b"service unavailable\n", "text/plain; charset=utf-8")

    async def _ask(self, request: Request, remote: Remote) -> Response:
        service = self._world.get(_SERVICES, remote.namespace, remote.service)
        if service is None:
            raise StatusError(503, "ServiceUnavailable", f'service "{remote.service}" not found')
        if service["spec"].get("type") == "ExternalName":
            host, port = service["spec"]["externalName"], remote.port
        else:
            target = Target("https", remote.service, str(remote.port))
            addresses = service_addresses(service, self._slices(remote), target)
            host, port = addresses[self._seams.rng.below(len(addresses))]
        upstream = Upstream(host, port, self._context(remote), remote.server_name)
        headers = {k: v for k, v in request.headers.items() if not k.startswith(_LEFT_OUT)}
        target_path = quote(request.path, safe="/:@!$&'()*+,;=-._~") + (f"?{request.query}" if request.query else "")
        return await relay(request, upstream, target_path, headers, aggregation.identity_headers(request.user))

    def _slices(self, remote: Remote) -> list[Tree]:
        return [
            each
            for each in self._world.list(_SLICES, remote.namespace)
            if (each["metadata"].get("labels") or {}).get(_SERVICE_NAME) == remote.service
        ]

    def _context(self, remote: Remote) -> ssl.SSLContext:
        key = (remote.bundle, remote.skip_verify)
        if key not in self._contexts:
            context = _context(remote)
            if self._identity is not None:
                self._identity(context)
            self._contexts[key] = context
        return self._contexts[key]


def _context(remote: Remote) -> ssl.SSLContext:
    """Trust in the bundle, in anybody, or in the system's authorities. Raises: StatusError 503."""
    if remote.skip_verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not remote.bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(remote.bundle).decode())
    except (ValueError, ssl.SSLError) as error:
        text = f"unable to load root certificates: {error}"
        raise StatusError(503, "ServiceUnavailable", text) from None


def _changed(finding: Finding, now: str, tree: Tree) -> Tree:
    return aggregation.with_condition(tree, finding, now)
