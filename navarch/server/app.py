"""The API server: a request goes through the filters in order, then to the handler of its resource.

`handle` is what the wire calls; `handle_as` is where the direct client enters, after authentication.
Neither raises: every error is an answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from navarch.api.catalog import WITH_METRICS
from navarch.api.kind import Kind
from navarch.base.errors import Details, StatusError, bad_request, method_not_allowed, no_such_resource
from navarch.base.nesting import too_deep
from navarch.schema.facts import load
from navarch.seams.contract import Seams
from navarch.server import component_statuses
from navarch.server.access import Access
from navarch.server.addresses.records import AddressRecords
from navarch.server.addresses.services import ServiceAddresses
from navarch.server.admission.chain import PLUGINS
from navarch.server.admission.contract import Chain, Plugin
from navarch.server.aggregator import Aggregator
from navarch.server.audit.log import AuditLog
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.component_statuses import ComponentStatuses
from navarch.server.definitions import Definitions
from navarch.server.delete import Deleter
from navarch.server.fairness.control import Flow, FlowControl
from navarch.server.filters import AFTER_AUTHENTICATION, FILTERS, Filter, Security, admit, finish, guard
from navarch.server.flow_schemas import FlowSchemas
from navarch.server.negotiate import JSON
from navarch.server.objects import Handler, Objects
from navarch.server.own_writes import OwnWrites
from navarch.server.pages import Pages
from navarch.server.pipeline import Pipeline
from navarch.server.reactions import Reactions
from navarch.server.reads import Reads, form_of
from navarch.server.respond import in_form, indent, too_many_requests
from navarch.server.review_requests import ReviewRequests
from navarch.server.reviews import Judges
from navarch.server.served import Resources, Served
from navarch.server.signing import SigningRequests
from navarch.server.stages import Stage
from navarch.server.subresources.backends import KubeletAccess
from navarch.server.subresources.catalog import subresource_handlers
from navarch.server.subresources.relay import RELAYED, relay_handlers
from navarch.server.usage import handler as usage
from navarch.server.usage.collect import Collector, fetcher
from navarch.server.watch import Watches
from navarch.server.world import StoreWorld
from navarch.server.zpages import ZPages
from navarch.store.contract import Store
from navarch.wire.messages import Request, RequestInfo, Response


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What an API server is told. `service_cidrs` are the ranges of cluster IPs, the first family leads.
    `address` is `host:port` as clients reach it; `kubelets` is how it reaches kubelets. `front_proxy` loads the
    certificate that aggregated servers know this one by. `components` run in this process.
    `settings` are further flags that it was started with."""

    service_cidrs: tuple[str, ...] = ("10.96.0.0/16",)
    plugins: Sequence[Plugin] = PLUGINS
    kinds: Sequence[Kind] = WITH_METRICS
    address: str = "127.0.0.1:6443"
    kubelets: KubeletAccess = field(default_factory=KubeletAccess)
    front_proxy: Callable[[ssl.SSLContext], None] | None = None
    audit: AuditLog | None = None
    components: tuple[str, ...] = ("etcd-0",)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> dict[str, str]:
        """The settings as kube-apiserver's flags."""
        return {
            "advertise-address": self.address.rpartition(":")[0],
            "secure-port": self.address.rpartition(":")[2],
            "service-cluster-ip-range": ",".join(self.service_cidrs),
            **self.settings,
        }


