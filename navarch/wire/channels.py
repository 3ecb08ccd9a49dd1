"""Several byte streams over one connection: what exec, attach and port-forward are made of.

Whatever carries them (WebSocket, SPDY, SPDY inside WebSocket), a server function sees `Channel`s:

    async def serve(channels):                 # Mapping[int, Channel], numbers as below
        async for chunk in channels[STDIN]: ...
        await channels[STDOUT].write(b"...")
        return exit_status(0)                  # goes out on ERROR, then everything is closed

The carrier owns the function's task: it is cancelled when the connection is lost. Reading from the
peer pauses while a channel's reader is behind; writers wait while the peer is slow.

Source: Kubernetes remote command and port-forward protocols (channel numbers, Status on the error channel).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import orjson

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
ERROR: Final = 3
RESIZE: Final = 4

#: Unread bytes above which the connection is not read, and below which it is again.
HIGH_BYTES: Final = 256 * 1024
LOW_BYTES: Final = 64 * 1024

#: Serves one exec or attach; what it returns is sent on the error channel.
ServeCommand = Callable[[Mapping[int, "Channel"]], Coroutine[Any, Any, bytes]]

#: Serves one forwarded connection: (port, data, error). The error channel takes a text.
ServePort = Callable[[int, "Channel", "Channel"], Coroutine[Any, Any, None]]


def exit_status(code: int) -> bytes:
    """The Status of a command that ran to its end."""
    if code == 0:
        return b'{"metadata":{},"status":"Success"}'
    return orjson.dumps(
        {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    )


def failure_status(message: str) -> bytes:
    """The Status of a command that could not be run."""
    tree = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
    return orjson.dumps(tree)


class Channel:
    """One stream in both directions. Iterate over it for what the peer sends, until the peer ends it."""

    __slots__ = ("_chunks", "_ended", "_waiter", "carrier", "number")

    def __init__(self, carrier: Carrier, number: int) -> None:
        self.carrier = carrier
        self.number = number
        self._chunks: deque[bytes] = deque()
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        """Send, after the peer has taken what was sent before."""
        await self.carrier.drained()
        self.carrier.send(self.number, data)

    def close(self) -> None:
        """Tell the peer that nothing more comes on this channel."""
        self.carrier.send_end(self.number)

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        chunk = self._chunks.popleft()
        self.carrier.taken(len(chunk))
        return chunk

    def feed(self, data: bytes) -> None:
        """For carriers: bytes from the peer."""
        if not self._ended and data:
            self._chunks.append(data)
            self._wake()

    def end(self) -> None:
        """For carriers: the peer sends no more."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Carrier(asyncio.Protocol):
    """What all carriers share: flow control in both directions, and the tasks that serve the channels."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.channels: dict[int, Channel] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self._unread_bytes = 0
        self._is_paused = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what a protocol defines

    def send(self, number: int, data: bytes) -> None:
        """Send bytes on a channel."""
        raise NotImplementedError

    def send_end(self, number: int) -> None:
        """End a channel in our direction."""
        raise NotImplementedError

    def finish(self) -> None:
        """End all channels and close the connection, after what is buffered."""
        raise NotImplementedError

    # --- what channels use

    async def drained(self) -> None:
        await self._writable.wait()

    def taken(self, size: int) -> None:
        self._unread_bytes -= size
        if self._is_paused and self._unread_bytes < LOW_BYTES:
            self._is_paused = False
            self.transport.resume_reading()

    # --- what protocols use

    def open(self, number: int) -> Channel:
        channel = self.channels[number] = Channel(self, number)
        return channel

    def received(self, number: int, data: bytes) -> None:
        channel = self.channels.get(number)
        if channel is None:
            return
        channel.feed(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > HIGH_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a server function in a task of this connection."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve_command(self, serve: ServeCommand, channels: Mapping[int, Channel]) -> None:
        """Run `serve`, send its status, close."""
        status = await serve(channels)
        await channels[ERROR].write(status)
        self.finish()

    # --- what the event loop calls

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        for channel in self.channels.values():
            channel.end()
        for task in tuple(self._tasks):
            task.cancel()
