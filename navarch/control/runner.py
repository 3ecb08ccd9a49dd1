"""Runs controllers: watches what they declare, calls their pure `reconcile`, carries out their plans.

Callers: `app` and tests. This is the only place of the control layer that writes, waits or asks for the
time. A key is never reconciled by two workers at once, nor before the caches show its last writes;
failures are retried with a back-off that doubles.

Worked example:
    async with asyncio.TaskGroup() as group:
        group.create_task(ControlPlane(client, seams, CATALOG).run())
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

from navarch.base.errors import NavarchError, StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import Cache, HasMetadata
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.client.recorder import Recorder
from navarch.client.workqueue import WorkQueue
from navarch.control.barrier import Barrier
from navarch.control.execute import Execution, Going, Listed, Saw, Written
from navarch.control.world import Controller, Failure, Listing, Source, Watch, World
from navarch.seams.contract import Seams, routine

log = logging.getLogger(__name__)

#: Losing a race is normal and says nothing worth a line in the log.
RACES = ("Conflict", "AlreadyExists", "NotFound")


class ControlPlane:
    """A set of controllers over shared informers. `client_for` gives each controller its own identity."""

    def __init__(
        self,
        client: Client,
        seams: Seams,
        controllers: Sequence[Controller],
        *,
        client_for: Callable[[str], Client] | None = None,
    ) -> None:
        self._seams = seams
        sources = dict.fromkeys(source for c in controllers for source in c.sources)
        self.informers: dict[Source[Any], Informer[Any]] = {
            s: Informer(client, s.resource, s.view, field_selector=s.fields, indexes=s.indexes, rng=seams.rng)
            for s in sources
        }
        self.runners = [
            Runner(c, client if client_for is None else client_for(c.name), seams, self.informers) for c in controllers
        ]

    @property
    def idle(self) -> bool:
        """No controller has anything to do at once; retries and later looks may still come due."""
        return all(r.idle for r in self.runners)

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.informers.values():
                group.create_task(informer.run())
            for runner in self.runners:
                group.create_task(runner.run())


class Runner:
    """One controller at work."""

    def __init__(
        self, controller: Controller, client: Client, seams: Seams, informers: dict[Source[Any], Informer[Any]]
    ) -> None:
        self._controller = controller
        self._client = client
        self._clock = seams.clock
        self._recorder = Recorder(client, seams, controller.name)
        self._informers = {s: informers[s] for s in controller.sources}
        self._caches: dict[Resource, Cache[Any]] = {s.resource: i.cache for s, i in self._informers.items()}
        self._world = World({s: i.cache for s, i in self._informers.items()})
        self._queue: WorkQueue[Hashable] = WorkQueue()
        self._barrier = Barrier()

    @property
    def idle(self) -> bool:
        return self._queue.idle

    async def run(self) -> None:
        """Wait for the caches, then work until cancelled."""
        for informer in self._informers.values():
            await informer.synced.wait()
        self._world.started_at = self._clock.now()
        for informer in self._informers.values():
            self._guard(informer)
        for watch in self._controller.watches:
            self._watch(watch)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run())
                for _ in range(self._controller.workers):
                    group.create_task(self._work())
        finally:
            self._queue.close()

    def _guard(self, informer: Informer[Any]) -> None:
        """Let the barrier hear of what the cache has seen."""
        cache = informer.cache

        def changed(key: ObjectKey, _old: HasMetadata | None, new: HasMetadata | None) -> None:
            self._release(self._barrier.changed(cache, key, new))

        informer.on_change(changed)
        informer.on_progress(lambda: self._release(self._barrier.reached(cache)))

    def _watch(self, watch: Watch[Any]) -> None:
        def changed(key: ObjectKey, old: HasMetadata | None, new: HasMetadata | None) -> None:
            found = watch.keys(self._world, key, old, new)
            # The order of a set is another in each process.
            for work in sorted(found, key=repr) if isinstance(found, set | frozenset) else found:
                self._queue.add(work)

        self._informers[watch.source].on_change(changed)

    def _release(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._queue.done(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            await self._reconcile(key)
            # A key that waits for its own writes stays "being worked on" until they are seen.
            if not self._barrier.holds(key):
                self._queue.done(key)

    async def _reconcile(self, key: Hashable) -> None:
        try:
            plan = self._controller.reconcile(self._world, key, self._clock.now())
        except Exception:
            # One object that a controller cannot digest must not stop the others.
            log.exception("reconcile crashed controller=%s key=%s", self._controller.name, key)
            self._queue.retry(key)
            return
        self._world.seen.pop(key, None)
        self._world.lists.pop(key, None)
        execution = Execution(self._client, self._recorder)
        await execution.run(plan.intents)
        self._note_effects(key, execution)
        if execution.error is not None:
            self._note_failure(key, execution, execution.error)
            return
        self._world.failures.pop(key, None)
        self._queue.forget(key)
        if plan.requeue_after_s is not None:
            with routine() if plan.routine else nullcontext():
                self._queue.add_after(key, plan.requeue_after_s)

    def _note_effects(self, key: Hashable, execution: Execution) -> None:
        for effect in execution.effects:
            match effect:
                case Saw():
                    self._world.seen.setdefault(key, {})[effect.resource, effect.key] = effect.uid
                    self._queue.add(key)
                case Listed():
                    answer = Listing(effect.trees, effect.error)
                    self._world.lists.setdefault(key, {})[effect.resource] = answer
                    self._queue.add(key)
                case Written() if effect.resource in self._caches:
                    self._barrier.wait_revision(key, self._caches[effect.resource], effect.revision)
                case Going() if effect.resource in self._caches:
                    self._barrier.wait_going(key, self._caches[effect.resource], effect.key, effect.uid)

    def _note_failure(self, key: Hashable, execution: Execution, error: NavarchError) -> None:
        reason = error.reason if isinstance(error, StatusError) else "Unreachable"
        verb = type(execution.failed).__name__
        failure = Failure(verb, reason, str(error))
        known = self._world.failures.get(key)
        self._world.failures[key] = failure
        delay_s = self._queue.retry(key)
        if reason not in RACES and failure != known:
            log.warning(
                "write failed controller=%s key=%s verb=%s retry_s=%.3f error=%s",
                self._controller.name,
                key,
                verb,
                delay_s,
                error,
            )
