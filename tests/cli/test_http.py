"""Answers as servers send them, well formed and not, through a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from navarch.cli.errors import ApiError
from navarch.cli.http import Address, Connection
from navarch.cli.rest import Client, Endpoint


@contextmanager
def serving(*connections: list[bytes]) -> Iterator[int]:
    """For each connection in turn: answer each request with the next bytes, then close. Gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answers in connections:
            peer, _ = listener.accept()
            with peer:
                for answer in answers:
                    seen = b""
                    while b"\r\n\r\n" not in seen:
                        seen += peer.recv(65536)
                    peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(5)
        listener.close()


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nab\n\r\n4\r\ncd\ne\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (LENGTH, b"abc"),
        (CHUNKS, b"ab\ncd\ne"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH, b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_the_connection_stays_usable_after_a_whole_body(answer: bytes, body: bytes) -> None:
    with serving([answer, LENGTH]) as port:
        connection = Connection(Address("127.0.0.1", port, 5))
        assert connection.request("GET", "/", (), None).body.read() == body
        assert connection.request("GET", "/", (), None).body.read() == b"abc"
        connection.close()


def test_a_body_without_length_ends_with_the_connection() -> None:
    with serving([b"HTTP/1.1 200 OK\r\n\r\nabc"]) as port:
        connection = Connection(Address("127.0.0.1", port, 5))
        assert connection.request("GET", "/", (), None).body.read() == b"abc"
        with pytest.raises(ConnectionResetError):
            connection.request("GET", "/", (), None)
        connection.close()


def test_lines_come_whole_however_they_are_cut() -> None:
    with serving([CHUNKS]) as port:
        connection = Connection(Address("127.0.0.1", port, 5))
        assert list(connection.request("GET", "/", (), None).body) == [b"ab\n", b"cd\n", b"e"]
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_what_breaks_off_is_an_error(answer: bytes) -> None:
    with serving([answer]) as port:
        connection = Connection(Address("127.0.0.1", port, 5))
        with pytest.raises(ConnectionError):
            connection.request("GET", "/", (), None).body.read()
        connection.close()


def test_a_kept_connection_that_was_closed_is_opened_anew() -> None:
    with serving([LENGTH], [LENGTH]) as port:
        client = Client(Endpoint(f"http://127.0.0.1:{port}"))
        assert client.get("/").body == b"abc"
        assert client.get("/").body == b"abc"
        client.close()


BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy"


def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    with serving([BUSY, BUSY.replace(b"429 Too Many Requests", b"503 Service Unavailable"), LENGTH]) as port:
        client = Client(Endpoint(f"http://127.0.0.1:{port}"))
        assert client.get("/").body == b"abc"
        client.close()


@pytest.mark.parametrize("answers", [[BUSY.replace(b"Retry-After", b"X")], [BUSY] * 11], ids=["unasked", "at last"])
def test_refusals_are_told(answers: list[bytes]) -> None:
    with serving(answers) as port:
        client = Client(Endpoint(f"http://127.0.0.1:{port}"))
        with pytest.raises(ApiError) as error:
            client.get("/")
        assert error.value.http_code == 429
        client.close()
