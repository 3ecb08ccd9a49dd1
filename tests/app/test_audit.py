"""Where a kubeconfig says that audit events go."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.app.audit import post_of
from navarch.base.errors import UsageError
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response

CONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d/events?a=b"}}]
users: [{name: u, user: {tokenFile: token}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


async def test_events_are_posted_where_the_kubeconfig_says(tmp_path: Path) -> None:
    asked: list[Request] = []

    async def answer(request: Request) -> Response:
        asked.append(request)
        return Response(202)

    server = await serve(answer, None, "127.0.0.1", 0)
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "config").write_text(CONFIG % server.port)
    post = post_of(tmp_path / "config")
    assert await post(b"{}") == 202
    await server.close(0)
    (request,) = asked
    assert (request.method, request.path, request.query, request.body) == ("POST", "/events", "a=b", b"{}")
    assert request.headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize("text", ["", "clusters: []", CONFIG.replace("current-context: x", "current-context: y")])
def test_files_that_say_nothing_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(UsageError, match="no kubeconfig that says whom to tell"):
        post_of(tmp_path / "config")
