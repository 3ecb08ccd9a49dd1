"""Large lists that several clients ask for at the same time are put together once.

After a restart or a lost connection many informers list the same thing at once, each answer of some megabytes. A
list is told by what was asked for and by its revision: as long as it is put together, or one of its answers is being
written, others with the same question get the same bytes. Nothing is kept after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final
from weakref import WeakValueDictionary

from navarch.wire.answer import GZIP_ABOVE_BYTES
from navarch.wire.messages import Response
from navarch.wire.shared_body import SharedBody

#: Lists of fewer objects are not looked for.
_MANY: Final = 32


class SharedLists:
    """The large lists that are being put together and written now."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Event] = {}
        self._bodies: WeakValueDictionary[Hashable, SharedBody] = WeakValueDictionary()

    async def answer(
        self, key: Hashable, count: int, make: Callable[[], Awaitable[bytes]], content_type: str
    ) -> Response:
        """The list of `count` objects that `make` would make. `key` is all that it depends on."""
        if count < _MANY:
            return Response(200, await make(), content_type)
        while (under_way := self._under_way.get(key)) is not None:
            await under_way.wait()
        shared = self._bodies.get(key)
        if shared is None:
            made = self._under_way[key] = asyncio.Event()
            try:
                body = await make()
                if len(body) <= GZIP_ABOVE_BYTES:
                    return Response(200, body, content_type)
                shared = self._bodies[key] = SharedBody(body)
            finally:
                # Whoever waits looks again, and makes it himself if this one failed.
                del self._under_way[key]
                made.set()
        return Response(200, shared.plain, content_type, shared=shared)
