"""A large body that several answers have at the same time: the same list for many clients that begin anew.

    body = SharedBody(plain)
    Response(body=body.plain, shared=body)

It lives as long as one of the answers is being written: whoever carries an answer away holds it, and whoever
makes answers finds it through a weak reference. So it is joined and compressed once for all of them, and nothing
is kept when the last one is gone.
"""

from __future__ import annotations

from isal import igzip


class SharedBody:
    """The bytes, and their compressed form once somebody has asked for it."""

    __slots__ = ("__weakref__", "_packed", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._packed = b""

    def packed(self) -> bytes:
        if not self._packed:
            self._packed = pack(self.plain)
        return self._packed


def pack(body: bytes) -> bytes:
    """The body compressed, at the fastest level."""
    packed: bytes = igzip.compress(body, compresslevel=1, mtime=0)
    return packed
