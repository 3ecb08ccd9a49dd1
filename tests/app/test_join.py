"""Nodes that join: what they believe, how they get their certificates, and that they then are nodes."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from navarch.app import join, join_objects, tokens
from navarch.app.control_plane import serve_settings
from navarch.app.join import Wanted, bootstrap, trusted
from navarch.app.joined import FAKE, Options, _run, own_address
from navarch.app.plane_flags import settings_of
from navarch.app.standalone import make_certificates
from navarch.app.tokens import Administrator, ca_hash
from navarch.base.errors import LaunchError
from navarch.client.http import http_client
from navarch.control.bootstrap_tokens import SIGNATURE, signature
from navarch.launch.output import Output
from navarch.launch.ports import free_port
from navarch.node.podnet import Mode
from tests.control.test_certificates import CA

TOKEN = "abcdef.0123456789abcdef"


def quiet() -> tuple[Output, io.StringIO]:
    said = io.StringIO()
    return Output(said, said, False), said


def info(token: str = TOKEN) -> dict[str, str]:
    kubeconfig = join_objects.cluster_info("https://10.0.0.1:6443", CA)["data"]["kubeconfig"]
    token_id, _, secret = token.partition(".")
    return {"kubeconfig": kubeconfig, SIGNATURE + token_id: signature(kubeconfig, token_id, secret)}


def test_what_is_signed_with_the_token_is_believed() -> None:
    assert trusted(info(), TOKEN, [ca_hash(CA.encode())]) == ("https://10.0.0.1:6443", CA)
    assert trusted(info(), TOKEN, []) == ("https://10.0.0.1:6443", CA)


@pytest.mark.parametrize(
    ("data", "hashes", "message"),
    [
        (info("ffffff.0123456789abcdef"), (), "there is no JWS signed token"),
        (info("abcdef.ffffffffffffffff"), (), "failed to verify JWS signature"),
        (info() | {"kubeconfig": info()["kubeconfig"].replace("10.0.0.1", "6.6.6.6")}, (), "failed to verify"),
        (info(), ("sha256:" + "0" * 64,), "is not pinned"),
    ],
)
def test_all_else_is_not(data: dict[str, str], hashes: tuple[str, ...], message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        trusted(data, TOKEN, hashes)


def test_a_token_is_shown_with_what_it_is_good_for() -> None:
    secret = join_objects.token_secret(TOKEN, 5000.0, "for tests", ("signing",), ())
    shown = tokens.row(secret, 1400.0)
    assert shown == (TOKEN, "1h0m0s", "1970-01-01T01:23:20Z", "signing", "for tests", "<none>")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Administrator]:
    """A control plane of `navarch control-plane`, in this process."""
    port = free_port(0)
    flags = [f"--data-dir={tmp_path}/cp", "--bind-address=127.0.0.1", f"--secure-port={port}"]
    settings = settings_of([*flags, "--cluster-cidr=10.77.0.0/16"])
    config = await asyncio.to_thread(make_certificates, settings)
    ready = asyncio.Event()
    serving = asyncio.create_task(serve_settings(settings, on_ready=ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    yield tokens.administrator(config, "")
    serving.cancel()
    await asyncio.wait([serving])
    await asyncio.sleep(0.2)  # connections say farewell


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.1)


async def test_a_machine_with_a_token_becomes_a_node(
    cluster: Administrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "DISCOVERY_TIMEOUT_S", 5.0)
    out, said = quiet()
    wanted_token = tokens.Wanted(TOKEN, description="for tests")
    assert await asyncio.to_thread(tokens.create, cluster, wanted_token, True, out) == 0
    words = said.getvalue().split()
    assert words[:3] == ["navarch", "node", "join"]
    address, found = words[3], words[7]
    await asyncio.to_thread(tokens.list_tokens, cluster, out)
    assert "for tests" in said.getvalue()

    node = Wanted(address, TOKEN, (found,), "worker-1")
    options = Options(node, tmp_path / "worker", FAKE, "127.0.0.1", Mode.NONE)
    joining = asyncio.create_task(_run(options, out))
    context = ssl.create_default_context(cafile=cluster.authority)
    context.load_cert_chain(cluster.certificate, cluster.key)
    client = http_client(cluster.server, context)
    try:

        async def runs() -> bool:
            assert not joining.done(), joining
            pods = json.loads(await client.request("GET", "/api/v1/namespaces/default/pods"))["items"]
            return len(pods) == 1 and pods[0]["status"].get("phase") == "Running"

        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}

        async def account() -> bool:
            accounts = json.loads(await client.request("GET", "/api/v1/namespaces/default/serviceaccounts"))
            return bool(accounts["items"])

        await eventually(account)
        await client.request("POST", "/api/v1/namespaces/default/pods", body=json.dumps(pod).encode())
        await eventually(runs)
        tree = json.loads(await client.request("GET", "/api/v1/nodes/worker-1"))
        assert tree["spec"]["podCIDR"].startswith("10.77.")
        requests = json.loads(await client.request("GET", "/apis/certificates.k8s.io/v1/certificatesigningrequests"))
        assert {r["spec"]["username"] for r in requests["items"]} == {"system:bootstrap:abcdef", "system:node:worker-1"}
        # The API server reaches the kubelet where the node says.
        assert await client.request("GET", "/api/v1/namespaces/default/pods/p/log") == b""
    finally:
        joining.cancel()
        await asyncio.wait([joining])

    # What it has it keeps: no token is needed to come back.
    again = await bootstrap(Wanted(address, "", (), "worker-1"), tmp_path / "worker" / "pki")
    assert again.server == cluster.server
    # A token that was taken back lets nobody in.
    await asyncio.to_thread(tokens.delete, cluster, ["abcdef"], out)

    async def unsigned() -> bool:
        raw = await client.request("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info")
        return set(json.loads(raw)["data"]) == {"kubeconfig"}

    await eventually(unsigned)
    late = Wanted(address, TOKEN, (found,), "worker-2")
    with pytest.raises(LaunchError, match="there is no JWS signed token"):
        await bootstrap(late, tmp_path / "late")
    assert not (tmp_path / "late").exists()
    await client.close()


def test_a_machine_knows_its_address_towards_the_server() -> None:
    assert own_address("https://127.0.0.1:6443") == "127.0.0.1"
