"""GET and LIST: from the index to the answer's bytes.

The stored bytes are what is sent; a tree is decoded only for tables, partial metadata and kinds that
are stored in another version's form.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import orjson

from navarch.base.errors import bad_request, expired, not_found
from navarch.schema import protobuf_encode
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server import continuation, slices, tables
from navarch.server.continuation import Continuation
from navarch.server.negotiate import ANYTHING, JSON, PLAIN, PROTOBUF, Format, negotiate, not_acceptable
from navarch.server.options import ListOptions, Query, first, list_options, not_yet, parse_revision, server_error
from navarch.server.selection import NEWEST, Selection
from navarch.server.served import Served
from navarch.server.shared_lists import SharedLists
from navarch.server.stored_messages import body, message_of
from navarch.store.contract import Compacted, Entry, Store
from navarch.wire.messages import Request, Response


def form_of(request: Request, served: Served, *, many: bool = False) -> Format:
    """The form that the client accepts for one object or for many. Raises: StatusError 406."""
    accept = request.headers.get("accept", "")
    if accept in ANYTHING:
        return PLAIN
    verb = request.info.verb if request.info is not None else ""
    streams = many and verb != "deletecollection"
    readable = "get" in served.kind.verbs
    asked = negotiate(accept, streams=streams, custom=not served.builtin, tables=readable)
    if asked.is_partial and verb != "watch" and (asked.as_ == "PartialObjectMetadataList") != many:
        what = "the requested object is a list" if many else "the requested object is not a list"
        group = served.group.partition(".")[0] or "core"
        type_name = f"*{group}.{served.kind.kind}{'List' if many else ''}"
        raise not_acceptable(f"you requested {asked.as_}, but {what} ({type_name})")
    return asked


class Reads:
    """Answers reads of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lists = SharedLists()

    # --- one object

    async def get(self, served: Served, namespace: str, name: str, query: Query, form: Format) -> Response:
        """Raises: StatusError 404, and 500 or 504 for a resourceVersion that is none or not yet."""
        if query:
            try:
                wanted = parse_revision(first(query, "resourceVersion"))
            except ValueError as error:
                raise server_error(str(error)) from None
            await self.reach(wanted)
        else:
            await self._store.sync()
        entry = self.find(served, namespace, name)
        if served.conversion is not None:
            await served.ready([entry.value])
        if form.is_protobuf and not form.as_:
            return Response(200, body(served, message_of(served, entry)), PROTOBUF)
        return Response(body=self.render(served, entry, form, query))

    def find(self, served: Served, namespace: str, name: str) -> Entry:
        """Raises: StatusError 404."""
        entry = self._store.index.get(served.key(namespace, name))
        if entry is None:
            raise not_found(served.plural, name, served.group)
        return entry

    def render(self, served: Served, entry: Entry, form: Format, query: Query) -> bytes:
        if not form.as_:
            return served.show(entry.value)
        return self.render_tree(served, served.tree(entry.value), form, query)

    def render_tree(self, served: Served, tree: Tree, form: Format, query: Query) -> bytes:
        if form.is_partial:
            return orjson.dumps(tables.partial_metadata(tree, form.api_version))
        if form.is_table:
            include = tables.check_include(first(query, "includeObject"))
            metadata = {"resourceVersion": tree["metadata"].get("resourceVersion", "")}
            return orjson.dumps(tables.table(served, [tree], metadata, self._clock.now(), include, form.api_version))
        return served.dump(tree)

    async def reach(self, revision: int) -> None:
        """Return when the index is at `revision`. Raises: StatusError 504 if nothing is there yet."""
        index = self._store.index
        if revision <= index.revision:
            return
        current = await self._store.sync()
        if revision > current:
            raise not_yet(revision, current)

    # --- many objects

    async def collection(self, served: Served, namespace: str, query: Query, form: Format) -> Response:
        """Raises: StatusError 400, 404, 410, 422, 504 as Kubernetes answers wrong options."""
        options = list_options(query, watch=False)
        selection = Selection(served, namespace, options)
        entries, metadata = await self.select(selection, options)
        if served.conversion is not None:
            # One question to the webhook for all of them.
            await served.ready([entry.value for entry in entries])
        if not form.as_:
            key = (served, namespace, options, metadata["resourceVersion"], form.is_protobuf)
            make, media_type = (_list_message, PROTOBUF) if form.is_protobuf else (_list_bytes, JSON)
            return await self._lists.answer(key, len(entries), lambda: make(served, entries, metadata), media_type)
        return Response(body=await self._transformed(served, entries, metadata, form, query))

    async def _transformed(
        self, served: Served, entries: Sequence[Entry], metadata: Tree, form: Format, query: Query
    ) -> bytes:
        """Stored objects as `render_trees` shows them, bit by bit: many trees would take too long, and much memory."""
        empty = self.render_trees(served, [], metadata, form, query)
        include, now = tables.check_include(first(query, "includeObject")), self._clock.now()
        order = served.kind.table_order if form.is_table else None
        items: list[tuple[Any, bytes]] = []
        async for some in slices.of(entries, slices.FORMS):
            await served.ready([entry.value for entry in some])
            for entry in some:
                tree = served.tree(entry.value)
                place = order(tree) if order is not None else None
                if form.is_table:
                    item = tables.row(served, tree, now, include, form.api_version)
                else:
                    item = tables.partial_metadata(tree, form.api_version)
                items.append((place, orjson.dumps(item)))
        if order is not None:
            items.sort(key=itemgetter(0))
        assert empty.endswith(b"[]}"), "items or rows come last"
        return _joined(empty[:-2], b",", [raw for _, raw in items]) if items else empty

    def render_trees(self, served: Served, trees: Sequence[Tree], metadata: Tree, form: Format, query: Query) -> bytes:
        """Many objects as their metadata or as a Table. Raises: StatusError 400."""
        if form.is_partial:
            return orjson.dumps(tables.partial_list(trees, metadata, form.api_version))
        include = tables.check_include(first(query, "includeObject"))
        return orjson.dumps(tables.table(served, trees, metadata, self._clock.now(), include, form.api_version))

    async def select(self, selection: Selection, options: ListOptions) -> tuple[list[Entry], Tree]:
        """The selected entries of one page, and the list's metadata."""
        goes_on, revision = await self._position(options)
        base = selection.prefix
        start = base + goes_on.start if goes_on else ""
        index = self._store.index
        # As Kubernetes does, a list from the cache (resourceVersion=0) is not cut into pages.
        limit = 0 if options.resource_version == "0" else max(options.limit, 0)
        try:
            found, at = await selection.read(index, start, revision, limit + 1 if limit else 0)
            metadata: Tree = {"resourceVersion": str(at)}
            if not limit or len(found) <= limit:
                return found, metadata
            left = index.count(base, start, at) - limit if selection.everything else 0
        except Compacted:
            if goes_on is not None:
                raise continuation.too_old(goes_on.start) from None
            raise expired("The resourceVersion for the provided list is too old.") from None
        page = found[:limit]
        metadata["continue"] = continuation.encode(at, page[-1].key[len(base) :] + "\0")
        if left:
            metadata["remainingItemCount"] = left
        return page, metadata

    async def _position(self, options: ListOptions) -> tuple[Continuation | None, int]:
        """Where the list starts and at which revision it stands, which may be the newest."""
        if options.continue_token:
            if options.resource_version not in ("", "0"):
                raise bad_request("specifying resource version is not allowed when using continue")
            goes_on = continuation.decode(options.continue_token)
            return goes_on, goes_on.revision
        try:
            wanted = parse_revision(options.resource_version)
        except ValueError as error:
            raise bad_request(f"invalid resource version: {error}") from None
        if not options.resource_version:
            await self._store.sync()
        await self.reach(wanted)
        if options.resource_version_match == "Exact":
            return None, wanted
        return None, NEWEST


