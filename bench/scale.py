"""What requests cost with few and with many objects in the store: they must cost the same.

    python -m bench.scale [--many 100000] [--only list-label,get]

In process, without a wire. Two servers, one with 1,000 pods beside those that are asked for, one with
100,000; each operation is timed on both in turn. CPU microseconds, the least of several runs. A list
costs what it returns: 10 pods here, by namespace, label or field. Last, what the first of its kind took among the
many, when nothing was looked up yet, and for how long at a time it held the event loop (goal: 20 ms). Then lists of
all, in every form.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import pairwise

from bench.memory import ask, pod
from bench.write_profile import request, server
from navarch.base import garbage
from navarch.client import identities
from navarch.server.app import ApiServer
from navarch.store.contract import Entry
from navarch.wire.messages import Request

FEW = 1_000
RUNS = 7
PODS = "/api/v1/namespaces/default/pods"
ALL = "/api/v1/pods"
MERGE = "application/merge-patch+json"


def get(path: str, query: str = "") -> Request:
    return Request("GET", path, query, user=identities.ADMIN)


def operations() -> dict[str, Callable[[int], Request]]:
    """By name, what makes the i-th request. Ten pods are in namespace `few`, on node `few`, with label few=yes."""

    def listed(path: str, query: str = "") -> Callable[[int], Request]:
        return lambda _: get(path, query)

    return {
        "get": lambda i: get(f"{PODS}/app-{i % FEW:06}"),
        "create": lambda i: request("POST", PODS, pod(500_000 + i, 100)),
        "patch-label": lambda i: request("PATCH", f"{PODS}/app-{i % FEW:06}", labelled(i), media=MERGE),
        "list-namespace": listed("/api/v1/namespaces/few/pods"),
        "list-label": listed(ALL, "labelSelector=few%3Dyes"),
        "list-label-in": listed(ALL, "labelSelector=few%20in%20(yes,maybe),tier"),
        "list-label-exists": listed(ALL, "labelSelector=few"),
        "list-node": listed(ALL, "fieldSelector=spec.nodeName%3Dfew"),
        "list-phase": listed(ALL, "fieldSelector=status.phase%3DFailed"),
        "list-name": listed(ALL, "fieldSelector=metadata.name%3Dfew-1"),
        "list-phase-not": listed(ALL, "fieldSelector=status.phase!%3DRunning&limit=10"),
        "list-common-page": listed(ALL, "labelSelector=app&limit=10"),
        "list-page": listed(ALL, "limit=10"),
        "list-last-page": listed(PODS, "limit=10&labelSelector=few%3Dnone"),
    }


def labelled(i: int) -> dict[str, object]:
    return {"metadata": {"labels": {"n": str(i)}}}


#: What a list of everything is asked for as.
FORMS = {
    "all-table": "application/json;as=Table;g=meta.k8s.io;v=v1",
    "all-metadata": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "all-protobuf": "application/vnd.kubernetes.protobuf",
    "all-protobuf-again": "application/vnd.kubernetes.protobuf",
    "all-json": "application/json",
}


async def filled(count: int) -> ApiServer:
    target = await server()
    await ask(target, request("POST", "/api/v1/namespaces", {"metadata": {"name": "few"}}))
    await ask(target, request("POST", "/api/v1/namespaces/few/serviceaccounts", {"metadata": {"name": "default"}}))
    for n in range(10):
        few = pod(n, 1)
        few["metadata"] = {"name": f"few-{n}", "labels": {"few": "yes", "tier": "back"}}
        few["spec"]["nodeName"] = "few"
        await ask(target, request("POST", "/api/v1/namespaces/few/pods", few))
        failed = {"status": {"phase": "Failed"}}
        await ask(target, request("PATCH", f"/api/v1/namespaces/few/pods/few-{n}/status", failed, media=MERGE))
    await ask(target, request("POST", PODS, pod(0, 100)))
    model = target.store.index.get("pods/default/app-000000")
    assert model is not None
    target.store.index.publish(copies(model, count))  # type: ignore[attr-defined]
    return target


def copies(model: Entry, count: int) -> Iterable[tuple[Entry, bool]]:
    """Pods like the model under other names, as a store publishes them."""
    for n in range(1, count):
        revision = model.revision + n
        name = f"app-{n:06}"
        value = model.value.replace(b"app-000000", name.encode())
        value = value.replace(b'"resourceVersion":"%d"' % model.revision, b'"resourceVersion":"%d"' % revision)
        yield Entry(f"pods/default/{name}", value, revision, revision), False


async def cost(target: ApiServer, make: Callable[[int], Request], first: int) -> float:
    requests = [make(first + n) for n in range(100)]
    began = time.process_time()
    for each in requests:
        await ask(target, each)
    return (time.process_time() - began) / len(requests) * 1e6


async def observed(target: ApiServer, wanted: Request) -> tuple[float, float]:
    """CPU milliseconds of one request in all, and of the longest time in which nobody else could go on."""
    turns = [time.process_time()]

    async def look() -> None:
        while True:
            turns.append(time.process_time())
            await asyncio.sleep(0)

    looking = asyncio.ensure_future(look())
    await asyncio.sleep(0)
    await ask(target, wanted)
    turns.append(time.process_time())
    looking.cancel()
    longest = max(after - before for before, after in pairwise(turns))
    return (turns[-1] - turns[0]) * 1e3, longest * 1e3


async def main(many: int, only: set[str]) -> None:
    garbage.begin()
    targets = [await filled(FEW), await filled(many)]
    garbage.settle()
    print(f"{'operation':20}{FEW:>10}{many:>10} objects{'first':>9}{'held':>10}")
    for name, make in operations().items():
        if only and name not in only:
            continue
        best = []
        for target in targets:
            first, held = await observed(target, make(0))
            best.append(min([await cost(target, make, 1 + 100 * run) for run in range(RUNS)]))
        print(f"{name:20}{best[0]:10.0f}{best[1]:10.0f} us {first:12.1f}{held:10.1f} ms", flush=True)
    for name, accept in FORMS.items():
        if not only or name in only:
            wanted = Request("GET", ALL, headers={"accept": accept}, user=identities.ADMIN)
            total, held = await observed(targets[1], wanted)
            print(f"{name:43}{total:12.1f}{held:10.1f} ms", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    asyncio.run(main(options.many, set(filter(None, options.only.split(",")))))
