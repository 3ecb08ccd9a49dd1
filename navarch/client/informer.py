"""An informer keeps a cache of one resource in step with the API server: list, then watch for ever.

Callers: the control runner, scheduler, kubelet, proxy and DNS. Each reads `cache` synchronously and
hears of changes through handlers, which are plain functions: they note a key and return. A watch
that ends is resumed where it stopped; a revision that is too old, or a server that went away, means
listing again, with the differences reported as changes.

The informer never writes to the server and never calls a handler with the same state twice.

Worked example:
    pods = Informer(client, PODS, Pod, field_selector="spec.nodeName=n1", rng=seams.rng)
    pods.on_change(lambda key, old, new: queue.add(key))
    group.create_task(pods.run())
    await pods.synced.wait()
    pods.cache.get(ObjectKey("default", "web-1"))

Source: apimachinery list and watch semantics (resourceVersion, bookmarks, 410 Gone).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Generic, TypeVar, cast

import msgspec

from navarch.api.views.base import View, decode
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import Cache, HasMetadata, IndexFunction, key_of
from navarch.client.contract import Client, Unreachable, WatchEvent
from navarch.seams.contract import Rng, routine

log = logging.getLogger(__name__)

V = TypeVar("V", bound=HasMetadata)
#: (key, state before or None, state now or None when deleted).
ChangeHandler = Callable[[ObjectKey, V | None, V | None], None]

#: Objects per list request: decoding one page stays well below the 50 ms a callback may take.
PAGE_SIZE = 1000
BACKOFF_FIRST_S = 0.2
BACKOFF_CAP_S = 30.0
GONE = 410


class Informer(Generic[V]):
    """List and watch of `resource`, decoded as `view`. Give `rng` to spread retries."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        view: type[V],
        *,
        namespace: str = "",
        field_selector: str = "",
        label_selector: str = "",
        indexes: Mapping[str, IndexFunction[V]] | None = None,
        rng: Rng | None = None,
    ) -> None:
        self.resource = resource
        self.cache: Cache[V] = Cache(view, indexes)
        self.synced = asyncio.Event()
        self._client = client
        self._namespace = namespace
        self._fields = field_selector
        self._labels = label_selector
        self._rng = rng
        self._view = view
        self._decode = cast(Callable[[bytes], V], partial(decode, cast(type[View], view)))
        self._handlers: list[ChangeHandler[V]] = []
        self._progress: list[Callable[[], None]] = []
        self._failures = 0
        self._must_list = True

    def on_change(self, handler: ChangeHandler[V]) -> None:
        """Call `handler` at every change from now on, and once for each object already known."""
        self._handlers.append(handler)
        for key, view in zip(list(self.cache.keys()), list(self.cache.values()), strict=True):
            handler(key, None, view)

    def on_progress(self, handler: Callable[[], None]) -> None:
        """Call `handler` whenever `cache.revision` has moved, after the handlers of the changes."""
        self._progress.append(handler)

    async def run(self) -> None:
        """Keep the cache in step until cancelled."""
        while True:
            try:
                if self._must_list and not self._client.streams_lists:
                    await self._list()
                await self._watch()
            except StatusError as error:
                self._must_list = True
                if error.code != GONE or self._failures:
                    await self._back_off(error)
                else:
                    self._failures += 1
            except Unreachable as error:
                self._must_list = True
                await self._back_off(error)

    async def _list(self) -> None:
        seen: set[ObjectKey] = set()
        token = ""
        while True:
            page = await self._client.list(
                self.resource,
                self._namespace,
                label_selector=self._labels,
                field_selector=self._fields,
                limit=PAGE_SIZE,
                continue_token=token,
            )
            for raw in page.items:
                view = self._read(raw)
                if view is not None:
                    seen.add(key_of(view))
                    self._put(view)
            token = page.continue_token
            if not token:
                break
        self._listed(seen, page.revision)

    async def _replace(self, everything: Sequence[WatchEvent]) -> None:
        """Take in the first batch of a watch that begins with all there is."""
        seen: set[ObjectKey] = set()
        for count, event in enumerate(everything[:-1], 1):
            view = self._view_of(event)
            if view is not None:
                seen.add(key_of(view))
                self._put(view)
            if count % PAGE_SIZE == 0:
                await asyncio.sleep(0)
        self._listed(seen, everything[-1].revision)

    def _listed(self, seen: set[ObjectKey], revision: int) -> None:
        """All there was at `revision` is taken in: what was not `seen` is gone."""
        known = self.cache.keys()
        for key in [k for k in known if k not in seen]:
            self._remove(key)
        self._must_list = False
        self._advance(revision)
        self.synced.set()

    async def _watch(self) -> None:
        events = self._client.watch(
            self.resource,
            self._namespace,
            after=self.cache.revision,
            label_selector=self._labels,
            field_selector=self._fields,
            initial=self._must_list,
        )
        heard = False
        async for batch in events:
            self._failures = 0
            heard = True
            if self._must_list:
                await self._replace(batch)
            else:
                self._take(batch)
        if not heard:
            # A server that ends every watch at once must not be asked in a busy loop.
            await asyncio.sleep(BACKOFF_FIRST_S)

    def _take(self, batch: Sequence[WatchEvent]) -> None:
        revision = self.cache.revision
        for event in batch:
            revision = event.revision
            if event.type == "BOOKMARK":
                continue
            view = self._view_of(event)
            if view is None:
                continue
            if event.type == "DELETED":
                self._remove(key_of(view))
            else:
                self._put(view)
        self._advance(revision)

    def _view_of(self, event: WatchEvent) -> V | None:
        """The view of an event's object, decoded once for all who watch it in this process."""
        view: V | None = event.views.get(self._view)
        if view is None:
            view = event.views[self._view] = self._read(event.raw)
        return view

    def _read(self, raw: bytes) -> V | None:
        """The view of an object. One that cannot be read is left out: it must not stop all the others."""
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            log.error("object unreadable resource=%s error=%s object=%.200s", self.resource.plural, error, raw)
            return None

    def _put(self, view: V) -> None:
        key = key_of(view)
        known = self.cache.get(key)
        if known is not None and known.metadata.resourceVersion == view.metadata.resourceVersion:
            return
        old = self.cache.put(view)
        if old is not None and old.metadata.uid != view.metadata.uid:
            # Deleted and made again while nobody looked: two changes for the handlers.
            self._tell(key, old, None)
            old = None
        self._tell(key, old, view)

    def _remove(self, key: ObjectKey) -> None:
        old = self.cache.remove(key)
        if old is not None:
            self._tell(key, old, None)

    def _tell(self, key: ObjectKey, old: V | None, new: V | None) -> None:
        for handler in self._handlers:
            handler(key, old, new)

    def _advance(self, revision: int) -> None:
        self.cache.revision = revision
        for handler in self._progress:
            handler()

    async def _back_off(self, error: Exception) -> None:
        delay_s = min(BACKOFF_FIRST_S * 2.0**self._failures, BACKOFF_CAP_S)
        if self._failures == 0:
            log.warning("watch failed resource=%s error=%s", self.resource.plural, error)
        self._failures = min(self._failures + 1, 10)
        if self._rng is not None:
            delay_s = self._rng.uniform(delay_s / 2, delay_s)
        # As long as nobody answers, nothing comes of asking again.
        with routine() if isinstance(error, Unreachable) else nullcontext():
            await asyncio.sleep(delay_s)
