"""Joins the channels of a client's connection with the runtime: exec, attach, port-forward.

The carriers (WebSocket, SPDY, SPDY in WebSocket) are `navarch.wire`'s; the process or port is the runtime's.

Source: Kubernetes' remote command protocol (resize messages, when there is no stderr).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from navarch.base.errors import NavarchError
from navarch.node.runtime.contract import Runtime, Streams, TerminalSize
from navarch.wire.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channel, exit_status, failure_status
from navarch.wire.messages import Request, Response
from navarch.wire.upgrade import command_response, port_response


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which streams the client asked for."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @property
    def numbers(self) -> frozenset[int]:
        """The channels. A terminal has one output, so no stderr."""
        asked = {
            STDIN: self.stdin,
            STDOUT: self.stdout,
            STDERR: self.stderr and not self.tty,
            RESIZE: self.tty,
        }
        return frozenset({ERROR, *(number for number, wanted in asked.items() if wanted)})


class _Size(msgspec.Struct):
    Width: int = 0
    Height: int = 0


def command(request: Request, wanted: Wanted, run: Callable[[Streams], Awaitable[int]]) -> Response:
    """Answer 101 and run a process with the client's streams; its exit code is sent last."""

    async def serve(channels: Mapping[int, Channel]) -> bytes:
        try:
            return exit_status(await run(streams(channels, tty=wanted.tty)))
        except NavarchError as error:
            return failure_status(str(error))

    return command_response(request, wanted.numbers, serve)


def streams(channels: Mapping[int, Channel], *, tty: bool) -> Streams:
    """The client's channels as the runtime takes them."""
    stdout, stderr = channels.get(STDOUT), channels.get(STDERR)
    return Streams(
        stdin=channels.get(STDIN),
        stdout=stdout.write if stdout is not None else None,
        stderr=stderr.write if stderr is not None else None,
        resizes=_resizes(channels[RESIZE]) if RESIZE in channels else None,
        tty=tty,
    )


async def _resizes(channel: Channel) -> AsyncIterator[TerminalSize]:
    """Each message is one JSON object; one that is not is left out."""
    async for chunk in channel:
        for line in chunk.splitlines():
            try:
                size = msgspec.json.decode(line, type=_Size)
            except msgspec.DecodeError:
                continue
            yield TerminalSize(size.Width, size.Height)


def forward(request: Request, runtime: Runtime, sandbox_id: str, ports: Sequence[int]) -> Response:
    """Answer 101 and carry each connection that the client opens to its port."""

    async def serve(port: int, data: Channel, error: Channel) -> None:
        try:
            await runtime.port_forward(sandbox_id, port, data, data.write)
        except (NavarchError, OSError) as fault:
            text = f"an error occurred forwarding {port} -> {port}: {fault}"
            await error.write(text.encode())

    return port_response(request, ports, serve)
