"""The TLS context of a server that asks for client certificates, and speaks HTTP/2 with who prefers it."""

from __future__ import annotations

import ssl


def server_context(cert_file: str, key_file: str, client_ca_file: str = "") -> ssl.SSLContext:
    """A context that serves `cert_file`. With `client_ca_file`, clients may show a certificate, and
    one that the authority did not sign ends the handshake; showing none stays allowed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if client_ca_file:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
