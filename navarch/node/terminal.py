"""Exec, attach and port-forward of the kubelet: the client's channels as the runtime's streams.

The `Terminal` of `server.py`. The protocols themselves are `navarch.wire`'s.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from urllib.parse import parse_qs

import orjson

from navarch.base.errors import NavarchError
from navarch.node.runtime.contract import Streams, TerminalSize
from navarch.node.server import Wanted
from navarch.wire.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channel, exit_status, failure_status
from navarch.wire.messages import Request, Response
from navarch.wire.upgrade import command_response, port_response

log = logging.getLogger(__name__)

Dial = Callable[[int, AsyncIterator[bytes], Callable[[bytes], Awaitable[None]]], Awaitable[None]]


class ChannelTerminal:
    """Joins channels with streams; errors of the runtime go to the client on the error channel."""

    def process(self, request: Request, wanted: Wanted, run: Callable[[Streams], Awaitable[int]]) -> Response:
        """Answer 101 and run the process with the streams that the client wants. Raises: StatusError."""

        async def serve(channels: Mapping[int, Channel]) -> bytes:
            try:
                return exit_status(await run(_streams(channels, wanted.tty)))
            except NavarchError as error:
                return failure_status(str(error))

        return command_response(request, _numbers(wanted), serve)

    def ports(self, request: Request, dial: Dial) -> Response:
        """Answer 101 and dial for every connection that the client opens. Raises: StatusError."""
        query = parse_qs(request.query)
        listed = ",".join(query.get("ports", []) + query.get("port", [])).split(",")
        numbers = [int(port) for port in listed if port.isdecimal()]

        async def serve(port: int, data: Channel, error: Channel) -> None:
            try:
                await dial(port, data, data.write)
            except (NavarchError, OSError) as fault:
                log.info("port=%d forwarding failed: %s", port, fault)
                await error.write(f"error forwarding port {port} to pod: {fault}".encode())

        return port_response(request, numbers, serve)


def _numbers(wanted: Wanted) -> frozenset[int]:
    """A terminal has no standard error of its own, but a size."""
    asked = (
        (STDIN, wanted.stdin),
        (STDOUT, wanted.stdout),
        (STDERR, wanted.stderr and not wanted.tty),
        (RESIZE, wanted.tty),
    )
    return frozenset({ERROR, *(number for number, is_wanted in asked if is_wanted)})


def _streams(channels: Mapping[int, Channel], tty: bool) -> Streams:
    def writer(number: int) -> Callable[[bytes], Awaitable[None]] | None:
        channel = channels.get(number)
        return channel.write if channel is not None else None

    return Streams(
        stdin=channels.get(STDIN),
        stdout=writer(STDOUT),
        stderr=writer(STDERR),
        resizes=_sizes(channels[RESIZE]) if RESIZE in channels else None,
        tty=tty,
    )


async def _sizes(channel: Channel) -> AsyncIterator[TerminalSize]:
    """Each chunk holds one size as JSON; what is not one is passed over."""
    async for chunk in channel:
        try:
            size = orjson.loads(chunk)
            yield TerminalSize(int(size["Width"]), int(size["Height"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            log.info("not a terminal size: %r", chunk[:100])
