"""What a local proxy lets pass, and what it makes of a request's head."""

from __future__ import annotations

import re
import socket

import pytest

from navarch.cli.proxying import Filter, Head, read_head, rewritten
from navarch.cli.rest import Client, Endpoint

FILTER = Filter(
    [re.compile(r"^localhost$"), re.compile(r"^127\.0\.0\.1$")],
    [re.compile("^.*")],
    [re.compile("^/api/.*/pods/.*/exec")],
    [re.compile("^$"), re.compile("^DELETE$")],
)


@pytest.mark.parametrize(
    ("method", "path", "host", "passes"),
    [
        ("GET", "/api/v1/pods", "localhost", True),
        ("GET", "/api/v1/pods", "127.0.0.1", True),
        ("GET", "/api/v1/pods", "evil.example.com", False),
        ("POST", "/api/v1/namespaces/a/pods/b/exec", "localhost", False),
        ("DELETE", "/api/v1/pods", "localhost", False),
    ],
)
def test_what_passes(method: str, path: str, host: str, passes: bool) -> None:
    assert FILTER.allows(method, path, host) is passes


def test_a_head_in_the_name_of_the_user() -> None:
    client = Client(Endpoint("https://example.com:6443", [("Authorization", "Bearer mine")]))
    head = Head("GET", "/x", [("Host", "localhost:8001"), ("Authorization", "Bearer theirs"), ("Accept", "a")], b"")
    lines = rewritten(head, "/y", client).decode().split("\r\n")
    assert lines[0] == "GET /y HTTP/1.1"
    assert {"Host: example.com:6443", "Connection: close", "Authorization: Bearer mine", "Accept: a"} <= set(lines)
    assert "Authorization: Bearer theirs" not in lines
    upgrade = head._replace(headers=[*head.headers, ("Upgrade", "websocket")])
    assert "Connection: Upgrade" in rewritten(upgrade, "/y", client).decode().split("\r\n")


def test_a_head_is_read_whole_and_what_follows_is_kept() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"POST /a?b HTTP/1.1\r\nHost: x\r\n\r\nbody")
        assert read_head(near) == Head("POST", "/a?b", [("Host", "x")], b"body")
        far.close()
        assert read_head(near) is None
