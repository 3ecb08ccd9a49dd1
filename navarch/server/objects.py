"""The verbs on objects: from a routed request to the read and write paths, and to the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache

import orjson

from navarch.api.validation.wide import WIDE_BODY
from navarch.base.errors import StatusError, bad_request, conflict
from navarch.base.times import format_time
from navarch.schema import apply as server_side_apply
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server import bodies, patching
from navarch.server.delete import Deleter, Deletion, success
from navarch.server.field_versions import FieldVersions
from navarch.server.negotiate import check_stream
from navarch.server.options import (
    DeleteOptions,
    Query,
    WriteOptions,
    delete_options,
    list_options,
    parse_query,
    timeout_of,
    write_options,
)
from navarch.server.pipeline import (
    PATCH_TRIES,
    Outcome,
    Pipeline,
    Write,
    check_place,
    check_revision_given,
    check_uid,
    wrong_uid,
)
from navarch.server.reads import Reads, form_of
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch import Watches
from navarch.store.contract import Store
from navarch.wire.messages import Request, RequestInfo, Response
from navarch.wire.websocket import is_websocket
from navarch.wire.websocket_stream import upgraded

Handler = Callable[[Request, RequestInfo, Served], Awaitable[Response]]


class Objects:
    """Answers the ordinary verbs on every served resource, and its status."""

    def __init__(
        self, store: Store, clock: Clock, reads: Reads, watches: Watches, pipeline: Pipeline, deleter: Deleter
    ) -> None:
        self._store = store
        self._clock = clock
        self._reads = reads
        self._watches = watches
        self.pipeline = pipeline
        self._deleter = deleter
        self.verbs: dict[str, Handler] = {
            "get": self.get,
            "list": self.list,
            "watch": self.watch,
            "create": self.create,
            "update": self.update,
            "patch": self.patch,
            "delete": self.delete,
            "deletecollection": self.delete_collection,
        }

    # --- reads

    async def get(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        return await self._reads.get(served, info.namespace, info.name, query, form_of(request, served))

    async def list(self, request: Request, info: RequestInfo, served: Served) -> Response:
        form = form_of(request, served, many=True)
        query = parse_query(request.query)
        timeout_of(query)
        return await self._reads.collection(served, info.namespace, query, form)

    async def watch(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        if info.name and "fieldSelector" not in query:
            # The legacy path /watch/.../name.
            query = {**query, "fieldSelector": [f"metadata.name={info.name}"]}
        form = form_of(request, served, many=True)
        check_stream(form)
        response = await self._watches.open(served, info.namespace, query, form)
        return upgraded(request, response) if is_websocket(request) and not form.is_protobuf else response

    # --- writes

    async def create(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        write = self.write_of(request, info, served, write_options(query, "CreateOptions"))
        media = bodies.media_type(request.headers.get("content-type", ""))
        tree = bodies.decode(write, request.body, media)
        check_place(write, tree)
        outcome = await self.pipeline.create(write, tree)
        return self.answer(request, served, outcome, query)

    async def update(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        write = self.write_of(request, info, served, write_options(query, "UpdateOptions"))
        media = bodies.media_type(request.headers.get("content-type", ""))
        tree = bodies.decode(write, request.body, media)
        check_place(write, tree)
        return self.answer(request, served, await self._put(write, tree), query)

    async def _put(self, write: Write, tree: Tree) -> Outcome:
        served = write.served
        check_revision(tree)
        existing = self._store.index.get(served.key(write.namespace, write.name))
        if existing is not None:
            check_revision_given(write, tree)
        elif served.kind.create_on_update and not write.subresource:
            if uid := tree["metadata"].get("uid"):
                raise wrong_uid(write, uid, "")
            tree["metadata"].pop("resourceVersion", None)
            return await self.pipeline.create(write, tree)

        # Without a resourceVersion the newest object is replaced, whichever it is.
        tries = 1 if tree["metadata"].get("resourceVersion") else PATCH_TRIES
        again = b"" if tries == 1 else orjson.dumps(tree)
        unused: list[Tree] = [tree]

        def replace(current: Tree) -> Tree:
            check_uid(write, tree, current)
            replaced: Tree = unused.pop() if unused else orjson.loads(again)
            for name, value in replaced.items():
                # What stays as it is, is compared no more.
                if value == current.get(name):
                    replaced[name] = current[name]
            return replaced

        return await self.pipeline.change(write, replace, tries=tries, shares=True)

    async def patch(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        media = patching.media_type(request.headers.get("content-type", ""))
        options = write_options(query, "PatchOptions", apply=media == patching.APPLY)
        write = self.write_of(request, info, served, options)
        if media == patching.APPLY:
            outcome = await self._apply(write, request.body)
        else:
            change = patching.change_of(write, media, request.body)
            outcome = await self.pipeline.change(write, change, tries=PATCH_TRIES, shares=True)
        return self.answer(request, served, outcome, query)

    async def _apply(self, write: Write, body: bytes) -> Outcome:
        applied = bodies.decode_applied(write, body)
        applied["metadata"].setdefault("name", write.name)
        check_place(write, applied)
        if applied["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        return await self.apply(write, applied)

    async def apply(self, write: Write, applied: Tree) -> Outcome:
        """Server-side apply of a decoded configuration; creates the object if there is none."""
        served, options = write.served, write.options

        def merge(live: Tree | None) -> Tree:
            now = format_time(self._clock.now())
            manager, subresource = options.field_manager, write.subresource
            merged = server_side_apply.apply(
                served.node,
                live,
                applied,
                manager,
                served.api_version,
                now,
                subresource,
                options.force,
                reset=served.reset_fields(),
                versions=FieldVersions(served),
            )
            bodies.complete_applied(write, merged, live)
            return merged

        while True:
            existing = self._store.index.get(served.key(write.namespace, write.name))
            if existing is not None or write.subresource:
                return await self.pipeline.change(write, merge, tries=PATCH_TRIES, applied=True, shares=True)
            if uid := applied["metadata"].get("uid"):
                why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                raise conflict(served.plural, write.name, why, served.group)
            try:
                return await self.pipeline.create(write, merge(None), applied=True)
            except StatusError as error:
                # Somebody created it in between: apply to what stands there now.
                if error.reason != "AlreadyExists":
                    raise

    # --- deletes

    async def delete(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        options = delete_options(query, bodies.decode_delete_options(request))
        deletion = Deletion(
            served, info.namespace, info.name, request.user, options, request.warnings, request.annotations
        )
        if served.kind.bucket == "jobs.batch" and options.keeps_default:
            request.warnings.append(_JOB_WARNING)
        tree, gone = await self._deleter.delete(deletion)
        if gone and not served.kind.delete_returns_object:
            return Response(body=orjson.dumps(success(served, tree)))
        return Response(body=self._reads.render_tree(served, tree, form_of(request, served), query))

    async def delete_collection(self, request: Request, info: RequestInfo, served: Served) -> Response:
        query = parse_query(request.query)
        timeout_of(query)
        options = delete_options(query, bodies.decode_delete_options(request))
        listing = list_options(query, watch=False)
        selection = Selection(served, info.namespace, listing)
        entries, metadata = await self._reads.select(selection, listing)
        items: list[Tree] = []
        for entry in entries:
            tree = await self._delete_listed(served, entry.key, options, request)
            if tree is not None:
                items.append(tree)
        for item in items if served.builtin else ():
            item.pop("kind", None)
            item.pop("apiVersion", None)
        body = {
            "kind": f"{served.kind.kind}List",
            "apiVersion": served.api_version,
            "metadata": metadata,
            "items": items,
        }
        return Response(body=orjson.dumps(body))

    async def _delete_listed(self, served: Served, key: str, options: DeleteOptions, request: Request) -> Tree | None:
        parts = key.split("/")
        namespace = parts[1] if served.kind.namespaced else ""
        deletion = Deletion(served, namespace, parts[-1], request.user, options, request.warnings, request.annotations)
        try:
            tree, _ = await self._deleter.delete(deletion)
        except StatusError as error:
            # Gone already: what was asked for is done.
            if error.reason != "NotFound":
                raise
            return None
        return tree

    # --- shared

    @staticmethod
    def write_of(request: Request, info: RequestInfo, served: Served, options: WriteOptions) -> Write:
        manager = options.field_manager or manager_of(request.headers.get("user-agent", ""))
        return Write(
            served,
            info.namespace,
            info.name,
            info.subresource,
            request.user,
            options,
            manager,
            request.warnings,
            annotations=request.annotations,
            wide=len(request.body) > WIDE_BODY,
        )

    def answer(self, request: Request, served: Served, outcome: Outcome, query: Query) -> Response:
        form = form_of(request, served)
        body = outcome.value
        if form.as_:
            body = self._reads.render_tree(served, orjson.loads(body), form, query)
        return Response(201 if outcome.created else 200, body)


#: Jobs keep their Pods unless told otherwise, which surprises people.
_JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
    "or set propagationPolicy=Orphan to suppress this warning"
)


@lru_cache(256)
def manager_of(user_agent: str) -> str:
    """The field manager that a User-Agent stands for: what precedes the first slash."""
    return user_agent.partition("/")[0][:128] or "unknown"


def check_revision(tree: Tree) -> None:
    """A resourceVersion that is no number. Raises: StatusError 500 as Kubernetes does."""
    text = tree["metadata"].get("resourceVersion", "")
    if text and not text.isdecimal():
        raise StatusError(500, "", f'strconv.ParseUint: parsing "{text}": invalid syntax')
