"""`--extra-config=kubelet.FLAG=VALUE`: the kubelet's flags as fields of KubeletConfiguration. Pure.

    kubelet.eviction-hard=memory.available<500Mi,nodefs.available<5%
        -> {"evictionHard": {"memory.available": "500Mi", "nodefs.available": "5%"}}

Source: the kubelet's command-line reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from navarch.node import image_gc
from navarch.node.eviction import thresholds
from navarch.schema.types import Tree

COMPONENT: Final = "kubelet"
#: Flag -> field, and what stands between the signal and its value.
_BY_SIGNAL: Final = {
    "eviction-hard": ("evictionHard", "<"),
    "eviction-minimum-reclaim": ("evictionMinimumReclaim", "="),
    "eviction-soft": ("evictionSoft", "<"),
    "eviction-soft-grace-period": ("evictionSoftGracePeriod", "="),
}
_DURATIONS: Final = {
    "eviction-pressure-transition-period": "evictionPressureTransitionPeriod",
    "minimum-image-ttl-duration": "imageMinimumGCAge",
}
_NUMBERS: Final = {
    "eviction-max-pod-grace-period": "evictionMaxPodGracePeriod",
    "image-gc-high-threshold": "imageGCHighThresholdPercent",
    "image-gc-low-threshold": "imageGCLowThresholdPercent",
}


def tree_of(extra: Iterable[str]) -> Tree:
    """What the values for the kubelet say; those for other components are passed over. Raises: ValueError."""
    tree: Tree = {}
    for each in extra:
        component, _, rest = each.partition(".")
        name, _, value = rest.partition("=")
        if component != COMPONENT:
            continue
        if name in _BY_SIGNAL:
            field, between = _BY_SIGNAL[name]
            tree[field] = dict(_pair(part, between) for part in value.split(",") if part)
        elif name in _DURATIONS:
            tree[_DURATIONS[name]] = value
        elif name in _NUMBERS:
            tree[_NUMBERS[name]] = int(value)
        else:
            free = ", ".join(sorted((*_BY_SIGNAL, *_DURATIONS, *_NUMBERS)))
            raise ValueError(f'{COMPONENT} has no flag "{name}" that can be set; it has: {free}')
    thresholds.config_of(tree)
    image_gc.config_of(tree)
    return tree


def _pair(text: str, between: str) -> tuple[str, str]:
    signal, found, value = text.partition(between)
    if not found:
        raise ValueError(f"{text!r}: expected SIGNAL{between}VALUE")
    return signal.strip(), value.strip()
