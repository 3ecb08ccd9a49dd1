"""TLS towards aggregated API servers: whom to trust, and the certificate that the front proxy shows.

Called by `aggregator.py`. Source: kube-aggregator (proxy handler); apiregistration v1 (caBundle).
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable

from navarch.base.errors import StatusError
from navarch.server.aggregation import Remote

#: Loads the front proxy's client certificate. Raises: OSError.
Identify = Callable[[ssl.SSLContext], None]


class RemoteTls:
    """Contexts by what the remotes are trusted for, kept once they are whole. None sends no certificate."""

    def __init__(self, identify: Identify | None) -> None:
        self._identify = identify
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def context(self, remote: Remote) -> ssl.SSLContext:
        """Raises: StatusError 503 for a bundle that is none, OSError for a certificate that does not load."""
        key = (remote.bundle, remote.skip_verify)
        if key not in self._contexts:
            context = _trusting(remote)
            if self._identify is not None:
                self._identify(context)
            self._contexts[key] = context
        return self._contexts[key]


def _trusting(remote: Remote) -> ssl.SSLContext:
    """Trust in the bundle, in anybody, or in the system's authorities."""
    if remote.skip_verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not remote.bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(remote.bundle).decode())
    except (ValueError, ssl.SSLError) as error:
        text = f"unable to load root certificates: {error}"
        raise StatusError(503, "ServiceUnavailable", text) from None
