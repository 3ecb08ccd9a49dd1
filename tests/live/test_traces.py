"""After `navarch delete --all --purge` the machine is as it was before the first start."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.live.cluster import LiveCluster, Namespace, pod
from tests.live.machine import Inventory, inventory, needs_machine

pytestmark = [pytest.mark.live, needs_machine]

OTHERS = "apiVersion: v1\nkind: Config\nclusters:\n- name: other\n  cluster:\n    server: https://other:6443\n"


def left(before: Inventory, after: Inventory, bridge: str) -> set[str]:
    """What came between the two, save for what clusters behind other bridges brought meanwhile."""
    came = {item for field in fields(after) for item in getattr(after, field.name) - getattr(before, field.name)}
    return {item for item in came if not re.search(rf"\bnavarch(?!{bridge[7:]}\b)\d+", item)}


def test_nothing_is_left(tmp_path: Path) -> None:
    cluster = LiveCluster(tmp_path / "home", f"gone-{os.getpid()}")
    cluster.kubeconfig.write_text(OTHERS)

    def stock() -> Inventory:
        return inventory(cluster.name, cluster.home)

    before = stock()
    cluster.start()
    bridge = f"navarch{cluster.node_ip().split('.')[2]}"
    try:
        default = Namespace(cluster, "default")
        default.apply(pod("one", resources={"limits": {"memory": "32Mi"}}), pod("two"))
        default.kubectl("expose", "pod", "one", "--port=80", "--type=NodePort")
        default.wait_ready("one", "two")
        during = stock()
        assert during.interfaces > before.interfaces
        assert during.processes
        assert during.cgroups
        assert cluster.kubectl("config", "current-context").out == f"{cluster.name}\n"
    finally:
        said = cluster.delete().out
    assert "Successfully deleted all profiles" in said
    assert left(before, stock(), bridge) == set()
    assert not cluster.home.exists()
    assert cluster.kubectl("config", "get-clusters").lines == ["NAME", "other"]
    assert cluster.kubectl("config", "current-context", check=False).code == 1
    assert cluster.navarch("status", check=False).code == 85
