"""Endpoints written by hand appear as slices."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.client.contract import PatchType
from navarch.control import endpointslicemirroring
from navarch.control.endpointslicemirroring import LEADER, MANAGER, SKIP
from navarch.control.managed_slices import MANAGED_BY, SERVICE_NAME
from navarch.control.sources import ENDPOINTS, ENDPOINTSLICES, SERVICES
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

SERVICE: Tree = {"metadata": {"name": "db", "namespace": "default"}, "spec": {"ports": [{"port": 5432}]}}
PORTS = [{"name": "sql", "port": 5432, "protocol": "TCP"}]


def endpoints(*subsets: Tree, **metadata: Any) -> Tree:
    return {"metadata": {"name": "db", "namespace": "default", **metadata}, "subsets": list(subsets)}


def subset(*ips: str, silent: tuple[str, ...] = ()) -> Tree:
    return {
        "addresses": [{"ip": ip} for ip in ips],
        "notReadyAddresses": [{"ip": ip} for ip in silent],
        "ports": PORTS,
    }


def mirrored(c: Cluster) -> dict[str, list[tuple[str, bool]]]:
    """By family the addresses, and whether they are ready."""
    return {
        t["addressType"]: [(e["addresses"][0], e["conditions"]["ready"]) for e in t["endpoints"]]
        for t in c.api.trees(ENDPOINTSLICES.resource)
    }


@pytest.mark.parametrize("seed", range(3))
def test_slices_follow_the_endpoints(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(SERVICES.resource, SERVICE)
        await c.create(ENDPOINTS.resource, endpoints(subset("10.0.0.1", "fd00::1", silent=("10.0.0.2",))))
        await c.until(lambda: len(mirrored(c)) == 2)
        assert mirrored(c) == {"IPv4": [("10.0.0.1", True), ("10.0.0.2", False)], "IPv6": [("fd00::1", True)]}
        for tree in c.api.trees(ENDPOINTSLICES.resource):
            assert tree["metadata"]["labels"] == {SERVICE_NAME: "db", MANAGED_BY: MANAGER}
            assert tree["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"
            assert tree["ports"] == PORTS
        fewer = {"metadata": {"labels": {"a": "b"}}, "subsets": [subset("10.0.0.9")]}
        await c.api.patch(ENDPOINTS.resource, "db", fewer, PatchType.MERGE, "default")
        await c.until(lambda: mirrored(c) == {"IPv4": [("10.0.0.9", True)]})
        assert c.api.trees(ENDPOINTSLICES.resource)[0]["metadata"]["labels"]["a"] == "b"
        selecting = {"spec": {"selector": {"app": "db"}}}
        await c.api.patch(SERVICES.resource, "db", selecting, PatchType.MERGE, "default")
        await c.until(lambda: mirrored(c) == {})

    simulate((endpointslicemirroring.CONTROLLER,), body, seed=seed, max_delay_s=1.0)


@pytest.mark.parametrize("metadata", [{"labels": {SKIP: "true"}}, {"annotations": {LEADER: "{}"}}])
def test_some_endpoints_are_no_addresses_of_a_service(metadata: Tree) -> None:
    async def body(c: Cluster) -> None:
        await c.create(SERVICES.resource, SERVICE)
        await c.create(SERVICES.resource, {**SERVICE, "metadata": {"name": "sign", "namespace": "default"}})
        await c.create(ENDPOINTS.resource, endpoints(subset("10.0.0.1"), **metadata))
        sign = endpoints(subset("10.0.0.3"))
        await c.create(ENDPOINTS.resource, {**sign, "metadata": {"name": "sign", "namespace": "default"}})
        await c.until(lambda: bool(mirrored(c)))
        assert mirrored(c) == {"IPv4": [("10.0.0.3", True)]}

    simulate((endpointslicemirroring.CONTROLLER,), body)
