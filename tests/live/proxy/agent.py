"""Proxy and DNS as a node's agent runs them, on a small API in memory. Started by `test_agent.py` in a namespace.

Commands on standard input, one per line: `endpoints IP...` sets those of service echo (UDP 7). After each it
prints `done` once the kernel has it.
"""

from __future__ import annotations

import asyncio
import sys

from navarch.dns.config import DnsConfig
from navarch.dns.run import Dns
from navarch.proxy.apply import NftApplier
from navarch.proxy.config import ProxyConfig
from navarch.proxy.run import ENDPOINTSLICES, SERVICES, Proxy, network_of
from navarch.schema.types import Tree
from navarch.seams.real import real_seams
from tests.fakes.api import FakeApi


def echo_slice(ips: list[str]) -> Tree:
    return {
        "metadata": {"name": "echo-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "echo"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "nodeName": "n1", "conditions": {"ready": True}} for ip in ips],
        "ports": [{"port": 7777, "protocol": "UDP"}],
    }


async def main(node_ip: str) -> None:
    seams = real_seams()
    api = FakeApi(seams)
    spec = {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": [{"port": 7, "protocol": "UDP"}]}
    await api.create(SERVICES, {"metadata": {"name": "echo"}, "spec": spec}, "default")
    await api.create(ENDPOINTSLICES, echo_slice([]), "default")
    config = ProxyConfig("n1", pod_cidrs=("10.77.0.0/24",), remove_on_stop=True)
    proxy = Proxy(api, seams, config, NftApplier(network_of(config)))
    dns = Dns(api, seams, DnsConfig("n1", listen=(node_ip,), hosts={"host.navarch.internal": ("192.0.2.9",)}))
    tasks = [asyncio.create_task(proxy.run()), asyncio.create_task(dns.run())]
    await proxy.synced.wait()
    await dns.ready.wait()
    await asyncio.sleep(0.3)
    print("up", flush=True)
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        await api.update(ENDPOINTSLICES, echo_slice(line[1:]))
        await asyncio.sleep(0.3)
        print("done", flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    print("ended", flush=True)


asyncio.run(main(sys.argv[1]))
