"""The example operator, a process of its own, against a server on a loopback port."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from navarch.seams.real import real_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.own_writes import API_SERVER
from navarch.store.memory import MemoryStore
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response

pytest.importorskip("kopf")
pytest.importorskip("lightkube")

EXAMPLES = Path(__file__).parents[2] / "examples"
GREETINGS = "/apis/example.com/v1/namespaces/default/greetings"

#: How long the operator, a process that starts from nothing, gets for what it has to do.
PATIENCE_S = 60.0


class Site:
    """A server, and calls to it as administrator."""

    def __init__(self, server: ApiServer, store: MemoryStore) -> None:
        self.server = server
        self.store = store

    async def handle(self, request: Request) -> Response:
        request.user = API_SERVER
        return await self.server.handle_as(request)

    async def send(self, method: str, path: str, body: Any = None, media: str = "application/json") -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"user-agent": "test/1", "content-type": media}
        response = await self.handle(Request(method, path, "", headers, raw))
        assert response.status < 300, response.body
        return json.loads(response.body)

    async def until(self, bucket: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds that changes of a bucket may bring about."""
        changed = asyncio.Event()
        cancel = self.store.index.watch(bucket, self.store.index.revision, lambda _: changed.set())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    await changed.wait()
                    changed.clear()
        finally:
            cancel()

    def stored(self, key: str) -> dict[str, Any]:
        entry = self.store.index.get(key)
        return json.loads(entry.value) if entry is not None else {}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    store = MemoryStore()
    await store.start()
    server = ApiServer(store, real_seams())
    await bootstrap(server, BootstrapConfig())
    site = Site(server, store)
    listening = await serve(site.handle, None, "127.0.0.1", 0)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{listening.port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    yield site
    server.close()
    await listening.close()


@pytest.fixture
async def operator(site: Site, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    running: list[asyncio.subprocess.Process] = []

    async def start() -> None:
        environment = {**os.environ, "KUBECONFIG": str(tmp_path / "config"), "NO_PROXY": "127.0.0.1"}
        arguments = ("-m", "kopf", "run", str(EXAMPLES / "kopf_operator.py"), "--namespace", "default")
        running.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                env=environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )

    yield start
    for process in running:
        process.terminate()
        await process.wait()


async def test_the_operator_serves_its_resource(site: Site, operator: Callable[[], Awaitable[None]]) -> None:
    definition, greeting = yaml.safe_load_all((EXAMPLES / "kopf_operator.yaml").read_text())
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    await site.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    key = f"{crds}/{definition['metadata']['name']}"
    await site.until(crds, lambda: len(site.stored(key)["status"].get("conditions") or ()) == 2)
    await site.send("POST", GREETINGS, greeting)
    await operator()

    text = "configmaps/default/greeting-world"
    await site.until("configmaps", lambda: site.stored(text).get("data") == {"text": "Hello, world!"})
    world = "greetings.example.com/default/world"
    shown = "greetings.example.com"
    await site.until(shown, lambda: bool((site.stored(world).get("status") or {}).get("greet")))
    assert site.stored(world)["status"]["greet"] == {"text": "Hello, world!"}
    assert site.stored(world)["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]

    merge = "application/merge-patch+json"
    await site.send("PATCH", f"{GREETINGS}/world", {"spec": {"politeness": "formal"}}, merge)
    await site.until("configmaps", lambda: site.stored(text)["data"] == {"text": "Good day to you, world."})
    await site.send("DELETE", f"{GREETINGS}/world")
    await site.until(shown, lambda: not site.stored(world))
