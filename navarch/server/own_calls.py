"""The server's calls to itself through its own API: what it writes is defaulted, admitted and judged as anybody's.

Called by `bootstrap.py` and `identity_lease.py`. Never for users.
"""

from __future__ import annotations

import orjson

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.server.app import ApiServer
from navarch.server.own_writes import API_SERVER
from navarch.wire.messages import Request, Response


async def call(server: ApiServer, method: str, path: str, tree: Tree | None = None) -> Response:
    """A PATCH is an apply."""
    body = orjson.dumps(tree) if tree is not None else b""
    path, _, query = path.partition("?")
    media = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
    headers = {"user-agent": "kube-apiserver", "content-type": media}
    return await server.handle_as(Request(method, path, query, headers=headers, body=body, user=API_SERVER))


def check(response: Response) -> None:
    """Raises: StatusError for an answer that says no."""
    if response.status >= 400:
        status = orjson.loads(response.body)
        raise StatusError(response.status, status.get("reason", ""), f"bootstrap: {status.get('message')}")


async def ensure(server: ApiServer, path: str, wanted: Tree) -> None:
    """Create the object unless it exists; what an administrator made of it stays. Raises: StatusError."""
    there = f"{path.partition('?')[0]}/{wanted['metadata']['name']}"
    if (await call(server, "GET", there)).status != 404:
        return
    response = await call(server, "POST", path, wanted)
    if response.status >= 400 and (await call(server, "GET", there)).status == 404:
        # Not even another server that begins on the same store has made it.
        check(response)


async def put(server: ApiServer, path: str, wanted: Tree) -> None:
    """Create the object, or make it what it should be. Raises: StatusError."""
    name = wanted["metadata"]["name"]
    response = await call(server, "GET", f"{path}/{name}")
    if response.status == 404:
        check(await call(server, "POST", path, wanted))
    else:
        check(await call(server, "PUT", f"{path}/{name}", wanted))