class ApiServer:
    """Serves one started store. The store's life is the caller's."""

    def __init__(
        self,
        store: Store,
        seams: Seams,
        config: ServerConfig | None = None,
        *,
        authenticator: Authenticator | None = None,
        tokens: ServiceAccountTokens | None = None,
    ) -> None:
        config = config or ServerConfig()
        facts = load()
        self.store = store
        self.seams = seams
        self.pages = Pages(config.kinds, config.address, tokens, ZPages(seams.clock, config.flags))
        self.resources = Resources(Served(kind, partial(facts.type, kind.type_name)) for kind in config.kinds)
        self.access = Access(store.index)
        self.reads = Reads(store, seams.clock)
        self.watches = Watches(store, seams.clock, seams.rng)
        self._addresses = ServiceAddresses(store.index, config.service_cidrs, seams.rng)
        authenticator = authenticator or Authenticator(None)
        self._security = Security(authenticator, self.access.decide, seams.rng)
        judges = Judges(authenticator, self.access.decide, self.access.rbac)
        world = StoreWorld(store.index, seams, self.access, self.resources)
        self._connections = world.connections
        chain = Chain(config.plugins, world)
        self.pipeline = Pipeline(store, seams, chain, Reactions(self._addresses, SigningRequests(seams.clock)))
        deleter = Deleter(store, seams.clock, chain)
        world.writes = writes = OwnWrites(self.resources, self.pipeline, deleter)
        self._records = AddressRecords(store.index, self._addresses, writes)
        self.objects = Objects(store, seams.clock, self.reads, self.watches, self.pipeline, deleter)
        self._definitions = Definitions(store, seams.clock, self.resources, self.watches, writes, deleter, world)
        self.aggregator = Aggregator(store, seams, world, self.resources, writes, self.handle_as, config.front_proxy)
        self._flow_schemas = FlowSchemas(store.index, seams.clock, self.resources, self.objects.apply)
        self._shown = (0, 0)
        self._audit = config.audit
        self.flow_control = FlowControl(store, self.resources)
        self._measure()
        self._reviews = ReviewRequests(judges, seams.clock)
        self._components = ComponentStatuses(config.components, self.reads)
        collector = Collector(fetcher(config.kubelets), seams.clock)
        self._usage = usage.UsageApi(store.index, self.reads, self.resources, collector)
        self._subresources = subresource_handlers(
            self.objects, self.reads, deleter, world, self.resources, seams, tokens
        ) | relay_handlers(world, chain, self.reads, seams.rng, config.kubelets)
        self.pages.progress.reach(Stage.FOLLOWING)

    def _measure(self) -> None:
        """What /metrics says beside the requests: counted by those who do it, read when somebody asks."""
        flows, watches = self.flow_control, self.watches
        gauge = self.pages.metrics.gauge
        gauge("apiserver_longrunning_requests", "Active watches.", watches.open_samples)
        gauge("apiserver_watch_events_total", "Events sent to watches.", watches.told_samples, "counter")
        gauge("apiserver_storage_objects", "Stored objects by resource.", self._object_counts)
        gauge("aggregator_unavailable_apiservice", "APIServices that do not answer.", self.aggregator.unavailable)
        prefix = "apiserver_flowcontrol"
        gauge(f"{prefix}_current_executing_seats", "Seats that are taken.", flows.executing)
        gauge(f"{prefix}_current_inqueue_requests", "Requests that wait for a seat.", flows.queued)
        gauge(f"{prefix}_dispatched_requests_total", "Requests that got a seat.", flows.dispatched, "counter")
        gauge(f"{prefix}_rejected_requests_total", "Requests that got none.", flows.rejected, "counter")
        gauge(f"{prefix}_nominal_limit_seats", "Seats of each priority level.", flows.limits)
        if (audit := self._audit) is not None:
            gauge("apiserver_audit_event_total", "Events in the audit log.", lambda: [("", audit.count)], "counter")

    def _object_counts(self) -> Iterator[tuple[str, float]]:
        for bucket in sorted({served.bucket for served in self.resources}):
            yield f'resource="{bucket}"', self.store.index.count(bucket + "/")

    def close(self) -> None:
        """End all watches and stop following the store."""
        self.pages.progress.leave()
        self.aggregator.close()
        self.flow_control.close()
        self._connections.close()
        self._definitions.close()
        self._flow_schemas.close()
        self.watches.close()
        self._records.close()
        self._addresses.close()
        self.access.close()

    def resume(self) -> None:
        """Go on with what an earlier server left unfinished. Needs a running loop."""
        self._definitions.take_in()
        self._flow_schemas.take_in()
        self._records.start()
        self.aggregator.resume()
        self.pages.progress.reach(Stage.RESUMED)

    # --- entry points

    def handle(self, request: Request) -> Coroutine[None, None, Response]:
        """Answer a request as it came from the wire."""
        return self._audited(request, self._answer(request, FILTERS), streams=True)

    def handle_as(self, request: Request) -> Coroutine[None, None, Response]:
        """Answer a request whose user is known."""
        return self._audited(request, self._answer(request, AFTER_AUTHENTICATION), streams=False)

    def _audited(
        self, request: Request, answering: Coroutine[None, None, Response], *, streams: bool
    ) -> Coroutine[None, None, Response]:
        if self._audit is None:
            return answering
        return self._audit.recorded(request, answering, self.access.decide, streams=streams)

    async def _answer(self, request: Request, filters: tuple[Filter, ...]) -> Response:
        uids = ("", "")
        try:
            admit(request, self._security, filters)
            assert request.info is not None
            flow = self.flow_control.flow(request)
            uids = flow.uids
            if flow.level.exempt:
                response = await self._counted(request, request.info)
            else:
                response = await self._seated(request, request.info, flow)
        except Exception as error:
            response = guard(request, error)
            if response.status == 403:
                uids = self.flow_control.flow(request).uids
        finish(request, response, uids)
        return response

    async def _seated(self, request: Request, info: RequestInfo, flow: Flow) -> Response:
        """A request whose level has room for only so many. Streams give their seat back once they have begun."""
        level, seats = flow.level, self.flow_control.seats(request)
        if not level.take(seats) and await level.wait(flow.key, seats):
            self.pages.metrics.begin(info)
            self.pages.metrics.end(info, 429, 0.0)
            return too_many_requests()
        try:
            return await self._counted(request, info)
        finally:
            level.leave(seats)

    async def _counted(self, request: Request, info: RequestInfo) -> Response:
        if info.verb == "watch" or not info.is_resource:
            return await self._route(request, info)
        metrics, loop = self.pages.metrics, asyncio.get_running_loop()
        began, status = loop.time(), 500
        metrics.begin(info)
        try:
            response = await self._route(request, info)
            status = response.status
            return response
        except StatusError as error:
            status = error.code
            raise
        finally:
            metrics.end(info, status, loop.time() - began)

    async def _route(self, request: Request, info: RequestInfo) -> Response:
        if self.aggregator.remotes and (remote := self.aggregator.remote(request.path)) is not None:
            return await self.aggregator.proxy(request, remote)
        if not info.is_resource:
            self._show_kinds()
            response = await self._page(request)
            if not request.path.startswith("/openapi/"):
                indent(request, response)
            return response
        served = self.resources.find(info.group, info.version, info.resource)
        if served is None:
            raise no_such_resource()
        if request.method == "HEAD":
            return Response(405)
        if request.body and "yaml" not in request.headers.get("content-type", "") and too_deep(request.body):
            raise bad_request("error decoding the body: exceeded max depth")
        if info.namespace and not served.kind.namespaced:
            # Authorisation asks about /namespaces/x in namespace x; from here on it is cluster-scoped.
            request.info = info = replace(info, namespace="")
        if served.kind.deprecation:
            request.warnings.append(served.kind.deprecation)
        handler = self._handler(info, served)
        if info.subresource in RELAYED:
            return await handler(request, info, served)
        # Before anything is done: a client that accepts no answer shall find nothing changed.
        form = form_of(request, served, many=info.verb in ("list", "watch", "deletecollection"))
        response = await handler(request, info, served)
        if response.stream is None and response.content_type == JSON:
            response = in_form(response, form)
            indent(request, response)
        return response

    async def _page(self, request: Request) -> Response:
        if request.path.startswith("/debug/pprof") and request.method in ("GET", "POST"):
            # Few ask for these pages; a simulated cluster starts without what they take.
            from navarch.server.profiling.pages import Profiling

            found = await Profiling(self.seams.clock).answer(request)
            if found is not None:
                return found
        return self.pages.answer(request)

    def _show_kinds(self) -> None:
        """Discovery and OpenAPI tell of what is served now."""
        now = (self.resources.generation, self.aggregator.generation)
        if self._shown != now:
            self._shown = now
            kinds = [served.kind for served in self.resources]
            self.pages.set_kinds(kinds, self._definitions.schemas, self.aggregator.offers)

    def _handler(self, info: RequestInfo, served: Served) -> Handler:
        kind = served.kind
        if not info.subresource and kind.group in _REVIEW_GROUPS:
            if info.verb != "create" or info.name:
                raise _not_allowed()
            return self._reviews.handle
        if info.subresource:
            declared = next((s for s in kind.subresources if s.name == info.subresource), None)
            if declared is None:
                raise no_such_resource()
            if info.verb not in declared.verbs:
                raise _not_allowed()
        if served.bucket == "bindings" and (info.verb != "create" or info.name):
            raise _not_allowed()
        if info.subresource not in ("", "status") or served.bucket == "bindings":
            handlers = self._subresources
            key = (served.bucket, info.subresource)
            found = handlers.get(key) or handlers.get(("*", info.subresource))
            if found is None:
                raise no_such_resource()
            return found
        if served.bucket == component_statuses.BUCKET and info.verb in kind.verbs:
            return self._components.handle
        if kind.group == usage.GROUP and info.verb in kind.verbs:
            return self._usage.handle
        if info.verb == "watch" and "watch" not in kind.verbs and "list" in kind.verbs:
            raise method_not_allowed("watch", kind.plural, kind.group)
        handler = self.objects.verbs.get(info.verb)
        if handler is None or not (info.subresource or _allows(kind, info)):
            raise _not_allowed()
        return handler


#: Groups whose kinds are questions.
_REVIEW_GROUPS = ("authentication.k8s.io", "authorization.k8s.io")


def _allows(kind: Kind, info: RequestInfo) -> bool:
    if info.verb not in kind.verbs:
        return False
    # Collections and objects share verbs in a kind, but not in a path.
    named = bool(info.name)
    return named == (info.verb in ("get", "update", "patch", "delete")) or info.verb in ("list", "watch")


def _not_allowed() -> StatusError:
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, Details())
