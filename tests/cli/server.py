"""An API server with controllers and without nodes, in a process of its own: `python -m tests.cli.server`.

Prints its port on the first line and serves until its standard input ends. Set up as the recorded server
was, so that recorded commands can be run against it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from navarch.api.catalog import KINDS
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.client.rest import RestClient
from navarch.control.catalog import controllers
from navarch.control.config import Config
from navarch.control.runner import ControlPlane
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.keys import generate_key
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.http import serve
from tests.corpus.replay import ISSUER, NAMESPACES, TOKENS

#: Controllers that did not run when the answers were recorded.
NOT_RECORDED = ("node-controller", "pod-garbage-collector")
ROOT_CA = "-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n"


async def run() -> None:
    store = MemoryStore()
    await store.start()
    seams = real_seams()

    def lookup(resource: str, namespace: str, name: str) -> dict[str, object] | None:
        import json

        entry = store.index.get(f"{resource}/{namespace}/{name}" if namespace else f"{resource}/{name}")
        return json.loads(entry.value)["metadata"] if entry else None

    tokens = ServiceAccountTokens(ISSUER, generate_key(), (), (ISSUER,), lookup, seams.clock.now)
    static = StaticTokens(parse_token_file(TOKENS.splitlines()))
    authenticator = Authenticator(tokens, (static,) if callable(static) else (static.identify,))
    # No metrics server ran there.
    kinds = tuple(kind for kind in KINDS if kind.group != "metrics.k8s.io")
    config = ServerConfig(service_cidrs=("10.96.0.0/16",), kinds=kinds)
    server = ApiServer(store, seams, config, authenticator=authenticator, tokens=tokens)
    await bootstrap(server, BootstrapConfig(service_cidrs=config.service_cidrs))
    admin = direct_client(server.handle_as, identities.ADMIN, "setup")
    namespaces = next(s.resource for s in server.resources if s.resource.plural == "namespaces")
    for name in NAMESPACES:
        await admin.create(namespaces, {"metadata": {"name": name}})
    control = asyncio.create_task(_control(server, seams).run())
    listening = await serve(server.handle, None, "127.0.0.1", 0)
    print(listening.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    control.cancel()
    await listening.close(0.1)


def _control(server: ApiServer, seams: object) -> ControlPlane:
    resources = tuple(
        served.resource
        for served in server.resources
        if {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )

    def client_for(name: str) -> RestClient:
        return direct_client(server.handle_as, identities.controller(name), "kube-controller-manager")

    client = direct_client(server.handle_as, identities.CONTROLLER_MANAGER, "kube-controller-manager")
    config = Config(resources=resources, root_ca=ROOT_CA)
    running = [each for each in controllers(config) if each.name not in NOT_RECORDED]
    return ControlPlane(client, seams, running, client_for=client_for)  # type: ignore[arg-type]


KUBECONFIG = """apiVersion: v1
clusters:
- cluster:
    certificate-authority: {authority}
    server: {server}
  name: gold
contexts:
- context:
    cluster: gold
    namespace: kc
    user: alice
  name: alice
- context:
    cluster: gold
    namespace: kc
    user: admin
  name: gold
current-context: gold
kind: Config
preferences: {{}}
users:
- name: admin
  user:
    token: peer-admin-token
- name: alice
  user:
    token: alice-token
"""


@contextmanager
def running(directory: Path) -> Iterator[str]:
    """A running server; the directory gets `kubeconfig` and `kubeconfig2`. Gives the server's address."""
    command = [sys.executable, "-m", "tests.cli.server"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        address = f"http://127.0.0.1:{int(child.stdout.readline())}"
        (directory / "pki").mkdir()
        (directory / "pki" / "ca.crt").write_text(ROOT_CA)
        for name in ("kubeconfig", "kubeconfig2"):
            (directory / name).write_text(KUBECONFIG.format(server=address, authority=directory / "pki" / "ca.crt"))
        try:
            yield address
        finally:
            child.stdin.close()
            child.wait(10)


if __name__ == "__main__":
    asyncio.run(run())
