"""Large lists that several clients ask for at the same time are put together once.

After a restart or a lost connection many informers list the same thing at once, each answer of some megabytes. A
list is told by what was asked for and by its revision: as long as one of its answers is being written, others with
the same question get the same bytes. Nothing is kept after that.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final
from weakref import WeakValueDictionary

from navarch.wire.answer import GZIP_ABOVE_BYTES
from navarch.wire.messages import Response
from navarch.wire.shared_body import SharedBody

#: Lists of fewer objects are not looked for.
_MANY: Final = 32


class SharedLists:
    """The large lists that are being written now."""

    def __init__(self) -> None:
        self._bodies: WeakValueDictionary[Hashable, SharedBody] = WeakValueDictionary()

    def answer(self, key: Hashable, count: int, make: Callable[[], bytes], content_type: str) -> Response:
        """The list of `count` objects that `make` would make. `key` is all that it depends on."""
        if count < _MANY:
            return Response(200, make(), content_type)
        shared = self._bodies.get(key)
        if shared is None:
            body = make()
            if len(body) <= GZIP_ABOVE_BYTES:
                return Response(200, body, content_type)
            shared = self._bodies[key] = SharedBody(body)
        return Response(200, shared.plain, content_type, shared=shared)
