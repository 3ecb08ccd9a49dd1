"""Which images go."""

from __future__ import annotations

import pytest

from navarch.node.image_gc import Ages, ImageGcConfig, bytes_to_free, config_of, to_remove, too_old
from navarch.node.runtime.contract import ImageRef

A, B, C = (ImageRef(name, size_bytes=10) for name in "abc")
PAUSE = ImageRef("pause", size_bytes=1, pinned=True)
ALL = [A, B, C, PAUSE]


def ages() -> Ages:
    found = Ages()
    found.note(ALL, {"c"}, 0.0)
    found.note(ALL, {"a"}, 500.0)
    found.note(ALL, set(), 1000.0)
    return found


def test_how_much() -> None:
    config = ImageGcConfig(85, 80)
    assert bytes_to_free(config, 16, 100) == 0
    assert bytes_to_free(config, 15, 100) == 5
    assert bytes_to_free(ImageGcConfig(100, 80), 0, 100) == 0


def test_least_recently_used_first() -> None:
    chosen = to_remove(ImageGcConfig(), ALL, set(), ages(), 20, 1000.0)
    assert [image.id for image in chosen] == ["b", "c"]
    assert [i.id for i in to_remove(ImageGcConfig(), ALL, {"b"}, ages(), 100, 1000.0)] == ["c", "a"]


def test_what_came_just_now_stays() -> None:
    assert to_remove(ImageGcConfig(minimum_age_s=1001), ALL, set(), ages(), 100, 1000.0) == []


def test_what_nobody_used_for_long_goes() -> None:
    config = ImageGcConfig(maximum_age_s=600)
    assert {image.id for image in too_old(config, ALL, set(), ages(), 1000.0)} == {"b", "c"}
    assert too_old(ImageGcConfig(), ALL, set(), ages(), 1e9) == []


def test_settings() -> None:
    config = config_of({"imageGCHighThresholdPercent": 100, "imageMaximumGCAge": "24h"})
    assert config == ImageGcConfig(100, 80, 120.0, 86400.0)
    assert ImageGcConfig(100).never and not config.never
    with pytest.raises(ValueError, match="must not be above"):
        config_of({"imageGCHighThresholdPercent": 70})
