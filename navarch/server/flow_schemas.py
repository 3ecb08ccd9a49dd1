"""FlowSchemas say whether the priority level that they name exists: their condition `Dangling`.

Follows both kinds in the store's index and applies a schema's status when the answer has changed.

Called by `app.py`. Writes as the API server's own user, through the ordinary apply.

Source: apiserver `util/flowcontrol/apf_controller.go` (`syncFlowSchemaStatus`, texts of the condition).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.options import WriteOptions
from navarch.server.own_writes import API_SERVER
from navarch.server.pipeline import Write
from navarch.server.served import Resources
from navarch.store.contract import Event, Index, StoreError

log = logging.getLogger(__name__)

SCHEMAS: Final = "flowschemas.flowcontrol.apiserver.k8s.io"
LEVELS: Final = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
MANAGER: Final = "api-priority-and-fairness-config-consumer-v1"

#: Pause before the next try when the store takes no writes.
RETRY_S: Final = 5.0

Apply = Callable[[Write, Tree], Awaitable[Any]]


class FlowSchemas:
    """The follower of one server. `close` ends what is under way."""

    def __init__(self, index: Index, clock: Clock, resources: Resources, apply: Apply) -> None:
        self._index = index
        self._clock = clock
        self._resources = resources
        self._apply = apply
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancels = [
            index.watch(SCHEMAS, index.revision, self._schemas_changed),
            index.watch(LEVELS, index.revision, lambda _: self.take_in()),
        ]

    def close(self) -> None:
        for cancel in self._cancels:
            cancel()
        for task in self._tasks.values():
            task.cancel()

    def take_in(self) -> None:
        """Judge all schemas. Needs a running loop."""
        for entry in self._index.range(SCHEMAS + "/"):
            self._judge(orjson.loads(entry.value))

    def _schemas_changed(self, events: Sequence[Event]) -> None:
        for event in events:
            if not event.deleted:
                self._judge(orjson.loads(event.entry.value))

    def _judge(self, schema: Tree) -> None:
        name = schema["metadata"]["name"]
        if self._missing(schema) is None or name in self._tasks:
            return
        self._tasks[name] = asyncio.get_running_loop().create_task(self._settle(name))

    async def _settle(self, name: str) -> None:
        """Write until the schema says what is so: it, or its level, may change meanwhile, and the store refuse."""
        try:
            while (condition := self._wanted(name)) is not None:
                try:
                    await self._write(name, condition)
                except StatusError as error:
                    if error.reason not in ("NotFound", "Conflict"):
                        log.error("flowschema=%s: status not written: %s", name, error)
                        return
                except StoreError as error:
                    log.warning("flowschema=%s: status not written, again in %s s: %s", name, RETRY_S, error)
                    await asyncio.sleep(RETRY_S)
        finally:
            # Not in a callback of the task: a change between its last look and the callback would go unseen.
            self._tasks.pop(name, None)

    def _missing(self, schema: Tree) -> Tree | None:
        level = schema["spec"]["priorityLevelConfiguration"]["name"]
        return dangling(schema, self._index.get(f"{LEVELS}/{level}") is not None)

    def _wanted(self, name: str) -> Tree | None:
        entry = self._index.get(f"{SCHEMAS}/{name}")
        return self._missing(orjson.loads(entry.value)) if entry is not None else None

    async def _write(self, name: str, condition: Tree) -> None:
        served = self._resources.by_bucket(SCHEMAS)
        assert served is not None
        applied: Tree = {"apiVersion": served.api_version, "kind": served.kind.kind, "metadata": {"name": name}}
        applied["status"] = {"conditions": [{**condition, "lastTransitionTime": format_time(self._clock.now())}]}
        options = WriteOptions(field_manager=MANAGER, force=True)
        await self._apply(Write(served, "", name, "status", API_SERVER, options, MANAGER, []), applied)


def dangling(schema: Tree, level_exists: bool) -> Tree | None:
    """The condition that a schema should have, without its time; None if it has it."""
    level = schema["spec"]["priorityLevelConfiguration"]["name"]
    text = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" '
    if level_exists:
        wanted = {"status": "False", "reason": "Found", "message": text + "and it exists"}
    else:
        wanted = {"status": "True", "reason": "NotFound", "message": text + "but there is no such object"}
    wanted = {"type": "Dangling", **wanted}
    for condition in (schema.get("status") or {}).get("conditions") or ():
        if wanted.items() <= condition.items():
            return None
    return wanted
