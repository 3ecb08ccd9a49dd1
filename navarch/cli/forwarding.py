"""Local connections carried to a pod's port: a listener thread per address, two threads per connection.

Each connection has a WebSocket of its own with SPDY frames in it, protocol `SPDY/3.1+portforward.k8s.io`: of
its two streams one carries data, the other the text of an error. The plainer `v4.channel.k8s.io` has no way to
say that one side is done sending.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from navarch.cli.channels import WebSocket
from navarch.cli.errors import CliError
from navarch.cli.rest import Client
from navarch.wire.spdy_frames import Data, FrameReader, FrameWriter, Ping, Reset

#: Stream ids; a client's are odd.
ERROR, DATA = 1, 3
PROTOCOL = "SPDY/3.1+portforward.k8s.io"
Fail = Callable[[str], None]


def listen(address: str, port: int) -> list[socket.socket]:
    """Listeners for one of `--address`; `localhost` is both loopback addresses, or the one that there is.

    Raises: OSError if nothing can be listened on.
    """
    if address != "localhost":
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [socket.create_server((address, port), family=family)]
    first = socket.create_server(("127.0.0.1", port))
    found = [first]
    with contextlib.suppress(OSError):
        found.append(socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6))
    return found


def serve(listener: socket.socket, client: Client, path: str, port: int, began: Callable[[], None], fail: Fail) -> None:
    """Carry each connection to the pod's port, until the listener is closed."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        began()
        threading.Thread(target=carry, args=(peer, client, path, port, fail), daemon=True).start()


def carry(peer: socket.socket, client: Client, path: str, port: int, fail: Fail) -> None:
    """One connection, until the pod's side ends it. `fail` gets the text of an error."""
    with peer:
        try:
            Tunnel(peer, WebSocket(client, path, (), (PROTOCOL,)), port, fail).run()
        except CliError as error:
            fail(f"error upgrading connection: {error.message}")


class Tunnel:
    """A local connection, and the two streams that carry it. The writer's compression allows no second user."""

    def __init__(self, peer: socket.socket, web: WebSocket, port: int, fail: Fail) -> None:
        self._peer = peer
        self._web = web
        self._port = port
        self._fail = fail
        self._reader = FrameReader()
        self._writer = FrameWriter()
        self._open = {ERROR, DATA}

    def run(self) -> None:
        try:
            for stream, kind in ((ERROR, "error"), (DATA, "data")):
                headers = {"streamtype": kind, "port": str(self._port), "requestid": "0"}
                self._web.send_message(self._writer.syn_stream(stream, headers, fin=stream == ERROR))
            threading.Thread(target=self._send, daemon=True).start()
            self._web.read_messages(self._take)
        except OSError:
            pass  # one of the two sides is gone: the other one has to go too
        finally:
            self._web.close()

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._peer.recv(32768):
                self._web.send_message(self._writer.data(DATA, data))
            self._web.send_message(self._writer.data(DATA, b"", fin=True))

    def _take(self, message: bytes) -> None:
        """Raises: OSError when the local side is gone, or both streams have ended."""
        for frame in self._reader.feed(message):
            match frame:
                case Data(stream, data, fin):
                    if data and stream == DATA:
                        self._peer.sendall(data)
                    elif data:
                        self._fail(data.decode(errors="replace"))
                    if fin:
                        self._open.discard(stream)
                case Reset(stream, _):
                    self._open.discard(stream)
                case Ping(number) if number % 2 == 0:
                    self._web.send_message(self._writer.ping(number))
        if not self._open:
            raise ConnectionResetError("both streams have ended")
