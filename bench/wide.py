"""What bodies of 3 MiB with a million elements cost the server: CPU time and memory, until they are refused.

python -m bench.wide            all of them, each in a process of its own
python -m bench.wide webhooks   one
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from typing import Any, Final

import orjson

from bench.machinery import serving
from navarch.client import identities
from navarch.wire.messages import Request

MILLION: Final = 1_000_000
_CORE = "/api/v1/namespaces/default"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_POD = b'{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i",$}]}}'
_TEMPLATE = b'"template":{"spec":{"containers":[{}]}}'
#: Path, the body around the elements, one element (`#` is its number), how many there are, and the goal (seconds).
_BODIES: Final[dict[str, tuple[str, bytes, bytes, int, float]]] = {
    "containers": (f"{_CORE}/pods", b'{"metadata":{"name":"a"},"spec":{"containers":[@]}}', b"{}", MILLION, 10),
    "variables": (f"{_CORE}/pods", _POD.replace(b"$", b'"env":[@]'), b"{}", MILLION, 3),
    "owners": (f"{_CORE}/configmaps", b'{"metadata":{"name":"a","ownerReferences":[@]}}', b"{}", MILLION, 3),
    "labels": (f"{_CORE}/configmaps", b'{"metadata":{"name":"a","labels":{@}}}', b'"-#":""', 250_000, 3),
    "selector": (
        "/apis/apps/v1/namespaces/default/deployments",
        b'{"metadata":{"name":"a"},"spec":{"selector":{"matchExpressions":[@]},' + _TEMPLATE + b"}}",
        b"{}",
        MILLION,
        3,
    ),
    "webhooks": (
        f"{_ADMISSION}/validatingwebhookconfigurations",
        b'{"metadata":{"name":"a"},"webhooks":[@]}',
        b"{}",
        MILLION,
        5,
    ),
    "versions": (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        b'{"metadata":{"name":"a.b.c"},"spec":{"group":"b.c","versions":[@]}}',
        b"{}",
        MILLION,
        3,
    ),
}


async def measure(name: str) -> None:
    path, around, form, count, goal = _BODIES[name]
    elements = b",".join(form.replace(b"#", b"%x" % number) for number in range(count))
    body = around.replace(b"@", elements)
    async with serving() as server:
        await send(server, f"{_CORE}/serviceaccounts", orjson.dumps({"metadata": {"name": "default"}}))
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        status = await send(server, path, body)
        seconds = time.process_time() - began
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    print(
        f"{name:<12} {len(body) / 1e6:4.1f} MB  {status}  {seconds:6.2f} s <= {goal:g}  {grown_mb:7.0f} MB", flush=True
    )


async def send(server: Any, path: str, body: bytes) -> int:
    headers = {"user-agent": "bench/1", "content-type": "application/json"}
    answer = await server.handle_as(Request("POST", path, headers=headers, body=body, user=identities.ADMIN))
    return int(answer.status)


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(measure(sys.argv[1]))
        return
    for name in _BODIES:
        subprocess.run([sys.executable, "-m", "bench.wide", name], check=True)


if __name__ == "__main__":
    main()
