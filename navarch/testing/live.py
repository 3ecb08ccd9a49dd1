"""A cluster in real time behind an HTTP endpoint, for clients that cannot be put on a virtual clock.

It is the cluster of `navarch.testing` with three differences: time is real, the API listens on a loopback
port (without TLS; everyone there is administrator), and it lives in a thread with an event loop of its
own, so that a test may use blocking clients.

    with LiveCluster(nodes=2) as live:
        kubernetes.config.load_kube_config(str(live.kubeconfig))
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from navarch.base.errors import UsageError
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.client.rest import RestClient
from navarch.node.runtime.script import Scripts
from navarch.node.server import KubeletServer
from navarch.seams.real import real_seams
from navarch.seams.sim import SimRng
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.subresources.backends import KubeletAccess
from navarch.testing.calls import MANAGER, Calls
from navarch.testing.components import CONTROL_PLANE
from navarch.testing.disk import SimStore
from navarch.testing.links import Link, linked_client
from navarch.testing.nodes import NodeShape, SimNode
from navarch.testing.objects import Names
from navarch.wire.http import Server, serve
from navarch.wire.messages import Request, Response, User

T = TypeVar("T")
Handle = Callable[[Request], Coroutine[Any, Any, Response]]

#: How long the thread gets to come up, and to end.
PATIENCE_S = 30.0


class LiveCluster(Calls):
    """`url` and `kubeconfig` (a file) say how to reach it. The methods of `Calls` work too, at once."""

    def __init__(self, nodes: int = 1) -> None:
        self.seams = real_seams()
        self.scripts = Scripts()
        self.nodes: dict[str, SimNode] = {}
        self.url = ""
        self.kubeconfig = Path()
        self.server: ApiServer
        self._node_count = nodes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, name="navarch live cluster", daemon=True)

    def __enter__(self) -> LiveCluster:
        self._directory = tempfile.TemporaryDirectory(prefix="navarch-")
        self._thread.start()
        self._ready.result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, end = self._loop, self._end
        if loop is not None and end is not None:
            self._loop = None
            loop.call_soon_threadsafe(end.set)
        self._thread.join(PATIENCE_S)
        self._directory.cleanup()

    def run(self, awaitable: Awaitable[T]) -> T:
        """Carry out one asynchronous call in the cluster's thread."""
        if self._loop is None:
            if isinstance(awaitable, Coroutine):
                awaitable.close()
            raise UsageError("this cluster does not run: use it inside its `with` block")

        async def call() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(PATIENCE_S)

    def client_for(self, name: str, user: User) -> RestClient:
        return linked_client(self.server.handle_as, user, Link(name, SimRng(0)))

    # --- in the thread

    def _live(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _main(self) -> None:
        store = SimStore()
        await store.start()
        self.server = ApiServer(store, self.seams, ServerConfig(kubelets=KubeletAccess(local=self._kubelet)))
        self._names = Names(self.server.resources)
        self.client = direct_client(self.server.handle_as, identities.ADMIN, MANAGER)
        await bootstrap(self.server, BootstrapConfig())
        listening = await serve(self._as_admin, None, "127.0.0.1", 0)
        self._write_kubeconfig(listening.port)
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tasks = [asyncio.ensure_future(c.make(self).run()) for c in CONTROL_PLANE]
        for index in range(1, self._node_count + 1):
            self._add(NodeShape(f"node-{index}", index))
        self._ready.set_result(None)
        await self._end.wait()
        await self._stop(listening, tasks, store)

    async def _stop(self, listening: Server, tasks: list[asyncio.Task[None]], store: SimStore) -> None:
        await listening.close()
        for node in self.nodes.values():
            node.crash_kubelet()
            await node.runtime.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        self.server.close()
        await store.close()

    def _add(self, shape: NodeShape) -> None:
        user = identities.node(shape.name)
        link = Link(shape.name, SimRng(0))
        node = SimNode(shape, self.seams, self.scripts, link, lambda: self.client_for(shape.name, user))
        self.nodes[shape.name] = node
        node.start(asyncio.get_running_loop())

    async def _as_admin(self, request: Request) -> Response:
        request.user = identities.ADMIN
        return await self.server.handle_as(request)

    def _kubelet(self, node: str, _path: str) -> Handle | None:
        """Who answers for the kubelet of a node: it is in this process."""
        found = self.nodes.get(node)
        if found is None or found.kubelet is None:
            return None
        return KubeletServer(found.kubelet, _anyone).handle

    def _write_kubeconfig(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        context = {"cluster": "navarch", "user": "navarch", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "navarch", "cluster": {"server": self.url}}],
            "users": [{"name": "navarch", "user": {}}],
            "contexts": [{"name": "navarch", "context": context}],
            "current-context": "navarch",
        }
        self.kubeconfig = Path(self._directory.name) / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))


async def _anyone(_request: Request) -> None:
    """Only the API server of this process gets to a kubelet here, and it has decided already."""
