"""A cluster in real time behind an HTTPS endpoint, for clients that cannot be put on a virtual clock.

It is the cluster of `navarch.testing` with three differences: time is real, the API listens on a loopback
port, where certificates and tokens are checked as on any cluster, and it lives in a thread with an event
loop of its own, so that a test may use blocking clients.

    with LiveCluster(nodes=2) as live:
        kubernetes.config.load_kube_config(str(live.kubeconfig))
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import json
import tempfile
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from navarch.base.errors import UsageError
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.client.rest import RestClient
from navarch.node.runtime.script import Scripts
from navarch.seams.real import real_seams
from navarch.seams.sim import SimRng
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.of_store import authenticator_of, service_account_tokens
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.subresources.backends import Handle, KubeletAccess
from navarch.testing.calls import MANAGER, Calls
from navarch.testing.components import CONTROL_PLANE
from navarch.testing.disk import SimStore
from navarch.testing.links import Link, linked_client
from navarch.testing.nodes import NodeShape, SimNode
from navarch.testing.objects import Names
from navarch.wire.certificates import cluster_certificates, ensure
from navarch.wire.http import Server, serve
from navarch.wire.messages import User
from navarch.wire.tls import server_context

T = TypeVar("T")

#: How long the thread gets to come up, and to end.
PATIENCE_S = 30.0


class LiveCluster(Calls):
    """`url` and `kubeconfig` (a file, of an administrator) say how to reach it; `ca_file` holds who signed its
    certificate. The methods of `Calls` work too, at once."""

    def __init__(self, nodes: int = 1) -> None:
        self.seams = real_seams()
        self.scripts = Scripts()
        self.nodes: dict[str, SimNode] = {}
        self.url = ""
        self.kubeconfig = self.ca_file = Path()
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
        pki = self._make_certificates()
        store = SimStore()
        await store.start()
        tokens = service_account_tokens(store, (pki / "sa.key").read_bytes(), self.seams.clock)
        self.server = ApiServer(
            store,
            self.seams,
            ServerConfig(kubelets=KubeletAccess(local=self._kubelet)),
            authenticator=authenticator_of(store, tokens, self.seams.clock),
            tokens=tokens,
        )
        self._names = Names(self.server.resources)
        self.client = direct_client(self.server.handle_as, identities.ADMIN, MANAGER)
        await bootstrap(self.server, BootstrapConfig())
        context = server_context(str(pki / "apiserver.crt"), str(pki / "apiserver.key"), str(self.ca_file))
        listening = await serve(self.server.handle, context, "127.0.0.1", 0)
        self._write_kubeconfig(pki, listening.port)
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tasks = [asyncio.ensure_future(c.make(self).run()) for c in CONTROL_PLANE]
        for index in range(1, self._node_count + 1):
            self._add(NodeShape(f"node-{index}", index, full_pods=True))
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
        node = SimNode(shape, self.seams, self.scripts, lambda: self.client_for(shape.name, user))
        self.nodes[shape.name] = node
        node.start(asyncio.get_running_loop().create_task)

    def _kubelet(self, node: str, _path: str) -> Handle | None:
        """Who answers for the kubelet of a node: it is in this process."""
        found = self.nodes.get(node)
        server = found.server() if found is not None else None
        return server.handle if server is not None else None

    def _make_certificates(self) -> Path:
        """The directory with the keys and certificates of this cluster."""
        pki = Path(self._directory.name) / "pki"
        ensure(pki, cluster_certificates((), ()), datetime.datetime.now(datetime.UTC))
        self.ca_file = pki / "ca.crt"
        return pki

    def _write_kubeconfig(self, pki: Path, port: int) -> None:
        def encoded(name: str) -> str:
            return base64.b64encode((pki / name).read_bytes()).decode()

        self.url = f"https://127.0.0.1:{port}"
        cluster = {"server": self.url, "certificate-authority-data": encoded("ca.crt")}
        user = {"client-certificate-data": encoded("admin.crt"), "client-key-data": encoded("admin.key")}
        context = {"cluster": "navarch", "user": "navarch", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "navarch", "cluster": cluster}],
            "users": [{"name": "navarch", "user": user}],
            "contexts": [{"name": "navarch", "context": context}],
            "current-context": "navarch",
        }
        self.kubeconfig = Path(self._directory.name) / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))
