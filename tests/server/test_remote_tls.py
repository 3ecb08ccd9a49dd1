"""Which certificate is shown to remotes, and who is trusted."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest

from navarch.base.errors import StatusError
from navarch.server.aggregation import Remote
from navarch.server.remote_tls import RemoteTls

REMOTE = Remote("v1.g", "g", "v1", "ns", "svc", 443, "", True, 100, 100)


def test_a_certificate_that_failed_to_load_is_loaded_again() -> None:
    """A context without it must not be kept: the remote would take every request for an anonymous one."""
    tried: list[ssl.SSLContext] = []

    def identify(context: ssl.SSLContext) -> None:
        tried.append(context)
        if len(tried) == 1:
            raise ssl.SSLError("half written")

    tls = RemoteTls(identify)
    with pytest.raises(ssl.SSLError):
        tls.context(REMOTE)
    assert tls.context(REMOTE) is tls.context(replace(REMOTE, name="v2.g")) is tried[1]
    assert len(tried) == 2


def test_a_bundle_that_is_none_is_an_answer() -> None:
    with pytest.raises(StatusError) as raised:
        RemoteTls(None).context(replace(REMOTE, bundle="QUJD", skip_verify=False))
    assert raised.value.code == 503
