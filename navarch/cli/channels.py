"""A WebSocket to the server, and the channels of exec and attach on it: input, output, errors, result, window.

Source: Kubernetes' remote command protocol `v5.channel.k8s.io` (v4 without closing of the input).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence

import orjson
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidState, NegotiationError
from websockets.frames import Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from navarch.cli.errors import ApiError, CliError
from navarch.cli.rest import USER_AGENT, Answer, Client, Query, api_error

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, RESULT, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class _Protocol(ClientProtocol):
    """Takes `SPDY/3.1+portforward.k8s.io`, which is no token of HTTP, for the name of a protocol."""

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:
        chosen = headers.get("Sec-WebSocket-Protocol")
        if chosen is None:
            return None
        if chosen not in (self.available_subprotocols or ()):
            raise NegotiationError(f"unsupported subprotocol: {chosen}")
        return Subprotocol(chosen)


class WebSocket:
    """An upgraded connection. `read_messages` is for one thread, the senders for any."""

    def __init__(self, client: Client, path: str, query: Query, protocols: Sequence[str]) -> None:
        self._socket = client.open_socket()
        self._socket.settimeout(None)
        self._lock = threading.Lock()
        scheme = "wss" if client.secure else "ws"
        uri = parse_uri(f"{scheme}://{client.host}:{client.port}{client.target(path, query)}")
        self._protocol = _Protocol(uri, subprotocols=list(protocols), max_size=None)  # type: ignore[arg-type]
        request = self._protocol.connect()
        for name, value in client.endpoint.headers:
            request.headers[name] = value
        request.headers["User-Agent"] = USER_AGENT
        self._protocol.send_request(request)
        self._flush()
        try:
            self._shake_hands()
        except CliError:
            self._socket.close()
            raise

    def _shake_hands(self) -> None:
        while self._protocol.handshake_exc is None and self._protocol.state.name == "CONNECTING":
            if not self._receive():
                break
        # A command that is quickly over has the connection closed again in the same breath.
        if self._protocol.handshake_exc is None and self._protocol.state.name != "CONNECTING":
            self.subprotocol = str(self._protocol.subprotocol or "")
            return
        response = getattr(self._protocol.handshake_exc, "response", None)
        if response is None:
            raise CliError(f"unable to upgrade connection: {self._protocol.handshake_exc}")
        error = api_error(Answer(response.status_code, {}, bytes(response.body or b"")))
        raise _upgrade_error(error)

    def _receive(self) -> bool:
        """Take what has come; False at the end."""
        try:
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        with self._lock:
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._flush()
        return bool(data)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    def send_message(self, data: bytes) -> None:
        """Raises: OSError when the connection is gone."""
        with self._lock:
            try:
                self._protocol.send_binary(data)
            except InvalidState as error:
                raise ConnectionResetError("the other side has ended the connection") from error
            self._flush()

    def close(self) -> None:
        """End it, and what waits for it to say something."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def read_messages(self, deliver: Callable[[bytes], None]) -> None:
        """Give every message to `deliver`, until the other side ends."""
        parts = b""
        open_ = True
        while open_:
            open_ = self._receive()
            for event in self._protocol.events_received():
                opcode = getattr(event, "opcode", None)
                if opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                    parts += event.data  # type: ignore[union-attr]
                    if event.fin and parts:  # type: ignore[union-attr]
                        deliver(parts)
                        parts = b""
                elif opcode == Opcode.CLOSE:
                    open_ = False
        self._socket.close()


class Channels(WebSocket):
    """The first byte of each message says which channel it is on."""

    def __init__(self, client: Client, path: str, query: Query) -> None:
        super().__init__(client, path, query, PROTOCOLS)

    def send(self, channel: int, data: bytes) -> None:
        """Raises: OSError when the connection is gone."""
        self.send_message(bytes((channel,)) + data)

    def close_input(self) -> None:
        """No more input; only v5 can say so."""
        if self.subprotocol == PROTOCOLS[0]:
            self.send(CLOSE, bytes((STDIN,)))

    def resize(self, columns: int, rows: int) -> None:
        self.send(RESIZE, orjson.dumps({"Width": columns, "Height": rows}))

    def read(self, deliver: Callable[[int, bytes], None]) -> None:
        """Give every message's channel and data to `deliver`, until the other side ends."""
        self.read_messages(lambda message: deliver(message[0], message[1:]))


def _upgrade_error(error: ApiError) -> CliError:
    """Refusals by the server's own rules stay as they are; what the kubelet says is an upgrade error."""
    if error.reason in ("NotFound", "Forbidden", "Unauthorized"):
        return error
    return CliError(f"unable to upgrade connection: {error.message}")


def exit_code(status: bytes) -> int:
    """The exit code in the result. Raises: CliError when the command could not be run at all."""
    tree = orjson.loads(status or b"{}")
    if tree.get("status") != "Failure":
        return 0
    for cause in (tree.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise CliError(str(tree.get("message")))
