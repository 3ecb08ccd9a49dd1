"""What kubectl's command suite is run against: `python -m tests.kubectl.server DIRECTORY [--all-plugins]`.

An API server behind TLS with RBAC and a static token file, and all controllers; no scheduler, and no kubelet
behind the one node. Certificates go to DIRECTORY/pki. Prints its port on the first line and serves until its
standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import sys
from pathlib import Path

from navarch.client import identities
from navarch.client.contract import Client
from navarch.client.direct import direct_client
from navarch.control.certificate_signing import Authority
from navarch.control.collectors import run_controllers
from navarch.control.config import Config
from navarch.schema.types import Tree
from navarch.seams.real import real_seams
from navarch.server.admission.chain import PLUGINS
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.of_store import service_account_tokens
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.certificates import cluster_certificates, ensure
from navarch.wire.http import serve
from navarch.wire.messages import User
from navarch.wire.tls import server_context

SERVICE_CIDR = "10.0.0.0/24"
NODE = "127.0.0.1"
#: Behind the service of the API; nobody calls it there.
ADDRESS = "192.0.2.1"
#: So that a pod in a file is the pod that is stored.
DISABLED = ("ServiceAccount", "DefaultTolerationSeconds", "DefaultStorageClass", "StorageObjectInUseProtection")
TOKENS = ('admin-token,admin,1,"system:masters"', "alice-token,alice,2,dev")


async def run(directory: Path, all_plugins: bool) -> None:
    pki = directory / "pki"
    wanted = cluster_certificates(("10.0.0.1",), ())
    ensure(pki, wanted, datetime.datetime.now(datetime.UTC))
    seams = real_seams()
    store = MemoryStore()
    await store.start()
    tokens = service_account_tokens(store, (pki / "sa.key").read_bytes(), seams.clock)
    authenticator = Authenticator(tokens, (StaticTokens(parse_token_file(TOKENS)),))
    plugins = PLUGINS if all_plugins else tuple(plugin for plugin in PLUGINS if plugin.name not in DISABLED)
    config = ServerConfig(service_cidrs=(SERVICE_CIDR,), plugins=plugins)
    server = ApiServer(store, seams, config, authenticator=authenticator, tokens=tokens)
    await bootstrap(server, BootstrapConfig(service_cidrs=(SERVICE_CIDR,), address=ADDRESS))

    def client(agent: str, user: User) -> Client:
        return direct_client(server.handle_as, user, agent)

    nodes = next(s.resource for s in server.resources if s.resource.plural == "nodes")
    await client("setup", identities.ADMIN).create(nodes, _node())
    agent = "kube-controller-manager"
    control = asyncio.create_task(
        run_controllers(
            client(agent, identities.CONTROLLER_MANAGER),
            seams,
            _config(server, pki),
            client_for=lambda name: client(agent, identities.controller(name)),
        )
    )
    context = server_context(str(pki / "apiserver.crt"), str(pki / "apiserver.key"), str(pki / "ca.crt"))
    listening = await serve(server.handle, context, "127.0.0.1", 0)
    print(listening.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    control.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await control
    await listening.close(0.1)


def _node() -> Tree:
    """With an annotation, so that there is a field to be tracked: of what nobody owns, nobody is noted later."""
    annotations = {"save-managers": "true"}
    return {"metadata": {"name": NODE, "annotations": annotations}, "status": {"capacity": {"memory": "1Gi"}}}


def _config(server: ApiServer, pki: Path) -> Config:
    resources = tuple(
        served.resource
        for served in server.resources
        if served.builtin and {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )
    authority = Authority((pki / "ca.crt").read_text(), (pki / "ca.key").read_text())
    return Config(
        resources=resources,
        root_ca=(pki / "ca.crt").read_text(),
        cluster_cidrs=(),
        # Nobody speaks for the node: what is known of it then comes soon.
        node_grace_s=1.0,
        sign=authority.sign,
    )


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), "--all-plugins" in sys.argv[2:]))
