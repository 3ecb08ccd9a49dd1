"""The client of a runtime's streaming server: exec, attach and port-forward over SPDY/3.1.

CRI answers Exec, Attach and PortForward with a URL that is good for one connection. Standard streams,
the final status and terminal sizes each are a SPDY stream of their own, as in remotecommand v4.

There is no flow control in the server, so none is spoken here: WINDOW_UPDATE is never sent. A slow
client is waited for by not reading the socket, through the bounded queue of each stream.

Source: Kubernetes' remotecommand and portforward stream protocols.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from navarch.node.runtime.contract import RuntimeFault, RuntimeUnavailable, Streams, TerminalSize
from navarch.wire.spdy_frames import Data, FrameReader, FrameWriter, Ping, Reset, SpdyError, SynReply

REMOTE_COMMAND = "v4.channel.k8s.io"
PORT_FORWARD = "portforward.k8s.io"
READ_BYTES = 1 << 16
#: Of one data frame; the server reads whole frames.
WRITE_BYTES = 1 << 14
#: Frames that wait for a slow client, per stream.
QUEUED_FRAMES = 16
MAX_HEAD_BYTES = 16 << 10

#: Ends a stream's queue.
_END = b""


class Stream:
    """One SPDY stream of a connection."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self._connection = connection
        self.stream_id = stream_id
        self.received: asyncio.Queue[bytes] = asyncio.Queue(QUEUED_FRAMES)

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), WRITE_BYTES):
            await self._connection.send(self._connection.frames.data(self.stream_id, data[at : at + WRITE_BYTES]))

    async def close(self) -> None:
        """End our half; the other half goes on."""
        await self._connection.send(self._connection.frames.data(self.stream_id, b"", fin=True))

    async def read(self) -> AsyncIterator[bytes]:
        """What the peer sends, until it ends its half."""
        while data := await self.received.get():
            yield data


class Connection:
    """One upgraded connection; made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.frames = FrameWriter()
        self._reader = reader
        self._writer = writer
        self._streams: dict[int, Stream] = {}

    async def stream(self, headers: Mapping[str, str]) -> Stream:
        """Open a stream. Clients' streams have odd ids."""
        stream = Stream(self, 2 * len(self._streams) + 1)
        self._streams[stream.stream_id] = stream
        await self.send(self.frames.syn_stream(stream.stream_id, headers))
        return stream

    async def send(self, frame: bytes) -> None:
        self._writer.write(frame)
        await self._writer.drain()

    async def receive(self) -> None:
        """Hand what arrives to the streams until the connection ends; then end every stream."""
        reader = FrameReader()
        open_ids = set(self._streams)
        try:
            while received := await self._reader.read(READ_BYTES):
                for frame in reader.feed(received):
                    match frame:
                        case Data(stream_id, data, fin):
                            if data and stream_id in open_ids:
                                await self._streams[stream_id].received.put(data)
                            if fin:
                                await self._end(stream_id, open_ids)
                        case SynReply(stream_id, _, True) | Reset(stream_id, _):
                            await self._end(stream_id, open_ids)
                        case Ping(ping_id):
                            await self.send(self.frames.ping(ping_id))
        except (ConnectionError, SpdyError):
            pass  # the streams end, and whoever waits for a final status sees that there is none
        for stream_id in sorted(open_ids):
            await self._end(stream_id, open_ids)

    async def _end(self, stream_id: int, open_ids: set[int]) -> None:
        if stream_id in open_ids:
            open_ids.discard(stream_id)
            await self._streams[stream_id].received.put(_END)


