"""`kubectl logs` of the cluster's own processes: their log files, read as container logs are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from navarch.app.logfiles import NODE, log_file
from navarch.app.mirrors import NAMESPACE, Mirrors
from navarch.node.host.real import RealHost
from navarch.node.logs import read_log
from navarch.node.server import Pieces, log_options
from navarch.seams.contract import Clock
from navarch.server.subresources.backends import Handle
from navarch.wire.messages import Request, Response


class ComponentLogs:
    """Answers in the kubelet's stead for mirror pods. `plane_logs` is where the control plane writes that a node
    stands for, `node_logs` where a node's agent does."""

    def __init__(
        self,
        mirrors: Mirrors,
        plane_logs: Callable[[str], Path],
        node_logs: Callable[[str], Path],
        clock: Clock,
        group: asyncio.TaskGroup,
    ) -> None:
        self._mirrors = mirrors
        self._plane_logs = plane_logs
        self._node_logs = node_logs
        self._clock = clock
        self._group = group
        self._host = RealHost("/")

    def handler(self, path: str) -> Handle | None:
        """Who answers the kubelet path `path`, None for pods that are no mirrors."""
        match path.strip("/").split("/"):
            case ["containerLogs", namespace, pod, container] if namespace == NAMESPACE:
                known = self._mirrors.shown.get(pod)
                if known is not None and known[0].name == container:
                    return lambda request: self._answer(request, self._file(container, known[1]))
        return None

    def _file(self, component: str, node: str) -> Path:
        return log_file((self._node_logs if component in NODE else self._plane_logs)(node), component)

    async def _answer(self, request: Request, file: Path) -> Response:
        if self._host.kind(str(file)) != "File":
            return Response(200, b"", "text/plain")
        options = log_options(parse_qs(request.query, keep_blank_values=True), self._clock.now())
        pieces = read_log(self._host, str(file), options, lambda: True)
        return Response(content_type="text/plain", stream=Pieces(pieces, self._group.create_task))
