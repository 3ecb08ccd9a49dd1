"""Removes images and dead containers that nobody needs: regularly when the disk is rather full, and at once when an
eviction is the alternative."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from navarch.node.host.contract import Host
from navarch.node.image_gc import Ages, ImageGcConfig, bytes_to_free, to_remove, too_old, unused
from navarch.node.runtime.contract import ContainerPhase, ImageRef, Runtime, RuntimeFault
from navarch.seams.contract import Clock, routine

log = logging.getLogger(__name__)

INTERVAL_S = 300.0


class ImageCollector:
    """One node's. `over` tells whether a pod (by uid) has run to its end, so that its containers may go."""

    def __init__(
        self, config: ImageGcConfig, runtime: Runtime, host: Host, clock: Clock, over: Callable[[str], bool]
    ) -> None:
        self._config = config
        self._runtime = runtime
        self._host = host
        self._clock = clock
        self._over = over
        self._ages = Ages()

    async def run(self) -> None:
        """Look every five minutes, until cancelled."""
        while True:
            try:
                await self.collect()
            except (RuntimeFault, OSError) as error:
                log.warning("images not collected error=%s", error)
            with routine():
                await asyncio.sleep(INTERVAL_S)

    async def collect(self) -> None:
        """Remove what is too old, and what is too much. Raises: RuntimeFault."""
        images, in_use = await self._images()
        now = self._clock.now()
        old = too_old(self._config, images, in_use, self._ages, now)
        await self._remove(old)
        usage = self._host.usage()
        wanted = bytes_to_free(self._config, usage.images_available, usage.images_capacity)
        if wanted:
            left = [image for image in images if image not in old]
            chosen = to_remove(self._config, left, in_use, self._ages, wanted, now)
            await self._remove(chosen)
            freed = sum(image.size_bytes for image in chosen)
            if freed < wanted:
                log.warning("not enough images to remove wanted_bytes=%d freed_bytes=%d", wanted, freed)

    async def free_all(self) -> None:
        """Remove all dead containers of pods that are over, and all images that no container uses."""
        try:
            for status in await self._runtime.list_containers():
                if status.phase is ContainerPhase.EXITED and self._over(status.pod_uid):
                    await self._runtime.remove_container(status.id)
            images, in_use = await self._images()
            await self._remove(unused(images, in_use, self._ages))
        except RuntimeFault as error:
            log.warning("disk not freed error=%s", error)

    async def _images(self) -> tuple[list[ImageRef], set[str]]:
        """All images, and the ids of those that containers use."""
        images = list(await self._runtime.list_images())
        named = {name: i.id for i in images for name in (i.id, *i.tags, *i.digests)}
        statuses = await self._runtime.list_containers()
        in_use = {named[name] for s in statuses for name in (s.image, s.image_id) if name in named}
        self._ages.note(images, in_use, self._clock.now())
        return images, in_use

    async def _remove(self, images: Iterable[ImageRef]) -> None:
        for image in images:
            log.info("image removed id=%s tags=%s bytes=%d", image.id, ",".join(image.tags), image.size_bytes)
            await self._runtime.remove_image(image.id)
