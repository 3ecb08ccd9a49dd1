"""CustomResourceDefinitions come to life: their resources appear, change and go with them.

Follows the definitions in the store's index. A new one has its names judged and is marked as
established; from then on its versions are in `Resources`. One that is deleted takes its objects along
first. All writes go through the pipeline, as the API server's own user.

Called by `app.py`. What a definition declares is in `custom.py`, what is said of it in `custom_status.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.admission.contract import World
from navarch.server.admission.webhook_call import call
from navarch.server.conversion import Conversion
from navarch.server.custom import bucket_of, schema_of, served_of, storage_of, webhook_of
from navarch.server.custom_status import CLEANUP, is_established, is_terminating, status_of
from navarch.server.delete import Deleter, Deletion
from navarch.server.options import DeleteOptions
from navarch.server.own_writes import API_SERVER, OwnWrites
from navarch.server.served import Resources, Served
from navarch.server.watch import Watches
from navarch.store.contract import Event, Store

log = logging.getLogger(__name__)

BUCKET = "customresourcedefinitions.apiextensions.k8s.io"


class Definitions:
    """The definitions of one server. `close` ends what is under way."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        resources: Resources,
        watches: Watches,
        writes: OwnWrites,
        deleter: Deleter,
        world: World,
    ) -> None:
        self._store = store
        self._clock = clock
        self._resources = resources
        self._watches = watches
        self._writes = writes
        self._deleter = deleter
        self._world = world
        self._crds: dict[str, Tree] = {}
        self._served: dict[str, list[Served]] = {}
        self._cleaning: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        for entry in store.index.range(BUCKET + "/"):
            self._put(orjson.loads(entry.value))
        self._cancel: Callable[[], None] = store.index.watch(BUCKET, store.index.revision, self._deliver)

    def close(self) -> None:
        self._cancel()
        for task in self._tasks:
            task.cancel()

    @property
    def schemas(self) -> dict[tuple[str, str, str], Tree]:
        """OpenAPI v3 schemas by (group, version, kind)."""
        return {
            (served.group, served.kind.version, served.kind.kind): schema_of(self._crds[name], served.kind.version)
            for name, several in self._served.items()
            for served in several
        }

    # --- following the store

    def _deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            tree = orjson.loads(event.entry.value)
            if event.deleted:
                self._crds.pop(tree["metadata"]["name"], None)
                self._serve(tree["metadata"]["name"], [])
            else:
                self._put(tree)
        self.take_in()

    def _put(self, crd: Tree) -> None:
        name = crd["metadata"]["name"]
        before = self._crds.get(name)
        self._crds[name] = crd
        if before is not None and is_established(before) == is_established(crd) and _declared(before) == _declared(crd):
            return
        self._serve(name, self._derive(crd) if is_established(crd) else [])

    def _derive(self, crd: Tree) -> list[Served]:
        try:
            found = served_of(crd, self._conversion(crd))
        except (AttributeError, TypeError, ValueError, KeyError, StopIteration) as error:
            log.error("crd=%s: cannot be served: %s", crd["metadata"]["name"], error)
            return []
        return [served for served in found if not self._is_builtin(served)]

    def _conversion(self, crd: Tree) -> Conversion | None:
        webhook = webhook_of(crd)
        if webhook is None:
            return None
        return Conversion(webhook, storage_of(crd), partial(call, world=self._world), self._world.uuid)

    def _is_builtin(self, served: Served) -> bool:
        found = self._resources.find(served.group, served.kind.version, served.plural)
        return found is not None and found.builtin

    def _serve(self, name: str, several: list[Served]) -> None:
        """Replace what is served of one definition; watches of what goes end."""
        for old in self._served.pop(name, ()):
            self._resources.remove(old)
            self._watches.forget(old)
        for served in several:
            self._resources.add(served)
        if several:
            self._served[name] = several

    # --- what the server does about them

    def take_in(self) -> None:
        """Begin what each definition needs: a judged status, or the end of its objects. Must be called once
        on a running loop, for those that an earlier server left unfinished."""
        for name, crd in self._crds.items():
            if is_terminating(crd):
                if name not in self._cleaning:
                    self._cleaning.add(name)
                    self._begin(self._clean(name, crd))
            elif self._status(crd) != crd.get("status"):
                self._begin(self._judge(name))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _status(self, crd: Tree) -> Tree:
        group, name = crd["spec"]["group"], crd["metadata"]["name"]
        others = (c for n, c in self._crds.items() if n != name and c["spec"]["group"] == group)
        return status_of(crd, others, format_time(self._clock.now()))

    async def _judge(self, name: str) -> None:
        def judged(tree: Tree) -> Tree:
            return {**tree, "status": self._status(tree)}

        await self._write(name, "status", judged)

    async def _clean(self, name: str, crd: Tree) -> None:
        """Delete all objects, wait until they are gone, and let the definition go."""
        served = storage_of(crd)
        bucket = bucket_of(crd)
        changed = asyncio.Event()
        cancel = self._store.index.watch(bucket, self._store.index.revision, lambda _: changed.set())
        try:
            while found := list(self._places(served)):
                changed.clear()
                for namespace, object_name in found:
                    await self._delete(served, namespace, object_name)
                if self._store.index.count(bucket + "/"):
                    await changed.wait()
            await self._write(name, "", _without_cleanup)
        finally:
            cancel()
            self._cleaning.discard(name)

    def _places(self, served: Served) -> Iterator[tuple[str, str]]:
        for entry in self._store.index.range(served.prefix):
            namespace, _, name = entry.key.removeprefix(served.prefix).rpartition("/")
            yield namespace, name

    async def _delete(self, served: Served, namespace: str, name: str) -> None:
        try:
            await self._deleter.delete(Deletion(served, namespace, name, API_SERVER, DeleteOptions(), []))
        except StatusError as error:
            if error.reason != "NotFound":
                log.error("crd=%s object=%s/%s: not deleted: %s", served.bucket, namespace, name, error)

    async def _write(self, name: str, subresource: str, change: Callable[[Tree], Tree]) -> None:
        try:
            await self._writes.change(BUCKET, "", name, subresource, change)
        except StatusError as error:
            # Gone, or changed over and over: the change that won brings it here again.
            if error.reason not in ("NotFound", "Conflict"):
                log.error("crd=%s: status not written: %s", name, error)


def _declared(crd: Tree) -> tuple[Tree, Tree]:
    """What the served resources are derived from."""
    return crd["spec"], (crd.get("status") or {}).get("acceptedNames") or {}


def _without_cleanup(tree: Tree) -> Tree:
    metadata = tree["metadata"]
    metadata["finalizers"] = [f for f in metadata.get("finalizers", ()) if f != CLEANUP]
    if not metadata["finalizers"]:
        del metadata["finalizers"]
    return tree
