"""A bootstrapped API server on a loop of its own, asked as administrator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from navarch.seams.sim import SimLoop, sim_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.keys import generate_key
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.own_writes import API_SERVER
from navarch.store.memory import MemoryStore
from navarch.wire.messages import Request, Response, User

JSON = "application/json"
ISSUER = "https://issuer"


class Peer:
    """Synchronous calls; after each one everything that it set off has happened."""

    def __init__(self, config: ServerConfig | None = None, *, signs: bool = False) -> None:
        self.loop = SimLoop()
        asyncio.set_event_loop(self.loop)
        self.seams = sim_seams(1)
        self.store = MemoryStore()
        self.loop.run_until_complete(self.store.start())
        key, clock = generate_key() if signs else None, self.seams.clock
        tokens = ServiceAccountTokens(ISSUER, key, (), (ISSUER,), lambda *_: None, clock.now) if key else None
        self.server = ApiServer(self.store, self.seams, config, tokens=tokens)
        self._config = BootstrapConfig(service_cidrs=config.service_cidrs) if config else BootstrapConfig()
        self.loop.run_until_complete(bootstrap(self.server, self._config))
        self.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})

    def close(self) -> None:
        self.server.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def restart(self) -> None:
        """Another server on the same store."""
        self.server.close()
        self.server = ApiServer(self.store, self.seams)
        self.loop.run_until_complete(bootstrap(self.server, self._config))

    def send(
        self, method: str, path: str, body: Any = None, media: str = JSON, accept: str = JSON, user: User = API_SERVER
    ) -> Response:
        response = self.loop.run_until_complete(self.ask(method, path, body, media, accept, user))
        self.loop.run_until_complete(asyncio.sleep(0.01))
        return response

    async def ask(
        self, method: str, path: str, body: Any = None, media: str = JSON, accept: str = JSON, user: User = API_SERVER
    ) -> Response:
        """One request among others in flight."""
        path, _, query = path.partition("?")
        headers = {"user-agent": "test/1", "accept": accept, "content-type": media}
        raw = b"" if body is None else json.dumps(body).encode()
        return await self.server.handle_as(Request(method, path, query, headers, raw, user=user))

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, body, **options)
        assert response.status < 300, response.body
        return json.loads(response.body)

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        response = self.send(method, path, body, **options)
        assert response.status >= 400, response.body
        return response.status, json.loads(response.body)["message"]

    def get(self, path: str, **options: Any) -> Any:
        return self.ok("GET", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> Any:
        return self.ok("POST", path, body, **options)
