"""Which images a node gives up: when its disk is fuller than the high threshold, or when nobody used them for long.
Pure.

    high 85 %, low 80 %, 90 of 100 GiB used -> images of 10 GiB go, least recently used first

Source: the kubelet's `images/image_gc_manager.go`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from navarch.base.times import parse_duration
from navarch.node.runtime.contract import ImageRef
from navarch.schema.types import Tree


@dataclass(frozen=True, slots=True)
class ImageGcConfig:
    """KubeletConfiguration's imageGCHighThresholdPercent (100: never), imageGCLowThresholdPercent,
    imageMinimumGCAge, imageMaximumGCAge (0: never)."""

    high_percent: int = 85
    low_percent: int = 80
    minimum_age_s: float = 120.0
    maximum_age_s: float = 0.0

    @property
    def never(self) -> bool:
        return self.high_percent >= 100 and not self.maximum_age_s


def config_of(tree: Tree) -> ImageGcConfig:
    """From a KubeletConfiguration. Raises: ValueError."""
    high = tree.get("imageGCHighThresholdPercent")
    low = tree.get("imageGCLowThresholdPercent")
    config = ImageGcConfig(
        85 if high is None else int(high),
        80 if low is None else int(low),
        parse_duration(str(tree.get("imageMinimumGCAge") or "2m0s")),
        parse_duration(str(tree.get("imageMaximumGCAge") or "0s")),
    )
    if not 0 <= config.low_percent <= config.high_percent <= 100:
        raise ValueError("imageGCLowThresholdPercent must not be above imageGCHighThresholdPercent, both from 0 to 100")
    return config


@dataclass(slots=True)
class Ages:
    """Since when images are known, and when a container used them last, by id."""

    found: dict[str, float] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)

    def note(self, images: Sequence[ImageRef], in_use: Collection[str], now: float) -> None:
        known = {image.id for image in images}
        self.found = {id_: self.found.get(id_, now) for id_ in known}
        self.used = {id_: self.used.get(id_, 0.0) for id_ in known} | {id_: now for id_ in known if id_ in in_use}


def bytes_to_free(config: ImageGcConfig, available_bytes: int, capacity_bytes: int) -> int:
    """What has to go so that the disk is at the low threshold; 0 while it is below the high one."""
    if capacity_bytes <= 0 or config.high_percent >= 100:
        return 0
    used = capacity_bytes - min(available_bytes, capacity_bytes)
    if used * 100 < config.high_percent * capacity_bytes:
        return 0
    return used - config.low_percent * capacity_bytes // 100


def unused(images: Sequence[ImageRef], in_use: Collection[str], ages: Ages) -> list[ImageRef]:
    """Images that may go, least recently used first."""
    free = [image for image in images if image.id not in in_use and not image.pinned]
    return sorted(free, key=lambda image: (ages.used.get(image.id, 0.0), ages.found.get(image.id, 0.0), image.id))


def too_old(
    config: ImageGcConfig, images: Sequence[ImageRef], in_use: Collection[str], ages: Ages, now: float
) -> list[ImageRef]:
    """Images that nobody used for longer than the maximum age."""
    if not config.maximum_age_s:
        return []
    return [
        image
        for image in unused(images, in_use, ages)
        if now - max(ages.used.get(image.id, 0.0), ages.found.get(image.id, now)) > config.maximum_age_s
    ]


def to_remove(
    config: ImageGcConfig, images: Sequence[ImageRef], in_use: Collection[str], ages: Ages, wanted: int, now: float
) -> list[ImageRef]:
    """Images of `wanted` bytes in all, or as many as there are; none that came only just now."""
    chosen: list[ImageRef] = []
    for image in unused(images, in_use, ages):
        if wanted <= 0:
            break
        if now - ages.found.get(image.id, now) < config.minimum_age_s:
            continue
        chosen.append(image)
        wanted -= image.size_bytes
    return chosen
