"""The Client contract as REST calls, over any transport.

A transport carries one `Call` and gives back the body; the direct one hands it to a server in the
same process, the HTTP one to a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import msgspec
import orjson

from navarch.base.errors import Cause, Details, StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Page, PatchType, Preconditions, WatchEvent, revision_of
from navarch.schema.types import Tree


class _ListMetadata(msgspec.Struct, gc=False):
    resourceVersion: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, gc=False):
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None


_list_decoder = msgspec.json.Decoder(_List)


@dataclass(slots=True)
class Call:
    """One request. `query` is encoded; `path` is not."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """What carries calls."""

    streams_lists: bool

    async def send(self, call: Call) -> bytes:
        """The body of a successful answer. Raises: StatusError, Unreachable."""

    def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        """The events of a watch, in batches. Raises: StatusError, Unreachable."""

    async def close(self) -> None: ...


#: How often a call is made to a server that has no seat for it, and the pause in between. Source: client-go.
BUSY_TRIES: Final = 10
BUSY_WAIT_S: Final = 1.0


class RestClient:
    """A Client (see contract.py) over a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.streams_lists = transport.streams_lists

    async def _send(self, call: Call) -> bytes:
        """The answer. A server that has no seat for the call has not begun with it: it is made again.

        Raises: StatusError, Unreachable.
        """
        for _ in range(BUSY_TRIES - 1):
            try:
                return await self._transport.send(call)
            except StatusError as error:
                # With a reason it is the answer of a handler: a disruption budget's, say.
                if error.code != 429 or error.reason:
                    raise
                await asyncio.sleep(BUSY_WAIT_S)
        return await self._transport.send(call)

    async def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> bytes:
        return await self._send(Call("GET", resource.path(namespace, name, subresource)))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> Page:
        query = encode(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=limit or "",
            resourceVersion=resource_version,
            **{"continue": continue_token},
        )
        body = await self._send(Call("GET", resource.path(namespace), query))
        return page_of(body, resource)

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        after: int,
        label_selector: str = "",
        field_selector: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        query = encode(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion="" if initial else after,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            sendInitialEvents="true" if initial else "",
            resourceVersionMatch="NotOlderThan" if initial else "",
        )
        return self._transport.watch(Call("GET", resource.path(namespace), query))

    async def create(
        self, resource: Resource, obj: Tree, namespace: str = "", *, name: str = "", subresource: str = ""
    ) -> bytes:
        namespace = namespace or obj.get("metadata", {}).get("namespace", "")
        return await self._send(Call("POST", resource.path(namespace, name, subresource), body=orjson.dumps(obj)))

    async def update(self, resource: Resource, obj: Tree, *, subresource: str = "") -> bytes:
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        return await self._send(Call("PUT", path, body=orjson.dumps(obj)))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        patch_type: PatchType,
        namespace: str = "",
        *,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> bytes:
        query = encode(fieldManager=field_manager, force="true" if force else "")
        return await self._send(
            Call(
                "PATCH",
                resource.path(namespace, name, subresource),
                query,
                orjson.dumps(patch),
                {"content-type": patch_type.value},
            )
        )

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        preconditions: Preconditions | None = None,
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> bytes:
        options: Tree = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        if propagation:
            options["propagationPolicy"] = propagation
        if preconditions is not None:
            pairs = (("uid", preconditions.uid), ("resourceVersion", preconditions.resource_version))
            options["preconditions"] = {name: value for name, value in pairs if value is not None}
        return await self._send(Call("DELETE", resource.path(namespace, name), body=orjson.dumps(options)))

    async def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        path, _, query = path.partition("?")
        return await self._send(Call(method, path, query, body, dict(headers or {})))

    async def close(self) -> None:
        await self._transport.close()


def encode(**parameters: str | int) -> str:
    """A query string of the parameters that are not empty."""
    return urlencode({name: value for name, value in parameters.items() if value != ""}, quote_via=quote)


def page_of(body: bytes, resource: Resource) -> Page:
    """A list answer cut into its items' bytes; each gets the kind and apiVersion that lists leave out."""
    page = _list_decoder.decode(body)
    head = b'{"kind":"%s","apiVersion":"%s",' % (resource.kind.encode(), resource.api_version.encode())
    items = [raw if raw.startswith(head[:8]) else head + raw[1:] for raw in map(bytes, page.items or ())]
    # What is computed has no revision.
    return Page(items, int(page.metadata.resourceVersion or 0), page.metadata.continue_)


def event_of(line: bytes) -> WatchEvent:
    """One line of a watch as an event. Raises: StatusError for an ERROR event."""
    decoded = orjson.loads(line)
    if decoded["type"] == "ERROR":
        raise status_error(decoded["object"])
    start = line.index(b'"object":') + 9
    raw = line[start : line.rindex(b"}")]
    return WatchEvent(decoded["type"], raw, revision_of(raw))


def status_error(tree: Tree) -> StatusError:
    """A Status object as the error that it is."""
    given = tree.get("details")
    details = None
    if given is not None:
        causes = tuple(
            Cause(c.get("reason", ""), c.get("message", ""), c.get("field", "")) for c in given.get("causes", ())
        )
        details = Details(
            given.get("name", ""),
            given.get("group", ""),
            given.get("kind", ""),
            given.get("uid", ""),
            causes,
            given.get("retryAfterSeconds", 0),
        )
    return StatusError(
        tree.get("code", 500),
        tree.get("reason", ""),
        tree.get("message", ""),
        details,
        tree.get("metadata", {}).get("continue", ""),
    )


def error_of(status: int, body: bytes) -> StatusError:
    """The error in an answer that is no success, whatever its body."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        tree = None
    if isinstance(tree, dict) and tree.get("kind") == "Status":
        return status_error(tree)
    return StatusError(status, "", body.decode(errors="replace").strip() or f"the server answered {status}")
