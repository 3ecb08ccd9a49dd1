"""What `-v` tells about requests: from 6 on a line for each, from 7 headers, from 8 bodies.

The texts are those of client-go's `transport/round_trippers.go`, behind the head that klog gives each line.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from http import HTTPStatus

_BODY_MAX = {8: 1024, 9: 10240}
_HIDDEN = frozenset({"authorization"})


class RequestLog:
    """Writes lines through `say`. `level` is that of `-v`."""

    def __init__(self, say: Callable[[str], None], level: int) -> None:
        self._say = say
        self._level = level

    def answered(
        self,
        method: str,
        url: str,
        sent: Sequence[tuple[str, str]],
        status: int,
        received: Sequence[tuple[str, str]],
        took_s: float,
    ) -> None:
        """A request was sent and the head of its answer is here."""
        if self._level < 6:
            return
        if self._level >= 7:
            self._line(f"{method} {url}")
            self._headers("Request Headers:", sent)
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        self._line(f"{method} {url} {status} {phrase} in {took_s * 1000:.0f} milliseconds")
        if self._level >= 8:
            self._headers("Response Headers:", received)

    def body(self, what: str, data: bytes) -> None:
        """`what` is Request or Response."""
        if self._level < 8 or not data:
            return
        text = data.decode(errors="replace")
        limit = _BODY_MAX.get(self._level, len(text))
        more = f" [truncated {len(text) - limit} chars]" if len(text) > limit else ""
        self._line(f"{what} Body: {text[:limit]}{more}")

    def watch_ended(self, error: Exception) -> None:
        if self._level >= 5:
            why = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
            self._line(
                f"Unable to decode an event from the watch stream: {why if isinstance(error, TimeoutError) else error}"
            )

    def _headers(self, title: str, headers: Sequence[tuple[str, str]]) -> None:
        self._line(title)
        for name, value in headers:
            self._line(f"    {name}: {'<masked>' if name.lower() in _HIDDEN else value}")

    def _line(self, text: str) -> None:
        now = datetime.datetime.now()
        self._say(f"I{now:%m%d %H:%M:%S.%f} {os.getpid():7d} round_trippers.go] {text}")