async def _shown(served: Served, entries: Sequence[Entry]) -> list[bytes]:
    """The documents of entries as this version shows them: the stored bytes themselves where nothing differs."""
    if not served.converts:
        return [entry.value for entry in entries]
    shown = list[bytes]()
    async for some in slices.of(entries, slices.FORMS):
        await served.ready([entry.value for entry in some])
        shown += [served.show(entry.value) for entry in some]
    return shown


async def _list_bytes(served: Served, entries: Sequence[Entry], metadata: Tree) -> bytes:
    """The list's JSON, joined from stored bytes; items of built-in kinds go without kind and apiVersion."""
    head: bytes = served.list_head + metadata["resourceVersion"].encode() + b'"'
    if token := metadata.get("continue"):
        head += b',"continue":"%s"' % token.encode()
    if (remaining := metadata.get("remainingItemCount")) is not None:
        head += b',"remainingItemCount":%d' % remaining
    if not entries:
        return head + b'},"items":[]}'
    values = await _shown(served, entries)
    if not served.builtin:
        return _joined(head + b'},"items":[', b",", values)
    # Views instead of slices: the bytes are copied once, into the answer.
    skip = len(served.head)
    return _joined(head + b'},"items":[{', b",{", [memoryview(value)[skip:] for value in values])


async def _list_message(served: Served, entries: Sequence[Entry], metadata: Tree) -> bytes:
    """The list in protobuf, joined from the messages of its items."""
    messages = list[bytes]()
    async for some in slices.of(entries, slices.FORMS):
        messages += [message_of(served, entry) for entry in some]
    return protobuf_encode.encode_list(f"{served.kind.kind}List", served.api_version, metadata, messages)


def _joined(head: bytes, between: bytes, items: list[bytes] | list[memoryview]) -> bytes:
    """Head, items and the end of a list in one allocation of its size."""
    first, last = head + items[0], bytes(items[-1]) + b"]}"
    if len(items) == 1:
        return first + b"]}"
    return between.join([first, *items[1:-1], last])
