"""A local connection through a WebSocket to an echo behind a server's port, and which port that is."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from navarch.cli.errors import CliError
from navarch.cli.forwarding import carry
from navarch.cli.ports import Forward, forwards, parse_port
from navarch.cli.rest import Client, Endpoint
from navarch.wire.channels import Channel
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response
from navarch.wire.upgrade import port_response

POD: dict[str, Any] = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8000}]}]},
}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "front"},
    "spec": {"clusterIP": "10.0.0.1", "ports": [{"name": "web", "port": 80, "targetPort": "http"}, {"port": 81}]},
}


@contextmanager
def echoing() -> Iterator[int]:
    """A server whose port 80 sends back what it got, when it got all, and whose other ports refuse."""

    async def echo(port: int, data: Channel, error: Channel) -> None:
        if port != 80:
            await error.write(b"connection refused")
            return
        await data.write(b"".join([chunk async for chunk in data]))

    async def handle(request: Request) -> Response:
        return port_response(request, (), echo)

    ready: list[int] = []
    up = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        server = await serve(handle, None, "127.0.0.1", 0)
        ready.append(server.port)
        up.set()
        await over.wait()
        await server.close(0.1)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    up.wait(5)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()


def through(port: int, sent: bytes) -> tuple[bytes, list[str]]:
    """What comes back through a forwarded connection, and the errors."""
    errors: list[str] = []
    with echoing() as server:
        client = Client(Endpoint(f"http://127.0.0.1:{server}"))
        near, far = socket.socketpair()
        with near:
            near.sendall(sent)
            near.shutdown(socket.SHUT_WR)
            carry(far, client, "/forward", port, errors.append)
            return near.recv(100), errors


def test_bytes_go_there_and_back() -> None:
    assert through(80, b"hello") == (b"hello", [])


def test_the_pods_refusal_is_told() -> None:
    assert through(81, b"") == (b"", ["connection refused"])


@pytest.mark.parametrize(
    ("text", "parts"), [("80", ("80", "80")), ("8080:80", ("8080", "80")), (":http", ("0", "http"))]
)
def test_port_forms(text: str, parts: tuple[str, str]) -> None:
    assert parse_port(text) == parts


@pytest.mark.parametrize(
    ("text", "service", "found"),
    [
        ("8080:80", None, Forward(8080, 80)),
        (":http", None, Forward(0, 8000)),
        ("http", None, Forward(8000, 8000)),
        ("8080:80", SERVICE, Forward(8080, 8000)),
        ("web", SERVICE, Forward(8000, 8000)),
        ("81", SERVICE, Forward(81, 81)),
    ],
)
def test_the_pods_port(text: str, service: dict[str, Any] | None, found: Forward) -> None:
    assert forwards([text], POD, service) == [found]


@pytest.mark.parametrize(
    ("text", "service"), [("1:", None), ("nope", None), ("82", SERVICE), ("70000", None), ("x:80", None)]
)
def test_ports_that_do_not_exist(text: str, service: dict[str, Any] | None) -> None:
    with pytest.raises(CliError):
        forwards([text], POD, service)
