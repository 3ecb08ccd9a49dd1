"""Who goes first, and what is said."""

from __future__ import annotations

import msgspec
import pytest

from navarch.api.views.base import decode
from navarch.api.views.pod import Pod
from navarch.node.eviction.thresholds import Level, Threshold, amount
from navarch.node.eviction.victims import PodUse, has_disk_limits, over_limits, ranked, refusal, verdict
from navarch.schema.types import Tree

MEMORY = Threshold("memory.available", amount("100Mi"))
DISK = Threshold("nodefs.available", amount("10%"))
GI = 1 << 30


def pod(
    name: str, *, priority: int = 0, requests: Tree | None = None, limits: Tree | None = None, **spec: object
) -> Pod:
    resources = {"requests": requests or {}, "limits": limits or {}}
    containers = [{"name": "main", "image": "x", "resources": resources}]
    tree = {"metadata": {"name": name, "uid": name}, "spec": {"containers": containers, "priority": priority, **spec}}
    return decode(Pod, msgspec.json.encode(tree))


def names(threshold: Threshold, *uses: PodUse) -> list[str]:
    return [use.pod.metadata.name for use in ranked(threshold, uses)]


def test_above_requests_then_priority_then_how_much() -> None:
    within = PodUse(pod("within", requests={"memory": "2Gi"}), {"main": GI})
    little = PodUse(pod("little", requests={"memory": "1Gi"}), {"main": GI + 1})
    much = PodUse(pod("much"), {"main": GI})
    important = PodUse(pod("important", priority=1000), {"main": 5 * GI})
    critical = PodUse(pod("critical", priority=2_000_000_000), {"main": 9 * GI})
    assert names(MEMORY, within, important, little, critical, much) == ["much", "little", "important", "within"]


def test_disk_counts_volumes_and_logs() -> None:
    one = PodUse(pod("one"), disk={"main": GI})
    two = PodUse(pod("two"), disk={"main": 0}, volumes_bytes=2 * GI)
    assert names(DISK, one, two) == ["two", "one"]


def test_the_message() -> None:
    use = PodUse(pod("a", requests={"memory": "64Mi"}), {"main": 300 << 20})
    ended = verdict(MEMORY, Level(90 << 20, 8 * GI), use)
    assert (ended.reason, ended.rejected) == ("Evicted", False)
    assert ended.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
        "Container main was using 300Mi, request is 64Mi, has larger consumption of memory. "
    )
    within = PodUse(pod("a", requests={"memory": "1Gi"}), {"main": 1})
    assert "Container" not in verdict(MEMORY, Level(90 << 20, 8 * GI), within).message


@pytest.mark.parametrize(
    ("conditions", "requests", "refused"),
    [
        (set(), {}, False),
        ({"MemoryPressure"}, {}, True),
        ({"MemoryPressure"}, {"cpu": "1m"}, False),
        ({"DiskPressure"}, {"cpu": "1m"}, True),
    ],
)
def test_who_is_let_in(conditions: set[str], requests: Tree, refused: bool) -> None:
    ended = refusal(pod("a", requests=requests), frozenset(conditions))
    assert (ended is not None) == refused
    if ended is not None:
        assert ended.message == f"Pod was rejected: The node had condition: [{' '.join(conditions)}]. "
    assert refusal(pod("a", priority=2_000_001_000), frozenset(conditions)) is None


def test_limits_on_the_disk() -> None:
    volume = {"name": "cache", "emptyDir": {"sizeLimit": "10Mi"}}
    limited = pod("a", limits={"ephemeral-storage": "1Gi"}, volumes=[volume])
    assert has_disk_limits(limited) and not has_disk_limits(pod("b"))
    assert over_limits(PodUse(limited, disk={"main": 5}), {"cache": 5}) is None
    full = over_limits(PodUse(limited), {"cache": 11 << 20})
    assert full is not None and full.message == 'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". '
    wrote = over_limits(PodUse(limited, disk={"main": 2 * GI}), {})
    assert wrote is not None
    assert wrote.message == 'Container main exceeded its local ephemeral storage limit "1Gi". '
    together = over_limits(PodUse(limited, disk={"main": GI}, volumes_bytes=1), {})
    assert together is not None and together.message.startswith("Pod ephemeral local storage usage exceeds the total")
