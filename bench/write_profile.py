"""Where the time of a pod's creation goes: the parts of the write path, under the profiler.

    python -m bench.write_profile [--pods 1500]

In process, without a wire, the store in memory. Prints each part's share of the whole; the profiler makes
many small calls look dearer than they are. Called by nobody; docs/performance.md quotes it.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import time

import orjson

from bench.api import pod
from navarch.client import identities
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.messages import Request

#: (part, file, function) of what is timed, and what that buys.
PARTS = (
    ("validation", "validation/objects.py", "create_errors"),
    ("decode, normal form, defaults", "server/bodies.py", "decode"),
    ("managed fields", "schema/managed_fields.py", "on_update"),
    ("mutating admission", "admission/contract.py", "admit"),
    ("validating admission", "admission/contract.py", "validate"),
    ("prepare", "core/pod_prepare.py", "prepare_pod"),
    ("store and index", "store/memory.py", "put"),
    ("filters", "filters/__init__.py", "admit"),
)


async def server() -> ApiServer:
    store = MemoryStore()
    await store.start()
    made = ApiServer(store, real_seams())
    await bootstrap(made, BootstrapConfig())
    account = orjson.dumps({"metadata": {"name": "default"}})
    await made.handle_as(request("/api/v1/namespaces/default/serviceaccounts", account))
    return made


def request(path: str, body: bytes) -> Request:
    return Request("POST", path, headers={"user-agent": "bench/1.0"}, body=body, user=identities.ADMIN)


async def create(target: ApiServer, first: int, count: int) -> float:
    """CPU microseconds per pod."""
    bodies = [orjson.dumps(pod(f"p{n}")) for n in range(first, first + count)]
    began = time.process_time()
    for body in bodies:
        response = await target.handle_as(request("/api/v1/namespaces/default/pods", body))
        assert response.status == 201, response.body
    return (time.process_time() - began) / count * 1e6


async def main(pods: int) -> None:
    target = await server()
    plain = await create(target, 0, pods)
    profile = cProfile.Profile()
    profile.enable()
    await create(target, pods, pods)
    profile.disable()
    times = {(file, function): row[3] for (file, _, function), row in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]
    whole = next(
        t for (file, function), t in times.items() if file.endswith("server/app.py") and function == "handle_as"
    )
    print(f"create of a pod: {plain:.0f} us CPU without the profiler")
    rest = 1.0
    for part, file, function in PARTS:
        share = sum(t for (f, name), t in times.items() if f.endswith(file) and name == function) / whole
        rest -= share
        print(f"  {part:32}{share:6.0%}")
    print(f"  {'the rest':32}{rest:6.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=1500)
    asyncio.run(main(parser.parse_args().pods))
