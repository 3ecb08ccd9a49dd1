"""Every node is told how long it may trust what it has read."""

from __future__ import annotations

import pytest

from navarch.base.resource import ObjectKey
from navarch.control import ttl
from navarch.control.sources import NODES
from tests.control.worlds import patches, world


@pytest.mark.parametrize(("nodes", "seconds"), [(1, 0), (100, 0), (101, 15), (501, 30), (1001, 60), (2001, 300)])
def test_the_time_grows_with_the_cluster(nodes: int, seconds: int) -> None:
    assert ttl.ttl_s(nodes) == seconds


def test_a_node_is_told_once() -> None:
    told = {"name": "told", "annotations": {ttl.ANNOTATION: "0"}}
    seen = world({NODES: [{"metadata": {"name": "new"}}, {"metadata": told}]})
    assert patches(ttl.reconcile(seen, ObjectKey("", "new"), 0.0).intents) == [
        {"metadata": {"annotations": {ttl.ANNOTATION: "0"}}}
    ]
    assert ttl.reconcile(seen, ObjectKey("", "told"), 0.0).intents == ()
