"""After `navarch delete --all --purge` the machine is as it was before the first start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live.cluster import LiveCluster, Namespace, pod
from tests.live.machine import Inventory, inventory, needs_machine

pytestmark = [pytest.mark.live, needs_machine]

OTHERS = "apiVersion: v1\nkind: Config\nclusters:\n- name: other\n  cluster:\n    server: https://other:6443\n"


def test_nothing_is_left(tmp_path: Path) -> None:
    cluster = LiveCluster(tmp_path / "home", f"gone-{os.getpid()}")
    cluster.kubeconfig.write_text(OTHERS)

    def stock() -> Inventory:
        return inventory(cluster.name, cluster.home)

    before = stock()
    cluster.start()
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
    assert stock() == before
    assert not cluster.home.exists()
    assert cluster.kubectl("config", "get-clusters").lines == ["NAME", "other"]
    assert cluster.kubectl("config", "current-context", check=False).code == 1
    assert cluster.navarch("status", check=False).code == 85
