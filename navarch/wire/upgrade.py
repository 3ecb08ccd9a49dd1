"""Answers that turn a request into channels: which protocol the client gets, and who serves it.

return command_response(request, frozenset({STDIN, STDOUT, ERROR}), serve)     # exec, attach
return port_response(request, ports, serve)                                   # port-forward
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from navarch.base.errors import StatusError, bad_request
from navarch.wire import spdy, websocket
from navarch.wire.channels import ServeCommand, ServePort
from navarch.wire.messages import Request, Response


def command_response(request: Request, numbers: frozenset[int], serve: ServeCommand) -> Response:
    """The 101 of an exec or attach with the channels of `numbers` (ERROR is always one of them).

    Raises: StatusError 400 when the request is no upgrade, 403 when no protocol is shared.
    """
    if websocket.is_websocket(request):
        protocol = _choose(websocket.offered_protocols(request), websocket.COMMAND_PROTOCOLS, "")

        def take_over(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
            carrier = websocket.WebSocketChannels(transport, protocol)
            carrier.serve_command_on(sorted(numbers), serve)
            carrier.data_received(early)
            return carrier

        return Response(101, headers=websocket.handshake_headers(request, protocol), take_over=take_over)
    if spdy.is_spdy(request):
        protocol = _choose(spdy.offered_protocols(request), spdy.COMMAND_PROTOCOLS, "channel.k8s.io")

        def take_over_spdy(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
            carrier = spdy.command_connection(transport, numbers, serve)
            carrier.data_received(early)
            return carrier

        return Response(101, headers=spdy.handshake_headers(protocol), take_over=take_over_spdy)
    raise bad_request("Upgrade request required")


def port_response(request: Request, ports: Sequence[int], serve: ServePort) -> Response:
    """The 101 of a port-forward. `ports` are those of the query, which only plain WebSocket clients use.

    Raises: StatusError 400, 403.
    """
    if websocket.is_websocket(request):
        offered = websocket.offered_protocols(request)
        if spdy.TUNNEL_PROTOCOL in offered:
            headers = websocket.handshake_headers(request, spdy.TUNNEL_PROTOCOL)

            def take_over_tunnel(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
                messages = websocket.Messages(transport)
                inner = spdy.port_connection(websocket.MessageTransport(messages), serve)
                tunnel = websocket.Tunnel(messages, inner)
                tunnel.data_received(early)
                return tunnel

            return Response(101, headers=headers, take_over=take_over_tunnel)
        protocol = _choose(offered, websocket.PORT_PROTOCOLS, "v4.channel.k8s.io")
        if not ports:
            raise bad_request('query parameter "port" is required')

        def take_over(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
            carrier = websocket.WebSocketChannels(transport, protocol)
            carrier.serve_ports_on(ports, serve)
            carrier.data_received(early)
            return carrier

        return Response(101, headers=websocket.handshake_headers(request, protocol), take_over=take_over)
    if spdy.is_spdy(request):
        protocol = _choose(spdy.offered_protocols(request), (spdy.PORT_PROTOCOL,), spdy.PORT_PROTOCOL)

        def take_over_spdy(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
            carrier = spdy.port_connection(transport, serve)
            carrier.data_received(early)
            return carrier

        return Response(101, headers=spdy.handshake_headers(protocol), take_over=take_over_spdy)
    raise bad_request("Upgrade request required")


def _choose(offered: Sequence[str], known: Sequence[str], default: str) -> str:
    """The best protocol that the client offers; `default` when it offers none at all."""
    if not offered:
        return default
    for protocol in known:
        if protocol in offered:
            return protocol
    listed = f"client supports {list(offered)}, server accepts {list(known)}"
    text = f"unable to upgrade: unable to negotiate protocol: {listed}"
    raise StatusError(403, "Forbidden", text)
