"""Requests that the API server passes on: what it asks whom, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from navarch.base.errors import StatusError
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.own_writes import API_SERVER
from navarch.server.subresources import backends
from navarch.server.subresources.backends import KubeletAccess, Target, target_of
from navarch.store.memory import MemoryStore
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response

POD = "/api/v1/namespaces/default/pods/web"


class Asked:
    """A kubelet in this process that notes what it is asked."""

    def __init__(self, answer: Response | None = None) -> None:
        self.requests: list[Request] = []
        self.answer = answer or Response(200, b"line\n", "text/plain")

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answer


async def server_with(kubelet: Asked) -> ApiServer:
    store = MemoryStore()
    await store.start()
    access = KubeletAccess(local=lambda node, _path: kubelet.handle if node == "n1" else None)
    server = ApiServer(store, real_seams(), ServerConfig(kubelets=access))
    await bootstrap(server, BootstrapConfig())
    await call(server, "POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    return server


async def call(server: ApiServer, method: str, path: str, tree: Any = None, **extra: Any) -> Response:
    path, _, query = path.partition("?")
    headers = {"content-type": "application/json", "authorization": "Bearer secret"}
    body = orjson.dumps(tree) if tree is not None else b""
    return await server.handle_as(Request(method, path, query, headers, body, user=API_SERVER, **extra))


async def with_pod(server: ApiServer, *containers: str, status: dict[str, Any] | None = None) -> None:
    spec = {"containers": [{"name": c, "image": "i"} for c in containers or ("app",)], "nodeName": "n1"}
    made = await call(server, "POST", POD.rsplit("/", 1)[0], {"metadata": {"name": "web"}, "spec": spec})
    assert made.status == 201, made.body
    if status is not None:
        done = await call(server, "PUT", f"{POD}/status", orjson.loads(made.body) | {"status": status})
        assert done.status == 200, done.body


async def test_logs_are_asked_of_the_nodes_kubelet_without_the_clients_credentials() -> None:
    kubelet = Asked()
    server = await server_with(kubelet)
    await with_pod(server)
    answer = await call(server, "GET", f"{POD}/log?tailLines=5&container=app")
    assert (answer.status, answer.body) == (200, b"line\n")
    asked = kubelet.requests[0]
    assert (asked.path, asked.query) == ("/containerLogs/default/web/app", "tailLines=5")
    assert "authorization" not in asked.headers


async def test_a_kubelets_refusal_becomes_a_status() -> None:
    server = await server_with(Asked(Response(400, b"container is waiting to start", "text/plain")))
    await with_pod(server)
    answer = await call(server, "GET", f"{POD}/log")
    status = orjson.loads(answer.body)
    assert (answer.status, status["reason"]) == (400, "BadRequest")
    assert status["message"] == "container is waiting to start"


async def test_the_container_has_to_be_named_where_there_are_several() -> None:
    server = await server_with(Asked())
    await with_pod(server, "a", "b")
    message = orjson.loads((await call(server, "GET", f"{POD}/log")).body)["message"]
    assert message == "a container name must be specified for pod web, choose one of: [a b]"
    message = orjson.loads((await call(server, "GET", f"{POD}/log?container=c")).body)["message"]
    assert message == "container c is not valid for pod web"


async def test_a_pod_without_a_node_has_no_log_and_no_address() -> None:
    server = await server_with(Asked())
    spec = {"containers": [{"name": "c", "image": "i"}]}
    pods = POD.rsplit("/", 1)[0]
    await call(server, "POST", pods, {"metadata": {"name": "idle"}, "spec": spec})
    assert (await call(server, "GET", f"{pods}/idle/log")).status == 204
    assert (await call(server, "GET", f"{pods}/idle/log?tailLines=-1")).status == 422
    proxied = await call(server, "GET", f"{pods}/idle/proxy/")
    assert proxied.status == 400 and b'"address not allowed"' in proxied.body


async def test_exec_names_streams_as_kubelets_do() -> None:
    kubelet = Asked()
    server = await server_with(kubelet)
    await with_pod(server)
    await call(server, "POST", f"{POD}/exec?command=ls&command=-l&stdout=true&tty=false", can_upgrade=True)
    asked = kubelet.requests[0]
    assert (asked.path, asked.query) == ("/exec/default/web/app", "command=ls&command=-l&output=1")
    assert asked.can_upgrade


async def test_a_pods_page_comes_from_its_address() -> None:
    async def page(request: Request) -> Response:
        return Response(200, f"{request.path}?{request.query}".encode(), "text/plain")

    backend = await serve(page, None, "127.0.0.1", 0)
    server = await server_with(Asked())
    await with_pod(server, status={"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]})
    proxied = POD.replace("web", f"web:{backend.port}/proxy")
    redirect = await call(server, "GET", proxied)
    assert (redirect.status, dict(redirect.headers)["Location"]) == (301, f"{proxied}/")
    answer = await call(server, "GET", f"{proxied}/a/b?x=1")
    assert answer.status == 200 and answer.stream is not None
    answer.stream.stop()
    await backend.close(0.1)


async def test_a_node_that_cannot_be_reached_is_a_503() -> None:
    server = await server_with(Asked())
    tree = {"metadata": {"name": "n2"}, "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}}
    tree["status"]["daemonEndpoints"] = {"kubeletEndpoint": {"Port": 1}}
    assert (await call(server, "POST", "/api/v1/nodes", tree)).status == 201
    assert (await call(server, "GET", "/api/v1/nodes/n2/proxy/metrics")).status == 503


async def test_pages_beside_the_resources() -> None:
    server = await server_with(Asked())
    for path in ("/version", "/api", "/apis", "/apis/apps/v1", "/readyz", "/metrics", "/openapi/v3"):
        assert (await call(server, "GET", path)).status == 200, path
    assert (await call(server, "POST", "/version", {})).status == 405
    assert (await call(server, "GET", "/nowhere")).status == 404
    counted = (await call(server, "GET", "/metrics")).body.decode()
    assert 'resource="serviceaccounts"' in counted


@pytest.mark.parametrize(
    ("name", "target"),
    [("web", Target("", "web", "")), ("web:80", Target("", "web", "80")), ("https:web:x", Target("https", "web", "x"))],
)
def test_names_of_proxies(name: str, target: Target) -> None:
    assert target_of(name, "pod") == target
    with pytest.raises(StatusError, match='invalid service request "a:b:c:d"'):
        target_of("a:b:c:d", "service")


def test_services_choose_among_ready_endpoints() -> None:
    service = {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]}}
    endpoints = [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"], "conditions": {"ready": False}}]
    slices = [{"ports": [{"name": "http", "port": 8080}], "endpoints": endpoints}]
    assert backends.service_addresses(service, slices, Target("", "s", "80")) == [("10.0.0.1", 8080)]
    refused: list[Callable[[], object]] = [
        lambda: backends.service_addresses(service, slices, Target("", "s", "admin")),
        lambda: backends.service_addresses(service, slices, Target("", "s", "")),
        lambda: backends.kubelet_address({}),
    ]
    for refuse in refused:
        with pytest.raises(StatusError) as error:
            refuse()
        assert error.value.code == 503
