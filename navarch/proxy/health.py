"""Answers load balancers that ask whether this node has endpoints of a service (healthCheckNodePort).

200 while there is a ready endpoint on the node, 503 otherwise; the body says how many.

Source: Kubernetes "Create an External Load Balancer", externalTrafficPolicy Local.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

import orjson

from navarch.proxy.rules import HealthCheck
from navarch.wire.http import Server, serve
from navarch.wire.messages import Request, Response

log = logging.getLogger(__name__)


class Health(Protocol):
    """Who answers the checks."""

    async def update(self, checks: Iterable[HealthCheck]) -> None:
        """From now on these checks stand, and no others."""

    async def close(self) -> None: ...


class HealthAnswers:
    """The answers without a server: the simulation's, and the core of the real one."""

    def __init__(self) -> None:
        self.checks: dict[int, HealthCheck] = {}

    async def update(self, checks: Iterable[HealthCheck]) -> None:
        self.checks = {check.port: check for check in checks}

    async def close(self) -> None:
        self.checks = {}

    def answer(self, port: int) -> Response:
        check = self.checks[port]
        body = {
            "service": {"namespace": check.service.namespace, "name": check.service.name},
            "localEndpoints": check.local_endpoints,
            "serviceProxyHealthy": True,
        }
        headers = [("X-Load-Balancing-Endpoint-Weight", str(check.local_endpoints))]
        return Response(200 if check.local_endpoints else 503, orjson.dumps(body), headers=headers)


class HealthServers(HealthAnswers):
    """One HTTP server per check. A port that is taken is logged, and tried again at the next change."""

    def __init__(self, host: str = "0.0.0.0") -> None:
        super().__init__()
        self._host = host
        self._servers: dict[int, Server] = {}

    async def update(self, checks: Iterable[HealthCheck]) -> None:
        await super().update(checks)
        for port in [p for p in self._servers if p not in self.checks]:
            await self._servers.pop(port).close()
        for port in self.checks:
            if port not in self._servers:
                await self._listen(port)

    async def close(self) -> None:
        await self.update(())

    async def _listen(self, port: int) -> None:
        async def handle(_request: Request) -> Response:
            return self.answer(port)

        try:
            self._servers[port] = await serve(handle, None, self._host, port)
        except OSError as error:
            log.warning("health check port not served port=%d error=%s", port, error)
