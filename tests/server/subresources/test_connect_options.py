"""What admission is shown of a connection."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.server.subresources.relay import connect_options
from navarch.wire.messages import RequestInfo


@pytest.mark.parametrize(
    ("subresource", "query", "options"),
    [
        ("attach", "stdin=true&container=container1", {"stdin": True, "container": "container1"}),
        ("attach", "container=1", {"container": "1"}),
        ("exec", "command=sh&command=-c&tty=false", {"command": ["sh", "-c"], "tty": False}),
        ("portforward", "ports=80,443&ports=8080", {"ports": [80, 443, 8080]}),
        ("log", "tailLines=5&follow=1", {"tailLines": 5, "follow": True}),
    ],
)
def test_options_have_their_types(subresource: str, query: str, options: dict[str, Any]) -> None:
    info = RequestInfo("create", True, "", "v1", "pods", subresource, "default", "p")
    found = connect_options("Pod", info, query)
    names = {"attach": "Attach", "exec": "Exec", "portforward": "PortForward", "log": "Log"}
    assert found == {"kind": f"Pod{names[subresource]}Options", "apiVersion": "v1", **options}


def test_proxies_are_shown_with_their_path() -> None:
    info = RequestInfo("get", True, "", "v1", "services", "proxy", "default", "web", "/a/b")
    assert connect_options("Service", info, "x=y") == {
        "kind": "ServiceProxyOptions",
        "apiVersion": "v1",
        "path": "/a/b",
    }
