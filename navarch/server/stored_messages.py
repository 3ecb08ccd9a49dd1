"""The protobuf messages of stored objects: made when the first client asks for one, and kept with the entry.

All gets, lists and watches of all clients share them; a new version of the object starts without.
"""

from __future__ import annotations

from typing import Any

import orjson

from navarch.schema import protobuf_encode
from navarch.server.served import Served
from navarch.store.contract import Entry


class Message:
    """Names the message among the shared forms of an object (`Attrs.views`)."""


def message_of(served: Served, entry: Entry) -> bytes:
    """The message of an entry in this version's form."""
    return message(served, served.show(entry.value), served.views(entry))


def message(served: Served, shown: bytes, views: dict[type, Any]) -> bytes:
    """The same of an object's JSON, with the forms that are already known of it."""
    found: bytes | None = views.get(Message)
    if found is None:
        found = views[Message] = protobuf_encode.encoder(served.node)(orjson.loads(shown))
    return found


def body(served: Served, raw: bytes) -> bytes:
    """A message as a whole body."""
    return protobuf_encode.envelope(served.api_version, served.kind.kind, raw)
