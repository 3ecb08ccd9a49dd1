"""Carries out probes and HTTP hooks for real: connections from the node to the pod, commands in the container.

Source: the kubelet's `prober/prober.go`, Kubernetes' `probe/{http,tcp,grpc,exec}`.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from navarch.api.views.pod import GRPCAction, HTTPGetAction, Probe
from navarch.node.memory import Kind
from navarch.node.probes import TIMEOUT_S, Answer, Target, port_number
from navarch.node.runtime.contract import ExecTimeout, NotFoundInRuntime, Runtime, RuntimeFault

USER_AGENT = "kube-probe/1.36"
#: What of a body or an output is read and shown.
OUTPUT_BYTES = 10 * 1024
_SERVING = 1


class NetworkProber:
    """Implements `Prober` over the network and the container runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    async def probe(self, target: Target, kind: Kind, probe: Probe) -> Answer:
        timeout_s = float(probe.timeoutSeconds or TIMEOUT_S)
        try:
            if probe.exec is not None:
                return await self._exec(target, probe.exec.command, timeout_s)
            async with asyncio.timeout(timeout_s):
                if probe.httpGet is not None:
                    return await self._http_get(target, probe.httpGet)
                if probe.tcpSocket is not None:
                    port = port_number(target.container, probe.tcpSocket.port)
                    return await self._tcp(probe.tcpSocket.host or target.pod_ip, port)
                if probe.grpc is not None:
                    return await self._grpc(target.pod_ip, probe.grpc)
        except TimeoutError:
            return Answer(False, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        except ValueError as error:
            return Answer(False, str(error))
        return Answer(True)

    async def _exec(self, target: Target, command: tuple[str, ...], timeout_s: float) -> Answer:
        try:
            result = await self._runtime.exec_sync(target.container_id, command, timeout_s)
        except ExecTimeout:
            return Answer(False, f'command timed out: "{" ".join(command)}" timed out after {timeout_s:g}s')
        except NotFoundInRuntime:
            raise
        except RuntimeFault as error:
            return Answer(False, str(error))
        output = (result.stdout + result.stderr)[:OUTPUT_BYTES].decode("utf-8", "replace")
        return Answer(result.exit_code == 0, output)

    async def _http_get(self, target: Target, get: HTTPGetAction) -> Answer:
        host = get.host or target.pod_ip
        port = port_number(target.container, get.port)
        path = get.path if get.path.startswith("/") else "/" + get.path
        url = f"{(get.scheme or 'HTTP').lower()}://{_bracketed(host)}:{port}{path}"
        try:
            status = await self._get(url, tuple((h.name, h.value) for h in get.httpHeaders))
        except OSError as error:
            return Answer(False, f'Get "{url}": dial tcp {_bracketed(host)}:{port}: {_reason(error)}')
        if 200 <= status < 400:
            return Answer(True)
        return Answer(False, f"HTTP probe failed with statuscode: {status}")

    async def http_hook(self, url: str, headers: tuple[tuple[str, str], ...]) -> None:
        await self._get(url, headers)

    async def _get(self, url: str, headers: tuple[tuple[str, str], ...]) -> int:
        """The status of one GET. Raises: OSError."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        tls = self._tls if parts.scheme == "https" else None
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        try:
            given = {name.lower(): (name, value) for name, value in headers}
            base = {"host": ("Host", f"{_bracketed(host)}:{port}"), "user-agent": ("User-Agent", USER_AGENT)}
            base |= {"accept": ("Accept", "*/*"), "connection": ("Connection", "close")}
            lines = [f"{name}: {value}" for name, value in (base | given).values() if value]
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            writer.write(f"GET {path or '/'} HTTP/1.1\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n")
            head = await reader.readline()
            if not head.startswith(b"HTTP/"):
                raise ConnectionResetError(104, "EOF")
            return int(head.split()[1])
        finally:
            writer.close()

    async def _tcp(self, host: str, port: int) -> Answer:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            return Answer(False, f"dial tcp {_bracketed(host)}:{port}: {_reason(error)}")
        writer.close()
        return Answer(True)

    async def _grpc(self, host: str, action: GRPCAction) -> Answer:
        import grpc.aio  # a heavy import that only pods with such a probe need

        address = f"{_bracketed(host)}:{action.port}"
        async with grpc.aio.insecure_channel(address) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            try:
                answer: bytes = await check(_health_request(action.service))
            except grpc.aio.AioRpcError as error:
                return Answer(False, f'error: health rpc probe failed: "{error.details()}"')
        status = answer[1] if len(answer) >= 2 and answer[0] == 0x08 else 0
        if status == _SERVING:
            return Answer(True)
        return Answer(False, f'service unhealthy (responded with "{_STATUS.get(status, status)}")')


_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def _health_request(service: str) -> bytes:
    """HealthCheckRequest: field 1, the service's name."""
    name = service.encode()
    return b"\x0a" + bytes([len(name)]) + name if name else b""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: OSError) -> str:
    """As Go words it."""
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    return (error.strerror or str(error)).lower()
