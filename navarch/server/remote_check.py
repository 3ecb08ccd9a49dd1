"""Asks one aggregated API server, again and again, whether it is there and what it serves.

    check = RemoteCheck(remote, links)
    check.start()               # needs a running loop
    check.stir()                # something that it depends on has changed: look again soon
    check.close()

It asks in short intervals while nobody answers. A check knows one `Remote` for as long as it runs: when the
APIService comes to mean another one, another check begins.

Called by `aggregator.py`. What is wrong with a backend, and what is written, is found out in `aggregation.py`.

Source: kube-aggregator (available controller).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

import orjson

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.seams.contract import routine
from navarch.server import aggregation
from navarch.server.aggregation import PASSED, Finding, Offer, Remote
from navarch.server.openapi_from_v2 import converted
from navarch.server.openapi_v2 import is_readable
from navarch.wire.collect import AnswerTooLong, collected
from navarch.wire.messages import Request, Response, User

#: Who asks for discovery. Source: kube-aggregator.
_AGGREGATOR: Final = User("system:kube-aggregator", groups=("system:masters",))
#: A remote that answers is asked again after this, one that does not after the shorter time.
CHECK_S: Final = 30.0
RETRY_S: Final = 1.0
CHECK_TIMEOUT_S: Final = 5.0
#: Many changes of many slices are one reason to look again: it is done so much later.
SETTLE_S: Final = 0.1
#: A document of OpenAPI may be as long as this.
_MAX_BYTES: Final = 16 << 20


class Links(Protocol):
    """What a check needs of the aggregator."""

    def backend(self, remote: Remote) -> tuple[Tree | None, Sequence[Tree]]:
        """The remote's Service, None if there is none, and its EndpointSlices."""

    def ask(self, request: Request, remote: Remote) -> Awaitable[Response]:
        """The remote's answer. Raises: StatusError 503, OSError."""

    def take(self, offer: Offer) -> None:
        """What a remote has told that it serves."""

    def lose(self, remote: Remote) -> None:
        """What a remote has told is out of date: it does not answer."""

    def note(self, remote: Remote, finding: Finding) -> Awaitable[None]:
        """Write whether a remote is available."""


class RemoteCheck:
    """The check of one remote."""

    def __init__(self, remote: Remote, links: Links) -> None:
        self.remote = remote
        self._links = links
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stir(self) -> None:
        self._stirred.set()

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        with routine():
            while True:
                # What changes from here on is a reason to look again.
                self._stirred.clear()
                finding = await self._look()
                if not finding.available:
                    self._links.lose(self.remote)
                await self._links.note(self.remote, finding)
                try:
                    async with asyncio.timeout(CHECK_S if finding.available else RETRY_S):
                        await self._stirred.wait()
                    await asyncio.sleep(SETTLE_S)
                except TimeoutError:
                    pass

    async def _look(self) -> Finding:
        remote = self.remote
        finding = aggregation.check_backend(remote, *self._links.backend(remote))
        if finding is not None:
            return finding
        url = f"https://{remote.server_name}:{remote.port}{remote.path}"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                listed = await self._fetch(remote.path)
                document = await self._described()
        except (TimeoutError, OSError, ValueError, AnswerTooLong) as error:
            why = str(error) or "context deadline exceeded"
            return Finding(False, "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}")
        except StatusError as error:
            text = f"failing or missing response from {url}: {error.message}"
            return Finding(False, "FailedDiscoveryCheck", text)
        named = listed.get("resources")
        resources = aggregation.aggregated_resources(
            named if isinstance(named, list) else (), remote.group, remote.version
        )
        self._links.take(Offer(remote, tuple(resources), document))
        return PASSED

    async def _described(self) -> Tree | None:
        """The remote's OpenAPI v3 document; of a server that knows version 2 alone, what follows from that."""
        path = self.remote.path
        document = await self._fetch(f"/openapi/v3{path}", optional=True)
        if not document:
            document = converted(await self._fetch("/openapi/v2", optional=True), path) or {}
        return document if document and is_readable(document) else None

    async def _fetch(self, path: str, *, optional: bool = False) -> Tree:
        """A JSON document of the remote. Raises: ValueError for another status or body."""
        headers = {"accept": "application/json", "user-agent": "kube-aggregator"}
        response = await self._links.ask(Request("GET", path, headers=headers, user=_AGGREGATOR), self.remote)
        body = await collected(response, _MAX_BYTES)
        if not 200 <= response.status < 300:
            if optional:
                return {}
            raise ValueError(f"bad status from {path}: {response.status}")
        found = orjson.loads(body)
        return found if isinstance(found, dict) else {}
