"""The claims of a cluster on the machine's ports, towards a kernel in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import orjson

from navarch.app.node_ports import RETRY_S, SERVICES, NodePorts
from navarch.client.recorder import EVENTS
from navarch.launch.drivers import hostports
from navarch.launch.drivers.hostports import Port
from navarch.proxy.tables import ApplyError
from navarch.schema.types import Tree
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

MINE, OTHER = "192.168.49.2", "192.168.58.2"
WEB = Port("tcp", 30080)


class Kernel:
    """The shared map, None where the table is not there."""

    def __init__(self) -> None:
        self.ports: dict[Port, str] | None = None

    def __call__(self, text: str) -> str:
        if text == hostports.CREATION:
            self.ports = self.ports or {}
            return ""
        if self.ports is None:
            raise ApplyError("No such file or directory")
        if text == hostports.LISTING:
            return ", ".join(f"{port.protocol} . {port.number} : {ip}" for port, ip in self.ports.items())
        after = dict(self.ports)
        for verb, protocol, number, ip in re.findall(r"(create|delete) .*{ (\w+) \. (\d+)(?: : ([0-9.]+))? }", text):
            port = Port(protocol, int(number))
            if (verb == "create") == (port in after):
                raise ApplyError(f"{verb} {port}")
            if verb == "create":
                after[port] = ip
            else:
                del after[port]
        self.ports = after
        return ""


def service(name: str, *ports: int) -> Tree:
    listed = [{"port": 80, "protocol": "TCP", "nodePort": port} for port in ports]
    spec = {"type": "NodePort", "ports": [*listed, {"port": 81, "protocol": "TCP"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


class Setting:
    def __init__(self) -> None:
        self.seams = seeded(1)
        self.api = FakeApi(self.seams)
        self.kernel = Kernel()
        self.listening: set[Port] = set()

    async def told(self) -> list[str]:
        return [orjson.loads(item)["message"] for item in (await self.api.list(EVENTS)).items]


def play(body: Callable[[Setting], Awaitable[None]]) -> None:
    async def main() -> None:
        setting = Setting()
        ports = NodePorts(setting.api, setting.seams, MINE, setting.kernel, lambda: setting.listening)
        task = asyncio.create_task(ports.run())
        try:
            await body(setting)
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.wait([task])

    run(main())


def test_ports_follow_the_services() -> None:
    async def body(s: Setting) -> None:
        await s.api.create(SERVICES, service("web", 30080, 30081), "default")
        await asyncio.sleep(0.1)
        assert s.kernel.ports == {WEB: MINE, Port("tcp", 30081): MINE}
        await s.api.delete(SERVICES, "web", "default")
        await asyncio.sleep(0.1)
        assert s.kernel.ports == {}

    play(body)


def test_a_port_of_another_cluster_is_told_once_and_taken_when_it_is_free() -> None:
    async def body(s: Setting) -> None:
        s.kernel.ports = {WEB: OTHER}
        await s.api.create(SERVICES, service("web", 30080), "default")
        await asyncio.sleep(3 * RETRY_S)
        assert s.kernel.ports == {WEB: OTHER}
        (message,) = await s.told()
        assert message == (
            "127.0.0.1:30080/TCP belongs to another cluster, whose node is 192.168.58.2; "
            "this service answers at 192.168.49.2:30080"
        )
        s.kernel.ports = {}
        await asyncio.sleep(2 * RETRY_S)
        assert s.kernel.ports == {WEB: MINE}

    play(body)


def test_a_table_that_was_taken_away_is_made_again() -> None:
    async def body(s: Setting) -> None:
        await s.api.create(SERVICES, service("web", 30080), "default")
        await asyncio.sleep(0.1)
        s.kernel.ports = None
        await s.api.create(SERVICES, service("more", 30081), "default")
        await asyncio.sleep(0.1)
        assert s.kernel.ports == {WEB: MINE, Port("tcp", 30081): MINE}

    play(body)
