"""/healthz, /livez and /readyz: named checks, all at once or one by one.

Checks are plain functions: empty when well, else what is wrong. The reason goes to the log, a client
learns only which check failed.

Source: API health endpoints (paths, `verbose`, `exclude`, texts).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qs

from navarch.server.respond import page_not_found, text_response
from navarch.wire.messages import Request, Response

log = logging.getLogger(__name__)

#: What is wrong; empty when nothing is.
Check = Callable[[], str]

ENDPOINTS: Final = ("healthz", "livez", "readyz")
LIVE: Final = ("healthz", "livez")
READY: Final = ("readyz",)


def well() -> str:
    return ""


class Health:
    """The checks of one server, in the order in which they were added."""

    def __init__(self) -> None:
        self._checks: dict[str, dict[str, Check]] = {endpoint: {} for endpoint in ENDPOINTS}
        self._counts: dict[tuple[str, str, str], int] = {}
        self.add("ping", well)
        self.add("log", well)

    def add(self, name: str, check: Check, endpoints: tuple[str, ...] = ENDPOINTS) -> None:
        for endpoint in endpoints:
            self._checks[endpoint][name] = check

    @property
    def paths(self) -> list[str]:
        """All paths that are answered, for the root's list."""
        return [f"/{e}" for e in ENDPOINTS] + [f"/{e}/{name}" for e in ENDPOINTS for name in self._checks[e]]

    def answer(self, request: Request) -> Response | None:
        """The answer on one of the three paths or below, None elsewhere."""
        endpoint, _, name = request.path.lstrip("/").partition("/")
        if endpoint not in self._checks:
            return None
        if name:
            return self._answer_one(endpoint, name)
        query = parse_qs(request.query, keep_blank_values=True)
        return self._answer_all(endpoint, "verbose" in query, query.get("exclude", []))

    def _run(self, endpoint: str, name: str, check: Check) -> str:
        fault = check()
        of = (name, "error" if fault else "success", endpoint)
        self._counts[of] = self._counts.get(of, 0) + 1
        return fault

    def results(self) -> Iterator[tuple[str, float]]:
        """For the metrics: of each check and endpoint, whether it is well now."""
        names = {(name, endpoint): check for endpoint, checks in self._checks.items() for name, check in checks.items()}
        for (name, endpoint), check in sorted(names.items()):
            yield f'name="{name}",type="{endpoint}"', float(not check())

    def counts(self) -> Iterator[tuple[str, float]]:
        """For the metrics: how often each check was well, and was not, when somebody asked."""
        for (name, status, endpoint), count in sorted(self._counts.items()):
            yield f'name="{name}",status="{status}",type="{endpoint}"', float(count)

    def _answer_one(self, endpoint: str, name: str) -> Response:
        check = self._checks[endpoint].get(name)
        if check is None:
            return page_not_found()
        fault = self._run(endpoint, name, check)
        return _plain(f"internal server error: {fault}\n", 500) if fault else _plain("ok")

    def _answer_all(self, endpoint: str, verbose: bool, exclude: list[str]) -> Response:
        lines, faults = [], []
        for name, check in self._checks[endpoint].items():
            if name in exclude:
                lines.append(f"[+]{name} excluded: ok\n")
            elif fault := self._run(endpoint, name, check):
                lines.append(f"[-]{name} failed: reason withheld\n")
                faults.append(f"{name}: {fault}")
            else:
                lines.append(f"[+]{name} ok\n")
        unknown = [name for name in exclude if name not in self._checks[endpoint]]
        if unknown:
            quoted = ",".join(f'"{name}"' for name in sorted(unknown))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}\n")
        if faults:
            log.warning("endpoint=%s failed=%s", endpoint, "; ".join(faults))
            return _plain("".join(lines) + f"{endpoint} check failed\n", 500)
        return _plain("".join(lines) + f"{endpoint} check passed\n" if verbose else "ok")


def _plain(body: str, status: int = 200) -> Response:
    response = text_response(body, status)
    response.headers.append(("X-Content-Type-Options", "nosniff"))
    return response
