"""Calls a webhook over HTTPS: by URL, or an endpoint of its Service.

The API server dials endpoints itself: its host need not route cluster addresses. The certificate must be
for `<service>.<namespace>.svc`, signed by the configuration's caBundle.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from functools import lru_cache
from urllib.parse import urlsplit

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.server.admission.contract import World
from navarch.server.subresources.backends import Target, service_addresses
from navarch.wire.collect import AnswerTooLong
from navarch.wire.relay import Upstream

#: Answers longer than this are refused.
_MAX_BYTES = 3 << 20
_HEADERS = {"content-type": "application/json", "accept": "application/json", "user-agent": "kube-apiserver-admission"}


class CallError(Exception):
    """The call failed; the text says how."""


async def call(client_config: Tree, body: bytes, timeout_s: int, world: World) -> bytes:
    """The body of the webhook's answer. Raises: CallError."""
    url, upstream, target = _place(client_config, timeout_s, world)
    try:
        async with asyncio.timeout(timeout_s):
            headers = {**_HEADERS, "host": urlsplit(url).netloc}
            status, answer = await world.connections.post(upstream, target, headers, body, _MAX_BYTES)
    except TimeoutError:
        raise CallError(f'Post "{url}": context deadline exceeded') from None
    except (OSError, AnswerTooLong) as error:
        raise CallError(f'Post "{url}": {error}') from None
    if not 200 <= status < 300:
        raise CallError(f"the server responded with the status code {status}")
    return answer


def _place(client_config: Tree, timeout_s: int, world: World) -> tuple[str, Upstream, str]:
    """(URL as errors show it, where to connect, path and query). Raises: CallError."""
    tls = _tls(client_config.get("caBundle", ""))
    service = client_config.get("service")
    if service is None:
        parts = urlsplit(client_config["url"])
        query = f"{parts.query}&timeout={timeout_s}s" if parts.query else f"timeout={timeout_s}s"
        target = f"{parts.path or '/'}?{query}"
        upstream = Upstream(parts.hostname or "", parts.port or 443, tls)
        return f"https://{parts.netloc}{target}", upstream, target
    namespace, name, port = service["namespace"], service["name"], service.get("port", 443)
    target = f"/{service.get('path', '').lstrip('/')}?timeout={timeout_s}s"
    host, number = _endpoint(namespace, name, port, world)
    server_name = f"{name}.{namespace}.svc"
    return f"https://{server_name}:{port}{target}", Upstream(host, number, tls, server_name), target


def _endpoint(namespace: str, name: str, port: int, world: World) -> tuple[str, int]:
    service = world.get("services", namespace, name)
    if service is None:
        raise CallError(f'service "{name}" not found')
    if service["spec"].get("type") == "ExternalName":
        return service["spec"]["externalName"], port
    slices = [
        each
        for each in world.list("endpointslices.discovery.k8s.io", namespace)
        if each["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
    ]
    try:
        return service_addresses(service, slices, Target("https", name, str(port)))[0]
    except StatusError as error:
        raise CallError(error.message) from None


@lru_cache(maxsize=64)
def _tls(bundle: str) -> ssl.SSLContext:
    """A context that trusts the bundle (base64 of PEM), or the system's authorities without one."""
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (ValueError, ssl.SSLError) as error:
        raise CallError(f"unable to load root certificates: {error}") from None
