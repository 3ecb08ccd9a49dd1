"""Which node has which image, and how large it is. Callers: `columns.py`, the plug-in ImageLocality."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from navarch.api.views.node import ContainerImage
from navarch.scheduler.labels import Ints


class ImageTable:
    """Sizes in bytes by normalized image name and slot."""

    def __init__(self) -> None:
        self._sizes: dict[str, dict[int, int]] = {}
        self._of_slot: dict[int, tuple[str, ...]] = {}

    def set(self, slot: int, images: Iterable[ContainerImage]) -> None:
        """The images of a node are these now."""
        for name in self._of_slot.pop(slot, ()):
            sizes = self._sizes[name]
            del sizes[slot]
            if not sizes:
                del self._sizes[name]
        names: dict[str, int] = {}
        for image in images:
            names.update((name, image.sizeBytes or 0) for name in image.names)
        for name, size in names.items():
            self._sizes.setdefault(name, {})[slot] = size
        if names:
            self._of_slot[slot] = tuple(names)

    def sizes(self, image: str) -> dict[int, int]:
        """Size by slot, of the nodes that have the image."""
        return self._sizes.get(normalized(image), {})

    def weighted(self, images: Iterable[str], nodes: int, n: int) -> Ints:
        """Per slot, the bytes of `images` that are there, each scaled by the share of nodes that have it."""
        total = np.zeros(n, np.int64)
        for image in images:
            sizes = self.sizes(image)
            if sizes and nodes:
                share = len(sizes) / nodes
                for slot, size in sizes.items():
                    total[slot] += int(size * share)
        return total


def normalized(image: str) -> str:
    """With a tag: `nginx` is `nginx:latest`."""
    return image if image.rfind(":") > image.rfind("/") else image + ":latest"
