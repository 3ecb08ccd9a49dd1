"""A streamed answer as a whole, for those who ask other servers on their own account."""

from __future__ import annotations

import asyncio

from navarch.wire.messages import Response, Sink


class AnswerTooLong(Exception):
    """The answer has more bytes than the caller takes."""


async def collected(response: Response, limit: int) -> bytes:
    """All bytes of an answer. Raises: AnswerTooLong."""
    if response.stream is None:
        return response.body
    sink = _Collected(limit)
    response.stream.start(sink)
    try:
        return await sink.whole
    finally:
        response.stream.stop()


class _Collected(Sink):
    def __init__(self, limit: int) -> None:
        self._parts: list[bytes] = []
        self._left = limit
        self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self._left -= len(data)
        if self._left < 0 and not self.whole.done():
            self.whole.set_exception(AnswerTooLong("the answer is too long"))

    def buffered(self) -> int:
        return 0

    def close(self) -> None:
        if not self.whole.done():
            self.whole.set_result(b"".join(self._parts))
