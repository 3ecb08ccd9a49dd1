"""Bearer tokens of browsers, which can set no header of a WebSocket but its subprotocols.

    Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.<base64url of the token>, v5.channel.k8s.io

Source: apiserver `authentication/request/websocket`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from navarch.base.errors import unauthorized
from navarch.wire.messages import Request
from navarch.wire.websocket import is_websocket, offered_protocols

_HEADER: Final = "sec-websocket-protocol"
_PREFIX: Final = "base64url.bearer.authorization.k8s.io."


def take_token(request: Request) -> str:
    """The token among the subprotocols, empty if there is none. It is taken out: nobody else is to see it.

    Raises: StatusError 401 for one that is no base64url of text, for several, and where no other protocol is left.
    """
    if not is_websocket(request):
        return ""
    offered = offered_protocols(request)
    shown = [name.removeprefix(_PREFIX) for name in offered if name.startswith(_PREFIX)]
    if not shown:
        return ""
    others = [name for name in offered if not name.startswith(_PREFIX)]
    if len(shown) > 1 or not others or "=" in shown[0]:
        raise unauthorized()
    request.headers[_HEADER] = ", ".join(others)
    try:
        return base64.b64decode(shown[0] + "=" * (-len(shown[0]) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized() from None
