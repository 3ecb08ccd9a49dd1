"""/statusz and /flagz: what runs here, since when, and with which settings.

Source: KEP-4827, KEP-4828; forms and texts as recorded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.discovery import VERSION
from navarch.server.respond import TEXT
from navarch.wire.messages import Request, Response

_GROUP: Final = "g=config.k8s.io;v=v1beta1;as="
_PATHS: Final = ("/flagz", "/healthz", "/livez", "/metrics", "/readyz", "/statusz", "/version")
_WARNING: Final = (
    "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and "
    "is for debugging purposes only."
)
_REFUSED: Final = "only the following media types are accepted: application/json, application/yaml, text/plain"


class ZPages:
    """The pages of one server, which has run since it was made. `flags` are its settings by name."""

    def __init__(self, clock: Clock, flags: Mapping[str, str]) -> None:
        self._clock = clock
        self._started = clock.now()
        self._flags = dict(sorted(flags.items()))

    def answer(self, request: Request) -> Response | None:
        """The answer on one of the two paths, None elsewhere. Raises: StatusError 406."""
        if request.path == "/statusz":
            return self._shown(request, "Statusz", self._status(), self._status_text())
        if request.path == "/flagz":
            return self._shown(request, "Flagz", {"flags": self._flags}, self._flags_text())
        return None

    def _shown(self, request: Request, kind: str, tree: Tree, text: str) -> Response:
        accepted = request.headers.get("accept", "")
        plain = not accepted
        for clause in accepted.replace(" ", "").split(","):
            if clause == f"application/json;{_GROUP}{kind}":
                head = {"kind": kind, "apiVersion": "config.k8s.io/v1beta1", "metadata": {"name": "apiserver"}}
                return Response(200, orjson.dumps(head | tree) + b"\n", f"application/json;{_GROUP}{kind}")
            plain = plain or clause.split(";")[0] in ("text/plain", "text/*", "*/*")
        if plain:
            return Response(200, f"\napiserver {kind.lower()}\n{_WARNING}\n{text}".encode(), TEXT)
        raise StatusError(406, "NotAcceptable", _REFUSED)

    def _status(self) -> Tree:
        return {
            "startTime": format_time(self._started),
            "uptimeSeconds": int(self._clock.now() - self._started),
            "goVersion": VERSION["goVersion"],
            "binaryVersion": VERSION["gitVersion"].removeprefix("v"),
            "emulationVersion": f"{VERSION['emulationMajor']}.{VERSION['emulationMinor']}",
            "paths": list(_PATHS),
        }

    def _status_text(self) -> str:
        status = self._status()
        minutes, seconds = divmod(status["uptimeSeconds"], 60)
        hours, minutes = divmod(minutes, 60)
        started = time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(self._started))
        return (
            f"\nStarted:  {started}\nUp:  {hours} hr {minutes:02} min {seconds:02} sec\n"
            f"Go version:  {status['goVersion']}\nBinary version:  {status['binaryVersion']}\n"
            f"Emulation version:  {status['emulationVersion']}\nPaths:  {' '.join(_PATHS)}\n"
        )

    def _flags_text(self) -> str:
        return "".join(f"{name} {value}\n" for name, value in self._flags.items())
