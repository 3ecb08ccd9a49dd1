"""Local connections carried to a pod's ports: one tunnel for all of them, a listener thread for each address.

The tunnel is a WebSocket with SPDY frames in it, protocol `SPDY/3.1+portforward.k8s.io`. Each connection has two
streams of it: one carries data, the other the text of an error. The plainer `v4.channel.k8s.io` has no way to
say that one side is done sending.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable

from navarch.cli.channels import WebSocket
from navarch.cli.errors import ApiError, CliError
from navarch.cli.rest import Client
from navarch.wire.spdy_frames import Data, Frame, FrameReader, FrameWriter, Ping, Reset

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


def dial(client: Client, path: str, fail: Fail) -> Tunnel:
    """A tunnel to the pod's `portforward` at the path. Raises: CliError when the server or the node refuses."""
    try:
        return Tunnel(WebSocket(client, path, (), (PROTOCOL,)), fail)
    except ApiError:
        raise
    except CliError as error:
        raise CliError(f"error upgrading connection: {error.message}") from error


class Tunnel:
    """Connections to a pod's ports over one WebSocket. `fail` gets the text of each error.

    `run` is for one thread, `carry` and `serve` for any.
    """

    def __init__(self, web: WebSocket, fail: Fail) -> None:
        self._web = web
        self._fail = fail
        self._reader = FrameReader()
        self._writer = FrameWriter()
        # The writer's compression has a state: frames go out in the order in which they were made.
        self._lock = threading.Lock()
        self._requests = itertools.count()
        self._peers: dict[int, socket.socket] = {}
        self._errors: dict[int, int] = {}

    def serve(self, listener: socket.socket, port: int, began: Callable[[], None]) -> None:
        """Carry each connection to the pod's port, until the listener is closed."""
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            began()
            self.carry(peer, port)

    def carry(self, peer: socket.socket, port: int) -> None:
        """Carry a connection, which is the tunnel's from now on, in a thread of its own."""
        with self._lock, contextlib.suppress(OSError):  # a tunnel that is gone tells it to `run`
            request = next(self._requests)
            error, data = 4 * request + 1, 4 * request + 3  # a client's stream ids are odd
            self._peers[data] = peer
            self._errors[error] = data
            for stream, kind in ((error, "error"), (data, "data")):
                headers = {"streamtype": kind, "port": str(port), "requestid": str(request)}
                self._web.send_message(self._writer.syn_stream(stream, headers, fin=stream == error))
            threading.Thread(target=self._send, args=(peer, data), daemon=True).start()

    def run(self) -> None:
        """Bring what comes from the pod to the connections, until the tunnel is gone; then all of them end."""
        try:
            self._web.read_messages(self._take)
        except OSError:
            pass
        finally:
            self._web.close()
            for stream in list(self._peers):
                self._end(stream)

    def close(self) -> None:
        self._web.close()

    def _send(self, peer: socket.socket, stream: int) -> None:
        with contextlib.suppress(OSError):
            while data := peer.recv(32768):
                self._write(stream, data, fin=False)
            self._write(stream, b"", fin=True)

    def _write(self, stream: int, data: bytes, fin: bool) -> None:
        with self._lock:
            self._web.send_message(self._writer.data(stream, data, fin))

    def _take(self, message: bytes) -> None:
        for frame in self._reader.feed(message):
            self._frame(frame)

    def _frame(self, frame: Frame) -> None:
        match frame:
            case Data(stream, data, fin) if stream in self._peers:
                try:
                    if data:
                        self._peers[stream].sendall(data)
                except OSError:
                    fin = True  # nobody is there to read it
                if fin:
                    self._end(stream)
            case Data(stream, data, _) if data and stream in self._errors:
                self._fail(data.decode(errors="replace"))
                self._end(self._errors[stream])
            case Reset(stream, _):
                self._end(stream)
            case Ping(number) if number % 2 == 0:
                with self._lock:
                    self._web.send_message(self._writer.ping(number))

    def _end(self, stream: int) -> None:
        peer = self._peers.pop(stream, None)
        if peer is None:
            return
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        peer.close()
