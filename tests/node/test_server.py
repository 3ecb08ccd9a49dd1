"""The kubelet's API over the fake runtime, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from navarch.base.errors import StatusError
from navarch.node.authorize import Gate, subresource
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.script import Script
from navarch.node.server import KubeletServer
from navarch.wire.messages import Request, Response
from tests.node.cluster import Node, container, pod, simulate


class Sink:
    """Collects a streamed answer."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.data += data

    def buffered(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


async def anyone(request: Request) -> None:
    """Lets everyone in."""


def serve(scenario: Callable[[Node, KubeletServer], Awaitable[None]]) -> None:
    async def with_server(node: Node) -> None:
        assert isinstance(node.kubelet, Kubelet)
        await scenario(node, KubeletServer(node.kubelet, anyone))

    simulate(with_server)


async def text(response: Response) -> str:
    if response.stream is None:
        return response.body.decode()
    sink = Sink()
    response.stream.start(sink)
    await asyncio.sleep(1)
    assert sink.closed
    return sink.data.decode()


def test_logs() -> None:
    async def scenario(node: Node, server: KubeletServer) -> None:
        node.scripts.image("chatty:1", Script(log=("one", "two", "three")))
        await node.run_pod(pod("web", container("c", "chatty:1")))
        await asyncio.sleep(1)
        path = "/containerLogs/default/web/c"
        assert await text(await server.handle(Request("GET", path))) == "one\ntwo\nthree\n"
        assert await text(await server.handle(Request("GET", path, "tailLines=1"))) == "three\n"
        stamped = await text(await server.handle(Request("GET", path, "tailLines=1&timestamps=true")))
        assert stamped == "2026-01-01T00:00:00.000000000Z three\n"

    serve(scenario)


def test_logs_that_are_not_there() -> None:
    async def scenario(node: Node, server: KubeletServer) -> None:
        node.scripts.image("gone:1", Script(pull_error="no such image"))
        await node.run_pod(pod("web", container("c", "gone:1")))
        await asyncio.sleep(1)
        waiting = await server.handle(Request("GET", "/containerLogs/default/web/c"))
        assert waiting.status == 400
        assert await text(waiting) == 'container "c" in pod "web" is waiting to start: trying and failing to pull image'
        assert (await server.handle(Request("GET", "/containerLogs/default/none/c"))).status == 404
        assert (await server.handle(Request("GET", "/containerLogs/default/web/d"))).status == 404

    serve(scenario)


def test_previous_logs() -> None:
    async def scenario(node: Node, server: KubeletServer) -> None:
        await node.run_pod(pod("web", container("c", "app:1")))
        node.scripts.image("app:1", Script(log=("first life",)))
        await asyncio.sleep(1)
        request = Request("GET", "/containerLogs/default/web/c", "previous=true")
        none = await server.handle(request)
        assert (none.status, await text(none)) == (
            400,
            'previous terminated container "c" in pod "web" not found',
        )
        node.scripts.image("app:1", Script(log=("second life",)))
        node.runtime.crash("default", "web")
        await asyncio.sleep(1)
        assert await text(await server.handle(request)) == "first life\n"

    serve(scenario)


def test_run_pods_stats_health() -> None:
    async def scenario(node: Node, server: KubeletServer) -> None:
        node.scripts.image("app:1", Script(exec={"cat /x": ("hello\n", 0)}))
        await node.run_pod(pod("web", container("c", "app:1")))
        await asyncio.sleep(1)
        assert await text(await server.handle(Request("POST", "/run/default/web/c", "cmd=cat+/x"))) == "hello\n"
        pods = msgspec.json.decode((await server.handle(Request("GET", "/pods"))).body)
        assert [p["metadata"]["name"] for p in pods["items"]] == ["web"]
        stats = msgspec.json.decode((await server.handle(Request("GET", "/stats/summary"))).body)
        assert [c["name"] for c in stats["pods"][0]["containers"]] == ["c"]
        assert await text(await server.handle(Request("GET", "/healthz"))) == "ok"
        metrics = await text(await server.handle(Request("GET", "/metrics/resource")))
        assert 'container_memory_working_set_bytes{container="c",namespace="default",pod="web"} 0' in metrics
        assert (await server.handle(Request("GET", "/nothing"))).status == 404

    serve(scenario)


@pytest.mark.parametrize(
    ("path", "expected"), [("/exec/a/b/c", "proxy"), ("/stats/summary", "stats"), ("/logs/x", "log"), ("/pods", "pods")]
)
def test_subresource(path: str, expected: str) -> None:
    assert subresource(path) == expected


def test_nobody_without_a_name() -> None:
    async def scenario(node: Node) -> None:
        gate = Gate(node.api, node.seams.clock, "n1")
        with pytest.raises(StatusError) as caught:
            await gate.check(Request("GET", "/pods"))
        assert caught.value.code == 401

    simulate(scenario)
