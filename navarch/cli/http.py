"""HTTP/1.1 over one kept connection, as much as one API server needs: heads, lengths, chunks.

The library's client parses heads with its mail package, whose import alone would take a sixth of the time of
`kubectl get pods`. Errors are those of the socket; an answer that breaks off is a ConnectionError.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl

Headers = Sequence[tuple[str, str]]
_LINE_MAX_BYTES = 65536
_BUFFER_BYTES = 65536


class Address(NamedTuple):
    """Where to connect; with a context, over TLS, the certificate checked for `name`."""

    host: str
    port: int
    timeout_s: float | None = None
    context: ssl.SSLContext | None = None
    name: str = ""


class Response(NamedTuple):
    """An answer's head, and its body as a stream. Header names are in lower case."""

    status: int
    headers: Headers
    body: io.BufferedReader


def open_socket(address: Address) -> socket.socket:
    """Raises: OSError."""
    plain = socket.create_connection((_ascii(address.host), address.port), address.timeout_s)  # type: ignore[arg-type]
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.context is None:
        return plain
    try:
        return address.context.wrap_socket(plain, server_hostname=_ascii(address.name or address.host))
    except OSError:
        plain.close()
        raise


def _ascii(host: str) -> str | bytes:
    """Bytes need no codec for international names, whose tables take long to import."""
    return host.encode() if host.isascii() else host


class Connection:
    """Requests in turn: the body of one answer has to be read before the next request."""

    def __init__(self, address: Address) -> None:
        shown = f"[{address.host}]" if ":" in address.host else address.host
        usual = 443 if address.context is not None else 80
        self._host = shown if address.port == usual else f"{shown}:{address.port}"
        self._socket = open_socket(address)
        self._file = self._socket.makefile("rb")
        self._body: _Body | None = None

    def request(self, method: str, target: str, headers: Headers, body: bytes | None) -> Response:
        """Send, and read the answer's head. Raises: OSError."""
        if self._body is not None and not self._body.finished:
            raise ConnectionResetError("the connection is still in use or has ended")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *(f"{k}: {v}" for k, v in headers), "", ""]
        self._socket.sendall("\r\n".join(lines).encode("latin-1") + (body or b""))
        status, found = _read_head(self._file)
        while 100 <= status < 200 and status != 101:
            status, found = _read_head(self._file)
        self._body = _Body(self._file, *_framing(method, status, dict(found)))
        return Response(status, found, io.BufferedReader(self._body, _BUFFER_BYTES))

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def _read_head(file: io.BufferedReader) -> tuple[int, list[tuple[str, str]]]:
    line = _read_line(file)
    if not line:
        raise ConnectionResetError("the server closed the connection")
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise ConnectionError(f"malformed HTTP response {line[:80]!r}")
    headers = []
    while (line := _read_line(file).rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        headers.append((name.strip().lower(), value.strip()))
    return int(code), headers


def _read_line(file: io.BufferedReader) -> str:
    line = file.readline(_LINE_MAX_BYTES)
    if line and not line.endswith(b"\n"):
        raise ConnectionError("malformed HTTP response: a line is too long, or broken off")
    return line.decode("latin-1")


def _framing(method: str, status: int, headers: dict[str, str]) -> tuple[int | None, bool, bool]:
    """The body's length (None: to the end of the connection), whether it is in chunks, whether the connection stays."""
    keep = headers.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (101, 204, 304):
        return 0, False, keep
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return 0, True, keep
    if headers.get("content-length", "").isdigit():
        return int(headers["content-length"]), False, keep
    return None, False, False


class _Body(io.RawIOBase):
    """The bytes of one body. `finished` when the connection is ready for another request."""

    def __init__(self, file: io.BufferedReader, length: int | None, chunked: bool, keep: bool) -> None:
        super().__init__()
        self._file = file
        self._left = length
        self._chunked = chunked
        self._keep = keep
        self._first = True
        self._ended = length == 0 and not chunked

    @property
    def finished(self) -> bool:
        return self._ended and self._keep

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._chunked and self._left == 0 and not self._ended:
            self._next_chunk()
        if self._ended:
            return 0
        room = len(buffer) if self._left is None else min(len(buffer), self._left)
        count = self._file.readinto1(memoryview(buffer)[:room])
        if self._left is None:
            self._ended = count == 0
            return count
        if not count:
            raise ConnectionError("unexpected EOF")
        self._left -= count
        self._ended = self._left == 0 and not self._chunked
        return count

    def _next_chunk(self) -> None:
        """Read a chunk's length; the last one, of no length, is followed by trailers and an empty line."""
        if not self._first:
            _read_line(self._file)
        self._first = False
        line = _read_line(self._file).partition(";")[0].strip()
        try:
            self._left = int(line, 16)
        except ValueError as error:
            raise ConnectionError("unexpected EOF" if not line else f"malformed chunk {line[:20]!r}") from error
        if self._left == 0:
            while _read_line(self._file).strip():
                pass
            self._ended = True
