"""The events of a watch as bytes, in the form that the client asked for.

    text = event_text(served, form, include, clock)
    sink.write(text.line(change))

In JSON an event is a line, in protobuf a frame with its length before it. What all watchers share of
an event is kept with the event (`WatchEvent.views`).
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.schema import protobuf_encode
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server import slices, tables
from navarch.server.negotiate import JSON, PROTOBUF, Format
from navarch.server.served import Served
from navarch.server.stored_messages import body, message


def event_text(served: Served, form: Format, include: str, clock: Clock) -> EventText:
    """The writer of one watch's events."""
    return (ProtobufText if form.is_protobuf else EventText)(served, form, include, clock)


class EventText:
    """Events as lines of JSON."""

    content_type = JSON

    def __init__(self, served: Served, form: Format, include: str, clock: Clock) -> None:
        self.served = served
        self._form = form
        self._include = include
        self._clock = clock
        self._columns_sent = False

    @property
    def is_transformed(self) -> bool:
        """Whether objects are shown as something else, each watch for itself."""
        return bool(self._form.as_)

    def line(self, change: WatchEvent) -> bytes:
        if self._form.as_:
            return self._event(change.type, self._shown(orjson.loads(change.raw)))
        if change.line is None:
            change.line = b'{"type":"%s","object":%s}\n' % (change.type.encode(), change.raw)
        return change.line

    async def prepare(self, changes: Sequence[WatchEvent]) -> None:
        """Make ahead what takes long to be made of many changes."""

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        metadata: Tree = {"resourceVersion": str(revision)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        kind, version = self.served.kind.kind, self.served.api_version
        tree: Tree = {"kind": kind, "apiVersion": version, "metadata": metadata}
        form = self._form
        if form.is_partial:
            tree = tables.partial_metadata(tree, form.api_version)
        elif form.is_table:
            listed = {"resourceVersion": str(revision)}
            tree = tables.table(self.served, [], listed, 0.0, "None", form.api_version, columns=False)
        return self._event("BOOKMARK", tree)

    def error(self, error: StatusError) -> bytes:
        return self._event("ERROR", error.to_dict())

    def _event(self, type_: str, tree: Tree) -> bytes:
        return orjson.dumps({"type": type_, "object": tree}) + b"\n"

    def _shown(self, tree: Tree) -> Tree:
        if self._form.is_partial:
            return tables.partial_metadata(tree, self._form.api_version)
        metadata = {"resourceVersion": tree["metadata"].get("resourceVersion", "")}
        columns = not self._columns_sent
        self._columns_sent = True
        version = self._form.api_version
        return tables.table(self.served, [tree], metadata, self._clock.now(), self._include, version, columns=columns)


class ProtobufText(EventText):
    """Events as frames of protobuf."""

    content_type = f"{PROTOBUF};stream=watch"

    def line(self, change: WatchEvent) -> bytes:
        if self._form.as_:
            return self._event(change.type, self._shown(orjson.loads(change.raw)))
        raw = message(self.served, change.raw, change.views)
        return protobuf_encode.watch_event(change.type, body(self.served, raw))

    async def prepare(self, changes: Sequence[WatchEvent]) -> None:
        if not self.is_transformed:
            async for some in slices.of(changes, slices.FORMS):
                for change in some:
                    message(self.served, change.raw, change.views)

    def _event(self, type_: str, tree: Tree) -> bytes:
        node = message_type(tree["apiVersion"], tree["kind"])
        assert node is not None, "tables and custom resources are not negotiated as protobuf"
        return protobuf_encode.watch_event(type_, protobuf_encode.encode(tree, node))
