"""Ranges of service addresses become ready, and stay while they are in use."""

from __future__ import annotations

import pytest

from navarch.control import servicecidrs
from navarch.control.servicecidrs import FINALIZER
from navarch.control.sources import IPADDRESSES, SERVICECIDRS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate


def cidr(name: str, *cidrs: str) -> Tree:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def ready(c: Cluster, name: str) -> tuple[str, str]:
    tree = c.api.tree(SERVICECIDRS.resource, name)
    conditions = tree.get("status", {}).get("conditions", []) if tree is not None else []
    return next(((k["status"], k["reason"]) for k in conditions), ("", ""))


@pytest.mark.parametrize("seed", range(3))
def test_a_range_in_use_stays_until_another_covers_it(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(SERVICECIDRS.resource, cidr("first", "10.96.0.0/16", "fd00:96::/112"))
        await c.create(SERVICECIDRS.resource, cidr("second", "10.97.0.0/16"))
        await c.until(lambda: ready(c, "first") == ready(c, "second") == ("True", ""))
        assert all(FINALIZER in t["metadata"]["finalizers"] for t in c.api.trees(SERVICECIDRS.resource))
        await c.create(IPADDRESSES.resource, {"metadata": {"name": "10.96.0.7"}})
        await c.create(IPADDRESSES.resource, {"metadata": {"name": "fd00:96::7"}})
        await c.until(lambda: len(c.api.trees(IPADDRESSES.resource)) == 2)
        await c.api.delete(SERVICECIDRS.resource, "second")
        await c.until(lambda: c.api.tree(SERVICECIDRS.resource, "second") is None)
        await c.api.delete(SERVICECIDRS.resource, "first")
        await c.until(lambda: ready(c, "first") == ("False", "Terminating"))
        await c.create(SERVICECIDRS.resource, cidr("wider", "10.0.0.0/8"))
        await c.until(lambda: ready(c, "wider")[0] == "True")
        assert c.api.tree(SERVICECIDRS.resource, "first") is not None
        await c.api.delete(IPADDRESSES.resource, "fd00:96::7")
        await c.until(lambda: c.api.tree(SERVICECIDRS.resource, "first") is None)

    simulate((servicecidrs.CONTROLLER,), body, seed=seed, max_delay_s=0.3)
