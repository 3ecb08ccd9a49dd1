"""Three control planes on three etcd members, as the launcher starts them: what fails, and what then goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from navarch.app.main import main
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client, Unreachable, revision_of
from navarch.client.http import http_client
from navarch.launch.drivers import process
from navarch.launch.planes import CONTROL_PLANE, ETCD
from navarch.launch.profile import Home, Profile

CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", True)
NODES = Resource("", "v1", "nodes", "Node", False)
#: So that a test need not wait as long as a user would.
SHORT = tuple(
    f"--extra-config=controller-manager.leader-elect-{name}"
    for name in ("lease-duration=3s", "renew-deadline=2s", "retry-period=500ms")
)


class Ha:
    """The running cluster, and ways to hurt it."""

    def __init__(self, home: Home) -> None:
        profile = home.load("navarch")
        assert profile is not None
        self.profile: Profile = profile
        self.directory = home.directory("navarch")
        pki = self.directory / "pki"
        self.tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self.tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._clients: dict[str, Client] = {}

    def client(self, plane: int | None = None) -> Client:
        """Towards one of the control planes, or whoever stands before them."""
        host = self.profile.host if plane is None else self.profile.plane_host(plane)
        if host not in self._clients:
            self._clients[host] = http_client(f"https://{host}:{self.profile.port}", self.tls)
        return self._clients[host]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        await asyncio.sleep(0.1)  # connections say farewell

    def kill(self, plane: int, service: str) -> None:
        """As a crash would. What looks after it starts it again a second later."""
        for each in self._processes(plane, service):
            each.kill(signal.SIGKILL)

    def stop(self, plane: int, service: str) -> None:
        """For good: what looks after it goes first."""
        running = self._processes(plane, service)
        loop = process.load(self._place(plane) / f"{service}.pid")
        assert loop is not None
        for each in (loop, *running):
            each.kill(signal.SIGKILL)

    def _place(self, plane: int) -> Path:
        return self.directory if plane == 0 else self.directory / "control-planes" / self.profile.plane_name(plane)

    def _processes(self, plane: int, service: str) -> list[process.Process]:
        loop = process.load(self._place(plane) / f"{service}.pid")
        assert loop is not None
        return process.children([loop.pid])


@pytest.fixture
async def ha(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ha]:
    if not os.access("/usr/bin/etcd", os.X_OK):
        pytest.skip("NOT TESTED: there is no etcd (Debian: etcd-server)")
    monkeypatch.setenv("NAVARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    try:
        assert await navarch("start", "--driver=fake", "--ha", "--no-install", *SHORT) == 0
        made = Ha(Home(tmp_path / "home"))
        yield made
        await made.close()
    finally:
        await navarch("delete", "--all", "--purge")
    assert not process.with_argument([str(tmp_path / "home" / "profiles" / "navarch")])
    assert not (tmp_path / "home").exists()


async def navarch(*words: str) -> int:
    return await asyncio.to_thread(main, list(words))


async def retried(call: Callable[[], Awaitable[bytes]]) -> bytes:
    """What a client that tries again gets in the end; 404 and 409 are answers."""
    while True:
        try:
            return await call()
        except Unreachable:
            pass
        except StatusError as error:
            if error.code < 500:
                raise
        await asyncio.sleep(0.05)


async def until(condition: Callable[..., Awaitable[bool]], *arguments: object) -> None:
    async with asyncio.timeout(40):
        while not await condition(*arguments):  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.1)


async def holder(client: Client, name: str) -> str:
    raw = await retried(lambda: client.get(LEASES, name, "kube-system"))
    return str(json.loads(raw)["spec"].get("holderIdentity", ""))


@asynccontextmanager
async def load(ha: Ha) -> AsyncIterator[tuple[list[str], list[str]]]:
    """Writers and a watcher, all through the front: what was acknowledged, and what the watcher was told."""
    acknowledged: list[str] = []
    told: list[str] = []

    async def write(writer: int) -> None:
        client, number = ha.client(), 0
        while True:
            name = f"w{writer}-{number}"
            try:
                await retried(lambda name=name: client.create(CONFIGMAPS, {"metadata": {"name": name}}, "default"))
            except StatusError as error:
                assert error.reason == "AlreadyExists", error  # a try that was not answered
            acknowledged.append(name)
            number += 1

    async def watch() -> None:
        client = ha.client()
        page = await client.list(CONFIGMAPS, "default")
        after = page.revision
        while True:
            try:
                async for batch in client.watch(CONFIGMAPS, "default", after=after):
                    for event in batch:
                        after = revision_of(event.raw)
                        if event.type == "ADDED":
                            told.append(json.loads(event.raw)["metadata"]["name"])
            except Unreachable:
                pass
            except StatusError as error:
                assert error.code >= 500, error  # never 410: no server forgets what it was told
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(work) for work in (watch(), *(write(n) for n in range(4)))]
    try:
        await until(_more, told, 20)
        yield acknowledged, told
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def _more(found: list[str], than: int) -> bool:
    return len(found) > than


async def test_nothing_that_was_acknowledged_is_lost_whoever_dies(ha: Ha) -> None:
    client = ha.client()
    before = json.loads(await client.get(NODES, "navarch"))
    assert before["status"]["conditions"]
    async with load(ha) as (acknowledged, told):
        for plane in range(3):
            for service in (CONTROL_PLANE, ETCD):
                seen = len(acknowledged)
                ha.kill(plane, service)
                # The load goes on, and with it the watch.
                await until(_more, acknowledged, seen + 50)
                await until(_more, told, seen)
                await until(_ready, ha, plane)
    page = await client.list(CONFIGMAPS, "default")
    names = {json.loads(raw)["metadata"]["name"] for raw in page.items}
    assert set(acknowledged) <= names
    assert len(told) == len(set(told)) and set(told) <= names


async def _ready(ha: Ha, plane: int) -> bool:
    try:
        await ha.client(plane).request("GET", "/readyz")
    except (StatusError, Unreachable):
        return False
    return True


async def test_another_leads_when_the_leader_is_gone_and_its_work_goes_on(ha: Ha) -> None:
    client = ha.client()
    names = ("kube-controller-manager", "kube-scheduler")
    await until(_all_held, client, names)
    leaders = {name: await holder(client, name) for name in names}
    planes = [ha.profile.plane_name(number) for number in range(3)]
    for plane in {planes.index(each.partition("_")[0]) for each in leaders.values()}:
        ha.stop(plane, CONTROL_PLANE)
    await until(_all_held, client, names, leaders)
    tree = {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }
    deployments = Resource("apps", "v1", "deployments", "Deployment", True)
    await retried(lambda: client.create(deployments, tree, "default"))

    async def available() -> bool:
        raw = await retried(lambda: client.get(deployments, "web", "default"))
        return json.loads(raw)["status"].get("availableReplicas") == 2

    await until(available)


async def _all_held(client: Client, names: tuple[str, ...], other_than: dict[str, str] | None = None) -> bool:
    try:
        held = {name: await holder(client, name) for name in names}
    except StatusError:
        return False
    return all(held.values()) and all(held[name] != old for name, old in (other_than or {}).items())


async def test_without_quorum_the_servers_say_so_and_come_back(ha: Ha, capsys: pytest.CaptureFixture[str]) -> None:
    client = ha.client()
    for member in (1, 2):
        ha.stop(member, ETCD)

    async def unready() -> bool:
        return not any([await _ready(ha, plane) for plane in range(3)])

    await until(unready)
    with pytest.raises(StatusError) as refused:
        await client.create(CONFIGMAPS, {"metadata": {"name": "x"}}, "default")
    assert (refused.value.code, refused.value.reason) == (503, "ServiceUnavailable")
    assert "has it a leader" in refused.value.message
    with pytest.raises(StatusError) as refused:
        await client.request("GET", "/readyz/etcd")
    assert refused.value.code == 500
    # What a server holds in memory can still be read by who does not ask for the newest.
    page = await client.list(NODES, resource_version="0")
    assert len(page.items) == 3
    capsys.readouterr()
    assert await navarch("status") & 2
    assert "apiserver: Error" in capsys.readouterr().out
    assert await navarch("start") == 0
    await until(_ready, ha, 0)
    await retried(lambda: client.create(CONFIGMAPS, {"metadata": {"name": "y"}}, "default"))


async def test_a_stop_hands_over_and_a_start_finds_all_again(ha: Ha) -> None:
    await ha.client().create(CONFIGMAPS, {"metadata": {"name": "kept"}}, "default")
    await until(_all_held, ha.client(), ("kube-scheduler",))
    before = await holder(ha.client(), "kube-scheduler")
    assert await navarch("stop") == 0
    assert await navarch("status") == 7
    assert await navarch("start") == 0
    assert await navarch("status") == 0
    await ha.client().get(CONFIGMAPS, "kept", "default")
    await until(_all_held, ha.client(), ("kube-scheduler",), {"kube-scheduler": before})
