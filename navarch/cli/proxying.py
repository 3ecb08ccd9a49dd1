"""A local port whose requests go to the API server, with this user's identity: what `kubectl proxy` runs.

One thread for each connection, one request for each connection: its head is read, checked and rewritten, what follows
is passed on byte by byte in both directions, so that watches and upgraded connections work like anything else.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
import re
import socket
import socketserver
import threading
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from navarch.cli.rest import Client

_HEAD_MAX_BYTES = 1 << 20
#: Of the client's own identity, and of one connection: neither is the server's business.
_DROPPED = ("host", "connection", "authorization", "keep-alive", "proxy-connection")


class Filter(NamedTuple):
    """Which requests may pass: patterns for names of this host, paths and methods."""

    hosts: Sequence[re.Pattern[str]]
    paths: Sequence[re.Pattern[str]]
    refused_paths: Sequence[re.Pattern[str]]
    refused_methods: Sequence[re.Pattern[str]]

    def allows(self, method: str, path: str, host: str) -> bool:
        if any(pattern.search(method) for pattern in self.refused_methods):
            return False
        if any(pattern.search(path) for pattern in self.refused_paths):
            return False
        return any(p.search(path) for p in self.paths) and any(p.search(host) for p in self.hosts)


class Rules(NamedTuple):
    """What the proxy does with a request. `filter` None: all pass. `files`: a directory served below `files_prefix`."""

    prefix: str = "/"
    filter: Filter | None = None
    files: str = ""
    files_prefix: str = "/static/"
    server_path: str = ""


class Head(NamedTuple):
    """A request's first lines, and what of its body has come with them."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    rest: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


class Proxy:
    """Listens on TCP or on a Unix socket as soon as it is made. Raises: OSError."""

    def __init__(self, client: Client, rules: Rules, address: tuple[str, int] | str) -> None:
        self._client = client
        self._rules = rules
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.serve_one(self.request)

        self._server: _UnixServer | _TcpServer
        if isinstance(address, str):
            self._server = _UnixServer(address, Handler)
        else:
            self._server = _TcpServer(address, Handler)

    @property
    def address(self) -> str:
        """`127.0.0.1:8001`, or the socket's path."""
        name = self._server.socket.getsockname()
        if isinstance(name, str):
            return name
        host, port = name[0], name[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """End `run`, from another thread."""
        self._server.shutdown()

    def run(self) -> None:
        """Until the process is interrupted, or it is closed."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def serve_one(self, near: socket.socket) -> None:
        head = read_head(near)
        if head is None:
            return
        path = urlsplit(head.target).path
        rules = self._rules
        if rules.filter is not None and not rules.filter.allows(head.method, path, _host(head)):
            near.sendall(_answer(403, "Forbidden", b"Forbidden\n"))
        elif rules.files and path.startswith(rules.files_prefix):
            near.sendall(_file(rules.files, path.removeprefix(rules.files_prefix)))
        elif not path.startswith(rules.prefix):
            near.sendall(_answer(404, "Not Found", b"404 page not found\n"))
        else:
            self._pass_on(near, head)

    def _pass_on(self, near: socket.socket, head: Head) -> None:
        target = head.target if self._rules.prefix == "/" else "/" + head.target[len(self._rules.prefix) :].lstrip("/")
        client = self._client
        try:
            far = client.open_socket()
        except Exception as error:
            near.sendall(_answer(502, "Bad Gateway", f"{error}\n".encode()))
            return
        with far:
            far.sendall(rewritten(head, self._rules.server_path + target, client) + head.rest)
            back = threading.Thread(target=_pump, args=(near, far), daemon=True)
            back.start()
            _pump(far, near)


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def read_head(near: socket.socket) -> Head | None:
    """None if the client goes away or talks something else."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = near.recv(65536)
        if not part or len(data) > _HEAD_MAX_BYTES:
            return None
        data += part
    text, rest = data.split(b"\r\n\r\n", 1)
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Head(words[0], words[1], pairs, rest)


def rewritten(head: Head, target: str, client: Client) -> bytes:
    """The head for the server: in the name of this user, one request for the connection unless it is upgraded."""
    upgraded = head.header("upgrade")
    kept = [(name, value) for name, value in head.headers if name.lower() not in _DROPPED]
    kept += [("Host", f"{client.host}:{client.port}"), ("Connection", "Upgrade" if upgraded else "close")]
    kept += list(client.endpoint.headers)
    lines = [f"{head.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass  # one side is gone, which ends the other
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _host(head: Head) -> str:
    host = head.header("host")
    return host.rpartition(":")[0] if re.search(r":\d+$", host) else host


def _file(directory: str, name: str) -> bytes:
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, unquote(name)))
    if os.path.isdir(path):
        path = os.path.join(path, "index.html")
    if not path.startswith(root + os.sep) or not os.path.isfile(path):
        return _answer(404, "Not Found", b"404 page not found\n")
    with open(path, "rb") as file:
        return _answer(200, "OK", file.read(), mimetypes.guess_type(path)[0] or "application/octet-stream")


def _answer(status: int, phrase: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    lines = (
        f"HTTP/1.1 {status} {phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body
