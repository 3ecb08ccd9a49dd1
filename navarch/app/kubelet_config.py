"""A profile's `kubelet.yaml`: the KubeletConfiguration of its nodes, as far as it is about giving things up.

kind: KubeletConfiguration
evictionHard: {memory.available: 500Mi}
imageMaximumGCAge: 24h
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from navarch.app import kubelet_flags
from navarch.base import yaml
from navarch.base.errors import LaunchError
from navarch.node import image_gc
from navarch.node.eviction import thresholds
from navarch.schema.types import Tree

FILE = "kubelet.yaml"
#: The disk is the user's own, and much else is on it: to evict pods or to drop images that were loaded helps nobody.
#: Source: minikube's KubeletConfiguration, which gives up memory's threshold as well.
DEFAULTS: Tree = {
    "imageGCHighThresholdPercent": 100,
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
}


def read(directory: Path, extra: Sequence[str] = ()) -> tuple[thresholds.EvictionConfig, image_gc.ImageGcConfig]:
    """What the file in a profile's directory says over our own defaults, and `--extra-config` over both.

    Raises: LaunchError.
    """
    path = directory / FILE
    tree = DEFAULTS
    try:
        if path.exists():
            found = yaml.load(path.read_text())
            if not isinstance(found, dict) or found.get("kind", "KubeletConfiguration") != "KubeletConfiguration":
                raise ValueError("it is no KubeletConfiguration")
            tree = {**DEFAULTS, **found}
        tree = {**tree, **kubelet_flags.tree_of(extra)}
        return thresholds.config_of(tree), image_gc.config_of(tree)
    except ValueError as error:
        text = f"{path} cannot be used: {error}"
        raise LaunchError("KUBELET_CONFIG", text, "correct the file, or remove it", 78) from error
