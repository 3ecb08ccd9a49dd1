"""The kubelet's HTTPS API: what the API server asks a node for logs, exec and health.

`KubeletServer.handle` goes to `navarch.wire.http.serve`. Exec, attach and port-forward take the connection
over, see `streaming.py`.

Source: the kubelet's `server/server.go` (paths, answers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs

import msgspec

from navarch.base import times
from navarch.base.errors import StatusError, bad_request
from navarch.node.kubelet import Kubelet
from navarch.node.labels import all_containers
from navarch.node.logs import LogOptions, read_log
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, RuntimeFault, Streams
from navarch.node.stats import Rates, resource_metrics, summary
from navarch.node.streaming import Wanted, command, forward
from navarch.node.worker import PodWorker
from navarch.wire.messages import Request, Response, Sink

#: A log reader waits while its client has this much still to take.
BUFFER_BYTES = 1 << 20
BUFFER_WAIT_S = 0.05
NODE_LOG_DIR = "/var/log"

Query = dict[str, list[str]]


Check = Callable[[Request], Awaitable[None]]


class KubeletServer:
    """The handler of one kubelet. `check` lets a request through or raises StatusError."""

    def __init__(self, kubelet: Kubelet, check: Check) -> None:
        self._kubelet = kubelet
        self._check = check
        self._rates = Rates()

    async def handle(self, request: Request) -> Response:
        try:
            if request.path == "/healthz":
                return _text("ok")
            await self._check(request)
            return await self._route(request)
        except StatusError as error:
            return _text(error.message, error.code)
        except RuntimeFault as error:
            return _text(str(error), 500)

    async def _route(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        query = parse_qs(request.query, keep_blank_values=True)
        match parts:
            case ["pods"]:
                return self._pods()
            case ["runningpods"]:
                return self._pods(running=True)
            case ["containerLogs", namespace, name, container]:
                return self._container_logs(namespace, name, container, query)
            case ["exec", namespace, name, *_, container]:
                return self._exec(request, namespace, name, container, query)
            case ["run", namespace, name, *_, container]:
                return await self._run(namespace, name, container, query)
            case ["attach", namespace, name, *_, container]:
                return self._attach(request, namespace, name, container, query)
            case ["portForward", namespace, name, *_]:
                return self._port_forward(request, namespace, name, query)
            case ["stats", "summary"]:
                return await self._summary()
            case ["metrics", *rest]:
                return await self._metrics(rest)
            case ["configz"]:
                return _json({"kubeletconfig": msgspec.to_builtins(self._kubelet.config)})
            case ["logs", *rest]:
                return self._node_logs("/".join(rest))
        return _text("404 page not found\n", 404)

    # --- finding

    def _worker(self, namespace: str, name: str) -> PodWorker:
        for worker in self._kubelet.workers.values():
            meta = worker.pod.metadata
            if (meta.namespace, meta.name) == (namespace, name):
                return worker
        raise StatusError(404, "NotFound", f'pod "{name}_{namespace}" not found')

    def _running(self, worker: PodWorker, container: str) -> ContainerStatus:
        status = worker.observed.latest(container)
        if status is None or status.phase is not ContainerPhase.RUNNING:
            raise StatusError(404, "NotFound", f'container not found ("{container}")')
        return status

    # --- reading

    def _pods(self, *, running: bool = False) -> Response:
        workers = list(self._kubelet.workers.values())
        pods = [w.pod for w in workers if not running or w.observed.running()]
        trees = [{"apiVersion": "v1", "kind": "Pod", **msgspec.to_builtins(pod)} for pod in pods]
        return _json({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": trees})

    def _container_logs(self, namespace: str, name: str, container: str, query: Query) -> Response:
        worker = self._worker(namespace, name)
        if container not in {c.name for c in all_containers(worker.pod)}:
            raise StatusError(404, "NotFound", f'container "{container}" not found in pod "{name}"')
        options = log_options(query, self._kubelet.now())
        status = worker.observed.latest(container)
        if options.previous:
            status = worker.observed.previous(container) if status is not None else None
            if status is None:
                raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        if status is None or status.phase is ContainerPhase.CREATED:
            waiting = worker.memory.waiting.get(container)
            default = "PodInitializing" if worker.pod.spec.initContainers else "ContainerCreating"
            reason = waiting.reason if waiting is not None else default
            text = f'container "{container}" in pod "{name}" is waiting to start: {reason}'
            if waiting is not None and reason not in (default, "CrashLoopBackOff"):
                text = f'container "{container}" in pod "{name}" is waiting to start: {_why_waiting(reason)}'
            raise bad_request(text)
        shown_id = status.id

        def running() -> bool:
            return any(c.id == shown_id and c.phase is ContainerPhase.RUNNING for c in worker.observed.containers)

        pieces = read_log(self._kubelet.host, status.log_path, options, running)
        return Response(content_type="text/plain", stream=Pieces(pieces, self._kubelet.spawn))

    async def _summary(self) -> Response:
        kubelet = self._kubelet
        stats = await kubelet.runtime.container_stats()
        pods = [w.pod for w in kubelet.workers.values()]
        facts, usage = kubelet.host.facts(), kubelet.host.usage()
        return _json(summary(kubelet.config.name, facts, usage, pods, stats, self._rates, kubelet.now()))

    async def _metrics(self, rest: list[str]) -> Response:
        kubelet = self._kubelet
        if rest in (["resource"], ["cadvisor"]):
            stats = await kubelet.runtime.container_stats()
            pods = [w.pod for w in kubelet.workers.values()]
            return _text(resource_metrics(kubelet.host.usage(), pods, stats, kubelet.now()))
        if rest:
            return _text("")
        running = sum(len(w.observed.running()) for w in kubelet.workers.values())
        lines = [
            "# TYPE kubelet_running_pods gauge",
            f"kubelet_running_pods {sum(1 for w in kubelet.workers.values() if w.observed.ready_sandbox)}",
            "# TYPE kubelet_running_containers gauge",
            f'kubelet_running_containers{{container_state="running"}} {running}',
            "# TYPE kubelet_node_name gauge",
            f'kubelet_node_name{{node="{kubelet.config.name}"}} 1',
        ]
        return _text("\n".join(lines) + "\n")

    def _node_logs(self, path: str) -> Response:
        """Files below /var/log, nothing else."""
        if ".." in path.split("/"):
            raise StatusError(404, "NotFound", "404 page not found\n")
        host, full = self._kubelet.host, f"{NODE_LOG_DIR}/{path}".rstrip("/")
        kind = host.kind(full)
        if kind == "Directory":
            links = "".join(f'<a href="{name}">{name}</a>\n' for name in host.list_dir(full))
            return Response(body=f"<pre>\n{links}</pre>\n".encode(), content_type="text/html; charset=utf-8")
        if kind != "File":
            raise StatusError(404, "NotFound", "404 page not found\n")
        return Response(body=host.read_file(full), content_type="text/plain; charset=utf-8")

    # --- streams

    def _exec(self, request: Request, namespace: str, name: str, container: str, query: Query) -> Response:
        status = self._running(self._worker(namespace, name), container)
        words, wanted = query.get("command", []), _wanted(query)
        if not words:
            raise bad_request("you must specify at least one command")

        async def run(streams: Streams) -> int:
            return await self._kubelet.runtime.exec(status.id, words, streams)

        return command(request, wanted, run)

    async def _run(self, namespace: str, name: str, container: str, query: Query) -> Response:
        status = self._running(self._worker(namespace, name), container)
        result = await self._kubelet.runtime.exec_sync(status.id, query.get("cmd", [""])[0].split(), 0)
        return Response(body=result.stdout + result.stderr, content_type="text/plain")

    def _attach(self, request: Request, namespace: str, name: str, container: str, query: Query) -> Response:
        status = self._running(self._worker(namespace, name), container)

        async def run(streams: Streams) -> int:
            await self._kubelet.runtime.attach(status.id, streams)
            return 0

        return command(request, _wanted(query), run)

    def _port_forward(self, request: Request, namespace: str, name: str, query: Query) -> Response:
        worker = self._worker(namespace, name)
        sandbox = worker.observed.ready_sandbox
        if sandbox is None:
            raise StatusError(404, "NotFound", f'pod not found ("{name}_{namespace}")')

        ports = [int(port) for text in query.get("port", []) for port in text.split(",") if port.isdigit()]
        return forward(request, self._kubelet.runtime, sandbox.id, ports)


class Pieces:
    """A `Stream` of what an iterator yields; waits while the client is slow."""

    def __init__(self, pieces: AsyncIterator[bytes], spawn: Callable[..., asyncio.Task[None]]) -> None:
        self._pieces = pieces
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None

    def start(self, sink: Sink) -> None:
        self._task = self._spawn(self._pump(sink))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _pump(self, sink: Sink) -> None:
        try:
            async for piece in self._pieces:
                sink.write(piece)
                while sink.buffered() > BUFFER_BYTES:  # noqa: ASYNC110 - a Sink has no event to wait for
                    await asyncio.sleep(BUFFER_WAIT_S)
        except OSError as error:
            sink.write(f"failed to read the container's log: {error.strerror}\n".encode())
        sink.close()


def log_options(query: Query, now: float) -> LogOptions:
    """PodLogOptions from a query. Raises: StatusError 400."""

    def flag(name: str) -> bool:
        return query.get(name, ["false"])[0].lower() in ("true", "1", "")

    def number(name: str) -> int | None:
        text = query.get(name, [""])[0]
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f"invalid value for {name}: {text}") from None

    since: float | None = None
    seconds = number("sinceSeconds")
    if seconds is not None:
        since = now - seconds
    if text := query.get("sinceTime", [""])[0]:
        try:
            since = times.parse(text)
        except ValueError as error:
            raise bad_request(str(error)) from error
    return LogOptions(
        follow=flag("follow"),
        previous=flag("previous"),
        timestamps=flag("timestamps"),
        tail=number("tailLines"),
        since=since,
        limit_bytes=number("limitBytes"),
        stream=query.get("stream", ["All"])[0],
    )


def _why_waiting(reason: str) -> str:
    """What `kubectl logs` shows for failed pulls and configurations."""
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        return "trying and failing to pull image"
    if reason == "InvalidImageName":
        return "image can't be pulled"
    return reason


def _wanted(query: Query) -> Wanted:
    def flag(*names: str) -> bool:
        return any(query.get(name, ["0"])[0] in ("1", "true") for name in names)

    return Wanted(
        flag("input", "stdin"),
        flag("output", "stdout"),
        flag("error", "stderr"),
        flag("tty"),
    )


def _text(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), "text/plain; charset=utf-8")


def _json(tree: object) -> Response:
    return Response(body=msgspec.json.encode(tree))
