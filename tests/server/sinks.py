"""The receiving end of a watch, in memory."""

from __future__ import annotations

import json
from typing import Any

from navarch.wire.messages import Response, Sink
from tests.server.peer import JSON, Peer


class Collected(Sink):
    """Keeps what was written. `stuck` bytes are never taken by the peer."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.data = b""
        self.closed = False
        self._stuck = stuck

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.data += data

    def buffered(self) -> int:
        return len(self.data) if self._stuck else 0

    def close(self) -> None:
        self.closed = True

    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.data.splitlines()]

    def seen(self) -> list[tuple[str, str]]:
        """(type, name) of each event."""
        return [(e["type"], e["object"]["metadata"].get("name", "")) for e in self.events()]


def open_watch(peer: Peer, path: str, sink: Collected, accept: str = JSON) -> Response:
    """Start a watch; events go to the sink from here on."""
    response = peer.send("GET", path, accept=accept)
    assert response.stream is not None, response.body
    stream = response.stream

    async def start() -> None:
        stream.start(sink)

    peer.loop.run_until_complete(start())
    return response
