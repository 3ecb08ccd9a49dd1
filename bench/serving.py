"""An API server with a durable store in a process of its own, for benches that measure from outside.

    python -m bench.serving DIRECTORY PORT

Serves TLS with a fresh certificate (DIRECTORY/ca.pem verifies it) and one token, `bench-token`, that may
do everything. Prints `ready` once it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import trustme
import uvloop

from navarch.base import garbage
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.durable import DurableStore
from navarch.wire.http import serve
from navarch.wire.tls import server_context

TOKEN = "bench-token"
USERS = f"{TOKEN},bench,bench-uid,system:masters"


async def main(directory: Path, port: int) -> None:
    garbage.begin()
    seams = real_seams()
    store = DurableStore(directory / "store", seams.clock)
    await store.start()
    authenticator = Authenticator(None, (StaticTokens(parse_token_file([USERS])),))
    server = ApiServer(store, seams, authenticator=authenticator)
    await bootstrap(server, BootstrapConfig())
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    (directory / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (directory / "cert.pem").write_bytes(certificate.cert_chain_pems[0].bytes())
    (directory / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    context = server_context(str(directory / "cert.pem"), str(directory / "key.pem"))
    garbage.settle()
    await serve(server.handle, context, "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
