"""The paths below /debug/pprof/: an index, and a page for each profile.

Called by `app.py` after authorisation: to whom RBAC does not grant these paths they are closed.

Source: Go's net/http/pprof (paths, parameters, texts).
"""

from __future__ import annotations

import html
import sys
from typing import Final
from urllib.parse import parse_qs

from navarch.seams.contract import Clock
from navarch.server.profiling import sources
from navarch.server.profiling.profile import Profile, to_message, to_text
from navarch.server.respond import TEXT, text_response
from navarch.wire.messages import Request, Response

PATH: Final = "/debug/pprof/"
_HTML: Final = "text/html; charset=utf-8"
_SECONDS: Final = 30.0
_MOST_SECONDS: Final = 600.0

#: Profile -> what Go's page says of it. Here `allocs` knows of what still lives alone, `block` and `mutex` are
#: empty, programs have no counters to be looked up, and no trace is kept.
_PROFILES: Final = {
    "allocs": "A sampling of all past memory allocations",
    "block": "Stack traces that led to blocking on synchronization primitives",
    "cmdline": "The command line invocation of the current program",
    "goroutine": "Stack traces of all current goroutines. Use debug=2 as a query parameter to export in the same "
    "format as an unrecovered panic.",
    "heap": "A sampling of memory allocations of live objects. You can specify the gc GET parameter to run GC before "
    "taking the heap sample.",
    "mutex": "Stack traces of holders of contended mutexes",
    "profile": "CPU profile. You can specify the duration in the seconds GET parameter. After you get the profile "
    "file, use the go tool pprof command to investigate the profile.",
    "symbol": "Maps given program counters to function names. Counters can be specified in a GET raw query or POST "
    "body, multiple counters are separated by '+'.",
    "threadcreate": "Stack traces that led to the creation of new OS threads",
    "trace": "A trace of execution of the current program. You can specify the duration in the seconds GET parameter. "
    "After you get the trace file, use the go tool trace command to investigate the trace.",
}
_HEAD: Final = """<html>
<head>
<title>/debug/pprof/</title>
<style>
.profile-name{
	display:inline-block;
	width:6rem;
}
</style>
</head>
<body>
/debug/pprof/
<br>
<p>Set debug=1 as a query parameter to export in legacy text format</p>
<br>
Types of profiles available:
<table>
<thead><td>Count</td><td>Profile</td></thead>
"""
_MIDDLE: Final = """</table>
<a href="goroutine?debug=2">full goroutine stack dump</a>
<br>
<p>
Profile Descriptions:
<ul>
"""


class Profiling:
    """The pages of the process that this server is a part of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def answer(self, request: Request) -> Response | None:
        """None for a path that is none of these."""
        if request.path == PATH.rstrip("/"):
            return Response(301, headers=[("Location", PATH)])
        name = request.path.removeprefix(PATH)
        query = {key: values[0] for key, values in parse_qs(request.query, keep_blank_values=True).items()}
        match name:
            case "":
                return Response(200, _index().encode(), _HTML)
            case "cmdline":
                return text_response("\0".join(sys.argv))
            case "symbol":
                return text_response("num_symbols: 0\n")
            case "trace":
                return _refused("Could not enable tracing: this program keeps no trace\n")
            case "profile":
                return await self._processor(_seconds(query), int(_number(query.get("debug", ""))))
        profile = _taken(name, bool(_number(query.get("gc", ""))))
        return self._shown(profile, int(_number(query.get("debug", "")))) if profile is not None else None

    async def _processor(self, seconds: float, debug: int) -> Response:
        try:
            return self._shown(await sources.processor(seconds), debug)
        except sources.Unavailable as error:
            return _refused(f"Could not enable CPU profiling: {error}\n")

    def _shown(self, profile: Profile, debug: int) -> Response:
        if debug:
            return Response(200, to_text(profile).encode(), TEXT)
        headers = [("Content-Disposition", f'attachment; filename="{profile.name}"')]
        return Response(200, to_message(profile, self._clock.now()), "application/octet-stream", headers)


def _taken(name: str, collect: bool = False) -> Profile | None:
    match name:
        case "goroutine":
            return sources.tasks_and_threads()
        case "threadcreate":
            return sources.threads()
        case "heap" | "allocs":
            return sources.objects(name, collect)
        case "block" | "mutex":
            return sources.nothing(name)
    return None


def _index() -> str:
    rows, texts = [], []
    for name, text in _PROFILES.items():
        profile = _taken(name)
        count = 0
        if profile is not None:
            # Of objects, as Go, the places that they come from; of tasks all of them.
            places = name in ("heap", "allocs")
            count = len(profile.samples) if places else sum(values[0] for values in profile.samples.values())
        rows.append(f"<tr><td>{count}</td><td><a href='{name}?debug=1'>{name}</a></td></tr>\n")
        shown = html.escape(text).replace("&#x27;", "&#39;")
        texts.append(f"<li><div class=profile-name>{name}: </div> {shown}</li>\n")
    return f"{_HEAD}{''.join(rows)}{_MIDDLE}{''.join(texts)}</ul>\n</p>\n</body>\n</html>"


def _refused(text: str) -> Response:
    response = text_response(text, 500)
    response.headers.append(("X-Go-Pprof", "1"))
    return response


def _seconds(query: dict[str, str]) -> float:
    wanted = _number(query.get("seconds", ""))
    return min(wanted, _MOST_SECONDS) if wanted > 0 else _SECONDS


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
