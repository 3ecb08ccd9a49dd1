"""A profile's kubelet.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.app.kubelet_config import FILE, read
from navarch.base.errors import LaunchError


def test_without_a_file_the_users_disk_is_left_alone(tmp_path: Path) -> None:
    eviction, images = read(tmp_path)
    assert eviction.hard == {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"}
    assert images.never


def test_what_it_says_counts(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
        "evictionHard: {memory.available: 1Gi}\nimageMaximumGCAge: 1h\n"
    )
    eviction, images = read(tmp_path)
    assert (eviction.hard, images.maximum_age_s, images.never) == ({"memory.available": "1Gi"}, 3600.0, False)


def test_flags_are_above_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("evictionHard: {memory.available: 1Gi}\nimageMaximumGCAge: 1h\n")
    extra = [
        "apiserver.v=3",
        "kubelet.eviction-hard=memory.available<500Mi,nodefs.available<5%",
        "kubelet.eviction-soft=memory.available<1Gi",
        "kubelet.eviction-soft-grace-period=memory.available=1m30s",
        "kubelet.image-gc-high-threshold=90",
    ]
    with pytest.raises(LaunchError, match="grace period must be specified"):
        read(tmp_path, [each for each in extra if "grace" not in each])
    eviction, images = read(tmp_path, extra)
    assert eviction.hard == {"memory.available": "500Mi", "nodefs.available": "5%"}
    assert eviction.soft_grace_s == {"memory.available": 90.0}
    assert (images.high_percent, images.maximum_age_s) == (90, 3600.0)


@pytest.mark.parametrize(
    "text", ["kind: Pod", "- 1", "evictionHard: {memory: 1Gi}", "a: [", "imageGCLowThresholdPercent: 101"]
)
def test_one_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(LaunchError, match="cannot be used"):
        read(tmp_path)
