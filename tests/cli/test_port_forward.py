"""A local connection through a WebSocket to an echo behind a server's port, and which port that is."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from navarch.cli.errors import CliError
from navarch.cli.forwarding import Tunnel, dial
from navarch.cli.ports import Forward, forwards, parse_port
from navarch.wire.channels import Channel
from navarch.wire.messages import Request, Response
from navarch.wire.upgrade import port_response
from tests.cli.node import serving

POD: dict[str, Any] = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8000}]}]},
}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "front"},
    "spec": {"clusterIP": "10.0.0.1", "ports": [{"name": "web", "port": 80, "targetPort": "http"}, {"port": 81}]},
}


async def echo(port: int, data: Channel, error: Channel) -> None:
    """Port 80 sends back what it got, when it got all; other ports refuse."""
    if port != 80:
        await error.write(b"connection refused")
        return
    await data.write(b"".join([chunk async for chunk in data]))


async def forward(request: Request) -> Response:
    return port_response(request, (), echo)


@contextmanager
def tunnelled() -> Iterator[tuple[Tunnel, Callable[[], str]]]:
    """A tunnel to the echoing server, and what waits for the next error."""
    errors: queue.Queue[str] = queue.Queue()
    with serving(forward) as client:
        tunnel = dial(client, "/forward", errors.put)
        thread = threading.Thread(target=tunnel.run)
        thread.start()
        try:
            yield tunnel, lambda: errors.get(timeout=10)
        finally:
            tunnel.close()
            thread.join(10)


def connect(tunnel: Tunnel, port: int) -> socket.socket:
    near, far = socket.socketpair()
    near.settimeout(10)
    tunnel.carry(far, port)
    return near


def test_bytes_go_there_and_back_on_each_connection() -> None:
    with tunnelled() as (tunnel, _), connect(tunnel, 80) as first, connect(tunnel, 80) as second:
        for near, sent in ((first, b"one"), (second, b"two")):
            near.sendall(sent)
        for near, sent in ((second, b"two"), (first, b"one")):
            near.shutdown(socket.SHUT_WR)
            assert near.recv(100) == sent
            assert near.recv(100) == b""


def test_the_pods_refusal_is_told_and_ends_that_connection_alone() -> None:
    with tunnelled() as (tunnel, error), connect(tunnel, 80) as good, connect(tunnel, 81) as refused:
        assert error() == "connection refused"
        assert refused.recv(100) == b""
        good.sendall(b"still here")
        good.shutdown(socket.SHUT_WR)
        assert good.recv(100) == b"still here"


def test_connections_end_with_the_tunnel() -> None:
    with tunnelled() as (tunnel, _), connect(tunnel, 80) as near:
        tunnel.close()
        assert near.recv(100) == b""


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
