"""Thresholds and the pressure that comes of them."""

from __future__ import annotations

import pytest

from navarch.node.eviction.pressure import Gauge
from navarch.node.eviction.thresholds import (
    DEFAULT_HARD,
    EvictionConfig,
    EvictionConfigError,
    Level,
    amount,
    config_of,
    levels,
    thresholds,
)
from navarch.node.host.contract import Usage

MI = 1 << 20


def test_settings_of_kubelet_configuration() -> None:
    config = config_of(
        {
            "evictionHard": {"memory.available": "200Mi", "nodefs.available": "0%"},
            "evictionSoft": {"memory.available": "10%"},
            "evictionSoftGracePeriod": {"memory.available": "1m30s"},
            "evictionMinimumReclaim": {"memory.available": "50Mi"},
            "evictionPressureTransitionPeriod": "30s",
            "evictionMaxPodGracePeriod": 20,
        }
    )
    hard, soft, disk = thresholds(config)
    assert (hard.hard, hard.value.of(1000 * MI), hard.grace_s) == (True, 200 * MI, 0.0)
    assert (soft.hard, soft.value.of(1000 * MI), soft.grace_s) == (False, 100 * MI, 90.0)
    assert soft.reclaim.of(1) == 50 * MI
    assert disk.value.of(1000) == 0
    assert (config.pressure_transition_s, config.max_pod_grace_s) == (30.0, 20)
    assert config_of({}).hard == DEFAULT_HARD


@pytest.mark.parametrize(
    "tree",
    [
        {"evictionHard": {"memory.free": "1Mi"}},
        {"evictionSoft": {"memory.available": "1Mi"}},
        {"evictionHard": {"memory.available": "101%"}},
        {"evictionHard": {"memory.available": "much"}},
    ],
)
def test_settings_that_are_none(tree: dict[str, object]) -> None:
    with pytest.raises(EvictionConfigError):
        config_of(tree)


def test_amounts() -> None:
    assert amount("15%").of(200) == 30
    assert amount("1Gi").of(5) == 1 << 30


def test_images_share_the_storage_unless_they_are_apart() -> None:
    shared = levels(Usage(storage_available_bytes=5, storage_total_bytes=10))
    assert shared["imagefs.available"] == shared["nodefs.available"] == Level(5, 10)
    apart = levels(Usage(images_available_bytes=1, images_total_bytes=4, images_inodes_free=2, images_inodes=3))
    assert (apart["imagefs.available"], apart["imagefs.inodesFree"]) == (Level(1, 4), Level(2, 3))


def gauge(**settings: object) -> Gauge:
    base: dict[str, object] = {"hard": {"memory.available": "100"}, "pressure_transition_s": 60.0}
    return Gauge(EvictionConfig(**{**base, **settings}))  # type: ignore[arg-type]


def memory(available: int) -> dict[str, Level]:
    return {"memory.available": Level(available, 1000)}


def test_a_hard_threshold_is_due_at_once_and_its_condition_stays_a_while() -> None:
    found = gauge()
    assert found.read(memory(100), 0.0).conditions == frozenset()
    low = found.read(memory(99), 10.0)
    assert low.conditions == {"MemoryPressure"} and [t.signal for t in low.due] == ["memory.available"]
    well = found.read(memory(500), 20.0)
    assert well.conditions == {"MemoryPressure"} and not well.due
    assert found.read(memory(500), 69.0).conditions == {"MemoryPressure"}
    assert found.read(memory(500), 70.0).conditions == frozenset()


def test_a_soft_threshold_waits_for_its_grace() -> None:
    found = gauge(hard={}, soft={"memory.available": "200"}, soft_grace_s={"memory.available": 30.0})
    first = found.read(memory(150), 0.0)
    assert first.conditions == {"MemoryPressure"} and not first.due
    found.read(memory(250), 10.0)
    assert not found.read(memory(150), 20.0).due, "it begins anew"
    assert found.read(memory(150), 50.0).due


def test_what_is_reclaimed_goes_beyond_the_threshold() -> None:
    found = gauge(minimum_reclaim={"memory.available": "50"})
    assert not found.read(memory(120), 0.0).due
    assert found.read(memory(90), 10.0).due
    assert found.read(memory(120), 20.0).due
    assert not found.read(memory(150), 30.0).due
    assert not found.read(memory(120), 40.0).due