@asynccontextmanager
async def connect(url: str, protocol: str) -> AsyncIterator[Connection]:
    """Open the URL and upgrade. Raises: RuntimeUnavailable, RuntimeFault."""
    address = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=MAX_HEAD_BYTES)
    except OSError as error:
        raise RuntimeUnavailable(f"the runtime's streaming server does not answer: {error}") from error
    try:
        writer.write(
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            f"X-Stream-Protocol-Version: {protocol}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await _expect_upgrade(reader)
        yield Connection(reader, writer)
    finally:
        writer.close()


async def _expect_upgrade(reader: asyncio.StreamReader) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise RuntimeUnavailable("the runtime's streaming server closed the connection") from error
    status, _, _ = head.partition("\r\n")
    if " 101 " not in status:
        raise RuntimeFault(f"the runtime's streaming server refused to stream: {status}")


async def run_command(url: str, streams: Streams) -> int:
    """Carry a command's streams until it ends; its exit code. For attach the code is 0."""
    async with connect(url, REMOTE_COMMAND) as connection:
        status = await connection.stream({"streamtype": "error"})
        stdin = await connection.stream({"streamtype": "stdin"}) if streams.stdin else None
        outputs = await _output_streams(connection, streams)
        resizes = await connection.stream({"streamtype": "resize"}) if streams.tty and streams.resizes else None
        async with asyncio.TaskGroup() as tasks:
            lasting = [tasks.create_task(connection.receive())]
            if stdin and streams.stdin:
                lasting.append(tasks.create_task(_feed(stdin, streams.stdin)))
            if resizes and streams.resizes:
                lasting.append(tasks.create_task(_resize(resizes, streams.resizes)))
            draining = [tasks.create_task(_drain(stream, sink)) for stream, sink in outputs]
            final = b"".join([chunk async for chunk in status.read()])
            await asyncio.gather(*draining)
            for task in lasting:
                task.cancel()
    return exit_code(final)


async def _output_streams(
    connection: Connection, streams: Streams
) -> list[tuple[Stream, Callable[[bytes], Awaitable[None]]]]:
    opened = []
    if streams.stdout:
        opened.append((await connection.stream({"streamtype": "stdout"}), streams.stdout))
    # A terminal has one output: the runtime refuses a stderr beside it.
    if streams.stderr and not streams.tty:
        opened.append((await connection.stream({"streamtype": "stderr"}), streams.stderr))
    return opened


async def forward_port(
    url: str, port: int, incoming: AsyncIterator[bytes], outgoing: Callable[[bytes], Awaitable[None]]
) -> None:
    """Carry one TCP connection until the pod's side ends. Raises: RuntimeFault when the port refuses."""
    headers = {"port": str(port), "requestid": "0"}
    async with connect(url, PORT_FORWARD) as connection:
        errors = await connection.stream({"streamtype": "error", **headers})
        await errors.close()
        data = await connection.stream({"streamtype": "data", **headers})
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(connection.receive())
            feeding = tasks.create_task(_feed(data, incoming))
            await _drain(data, outgoing)
            feeding.cancel()
            failure = b"".join([chunk async for chunk in errors.read()])
            receiving.cancel()
    if failure:
        raise RuntimeFault(failure.decode(errors="replace"))


async def _feed(stream: Stream, source: AsyncIterator[bytes]) -> None:
    with suppress(ConnectionError):  # the process is gone: what it did not read is lost, as with a pipe
        async for data in source:
            await stream.write(data)
        await stream.close()


async def _resize(stream: Stream, sizes: AsyncIterator[TerminalSize]) -> None:
    with suppress(ConnectionError):
        async for size in sizes:
            await stream.write(json.dumps({"Width": size.width, "Height": size.height}).encode())


async def _drain(stream: Stream, sink: Callable[[bytes], Awaitable[None]]) -> None:
    async for data in stream.read():
        await sink(data)


def exit_code(status: bytes) -> int:
    """What a final status says: 0 for success or nothing, the code of a command that failed.

    Raises: RuntimeFault when the command could not be run at all.
    """
    if not status:
        return 0
    try:
        found = json.loads(status)
    except ValueError:
        raise RuntimeFault(status.decode(errors="replace")) from None
    if found.get("status") == "Success":
        return 0
    for cause in (found.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise RuntimeFault(found.get("message", "the command could not be run"))
