"""How long one endpoint's change takes with 5,000 Services of 10 endpoints: `python -m bench.proxy`.

Measures what the proxy does between hearing of the change and the kernel having it: recomputing the service,
diffing, the text, and the commit. The commit needs root: it happens in a network namespace of its own.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import time
from collections.abc import Callable

from navarch.api.views.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from navarch.api.views.meta import ObjectMeta
from navarch.api.views.service import Service, ServicePort, ServiceSpec
from navarch.base.resource import ObjectKey
from navarch.proxy import nft
from navarch.proxy.apply import open_nft
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network
from navarch.proxy.rules import Place, service_rules

CLONE_NEWNET = 0x40000000
TARGET_MS = 5.0
ENDPOINTS = 10
PLACE = Place("n1")
NETWORK = Network(pod_cidrs=("10.244.0.0/24",))


def service(n: int) -> Service:
    ip = f"10.96.{n >> 8}.{n & 255}"
    spec = ServiceSpec(type="ClusterIP", clusterIP=ip, clusterIPs=(ip,), ports=(ServicePort(port=80),))
    return Service(ObjectMeta(name=f"s{n}", namespace="default"), spec)


def endpoint_slice(n: int, changed: int = 0) -> EndpointSlice:
    """The slice of service `n`, whose last endpoint is another after each change."""
    first = n * ENDPOINTS
    ips = [f"10.{200 + (i >> 16)}.{i >> 8 & 255}.{i & 255}" for i in range(first, first + ENDPOINTS - 1)]
    ips.append(f"10.250.{changed >> 8}.{changed & 255}")
    endpoints = tuple(Endpoint(addresses=(ip,), conditions=EndpointConditions(True), nodeName="n2") for ip in ips)
    return EndpointSlice("IPv4", endpoints, ObjectMeta(name=f"s{n}", namespace="default"), (EndpointPort(port=8080),))


def put(ledger: Ledger, n: int, changed: int = 0) -> None:
    rules = service_rules(service(n), [endpoint_slice(n, changed)], PLACE)
    ledger.replace(ObjectKey("default", f"s{n}"), rules)


def commit(ledger: Ledger, run: Callable[[str], None] | None) -> tuple[float, float]:
    """Seconds to make the transaction, and to commit it."""
    start = time.perf_counter()
    transaction = ledger.take()
    assert transaction is not None
    text = nft.text(transaction, NETWORK)
    made = time.perf_counter()
    if run is not None:
        run(text)
    return made - start, time.perf_counter() - made


def own_namespace() -> Callable[[str], None] | None:
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        print("without root: nothing is committed to the kernel")
        return None
    return open_nft()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=5_000)
    parser.add_argument("--changes", type=int, default=200)
    options = parser.parse_args()
    run = own_namespace()
    ledger = Ledger(NETWORK)
    start = time.perf_counter()
    for n in range(options.services):
        put(ledger, n)
    print(f"rules of {options.services} services from nothing: {time.perf_counter() - start:.2f} s")
    made, committed = commit(ledger, run)
    print(f"first transaction: {made:.2f} s to write, {committed:.2f} s to commit")
    taken = []
    for change in range(1, options.changes + 1):
        start = time.perf_counter()
        put(ledger, change * 7919 % options.services, change)
        commit(ledger, run)
        taken.append((time.perf_counter() - start) * 1e3)
    median, worst = statistics.median(taken), max(taken)
    verdict = "ok" if median <= TARGET_MS else "MISSED"
    print(f"one endpoint changes: median {median:.2f} ms, worst {worst:.2f} ms, target <= {TARGET_MS} ms  {verdict}")


if __name__ == "__main__":
    main()
