"""Carries out a plan against the API server. Called by the runner; decides nothing.

Every outcome is reported to the runner's barrier through `Written` and `Going`; the first failure
ends the plan.

Source: slow start as in Kubernetes' replica set and job controllers (1, 2, 4, ... while all succeed).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from navarch.base.errors import MODIFIED, NavarchError, StatusError, conflict
from navarch.base.patch import apply_merge_patch
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client, PatchType, Preconditions, revision_of
from navarch.client.recorder import Recorder
from navarch.control.intents import (
    Ask,
    Create,
    Delete,
    DeleteCollection,
    Event,
    Intent,
    List,
    Look,
    Patch,
    PutSpec,
    RequireEmpty,
    Update,
)
from navarch.schema.types import Tree

#: Deletes that are under way at a time.
DELETE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Written:
    """An object of `resource` was written at `revision`."""

    resource: Resource
    revision: int


@dataclass(frozen=True, slots=True)
class Going:
    """The object `uid` was asked to be deleted."""

    resource: Resource
    key: ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class Saw:
    """A live look at an object: its uid, or "" if there is none. Of a review: "allowed" or ""."""

    resource: Resource
    key: ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list answered: trees, or why there are none."""

    resource: Resource
    trees: tuple[Tree, ...] = ()
    error: str = ""


Effect = Written | Going | Saw | Listed


class Execution:
    """One run through a plan's intents; `effects` and `error` tell what came of it."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self._client = client
        self._recorder = recorder
        self.effects: list[Effect] = []
        self.error: NavarchError | None = None
        self.failed: Intent | None = None

    async def run(self, intents: Iterable[Intent]) -> None:
        for (kind, _), group in groupby(intents, lambda i: (type(i), getattr(i, "resource", None))):
            batch = list(group)
            if kind is Create:
                await self._slow_start(batch)
            elif kind is Delete:
                for start in range(0, len(batch), DELETE_BATCH):
                    await self._together(batch[start : start + DELETE_BATCH])
            else:
                for intent in batch:
                    await self._one(intent)
                    if self.error is not None:
                        return
            if self.error is not None:
                return

    async def _slow_start(self, batch: Sequence[Intent]) -> None:
        start, size = 0, 1
        while start < len(batch) and self.error is None:
            await self._together(batch[start : start + size])
            start, size = start + size, size * 2

    async def _together(self, batch: Sequence[Intent]) -> None:
        if len(batch) == 1:
            await self._one(batch[0])
            return
        async with asyncio.TaskGroup() as group:
            for intent in batch:
                group.create_task(self._one(intent))

    async def _one(self, intent: Intent) -> None:
        try:
            await self._do(intent)
        except NavarchError as error:
            if _is_forgiven(intent, error):
                return
            on_failure = intent.on_failure if isinstance(intent, Create | Delete) else None
            if on_failure is not None:
                self._record(on_failure, error=str(error))
            if self.error is None:
                self.error, self.failed = error, intent

    async def _do(self, intent: Intent) -> None:
        match intent:
            case Event():
                self._record(intent)
            case Create():
                raw = await self._client.create(intent.resource, intent.tree, intent.namespace)
                self._wrote(intent.resource, raw)
                if intent.on_success is not None:
                    name = intent.tree["metadata"].get("name") or orjson.loads(raw)["metadata"]["name"]
                    self._record(intent.on_success, name=name)
            case Patch():
                await self._patch(intent)
            case Update():
                raw = await self._client.update(intent.resource, intent.tree, subresource=intent.subresource)
                self._wrote(intent.resource, raw)
            case Delete():
                await self._delete(intent)
            case DeleteCollection():
                await self._client.request("DELETE", intent.resource.path(intent.namespace))
                self.effects += [Going(intent.resource, key, uid) for key, uid in intent.expected]
            case RequireEmpty():
                await self._require_empty(intent)
            case PutSpec():
                await self._put_spec(intent)
            case Look():
                await self._look(intent)
            case Ask():
                await self._ask(intent)
            case List():
                await self._list(intent)

    async def _patch(self, intent: Patch) -> None:
        if intent.by_update:
            raw = await self._merge_and_put(intent)
        else:
            raw = await self._client.patch(
                intent.resource,
                intent.key.name,
                guarded(intent),
                intent.type,
                intent.key.namespace,
                subresource=intent.subresource,
                field_manager=intent.manager,
                force=bool(intent.manager),
            )
        self._wrote(intent.resource, raw)
        if intent.on_success is not None:
            self._record(intent.on_success, name=intent.key.name)

    async def _merge_and_put(self, intent: Patch) -> bytes:
        """What a merge patch with preconditions does on the server, done here."""
        assert intent.type is PatchType.MERGE
        resource, key = intent.resource, intent.key
        part = "scale" if intent.subresource == "scale" else ""  # an object of its own, unlike the status
        tree = orjson.loads(await self._client.get(resource, key.name, key.namespace, subresource=part))
        metadata = tree["metadata"]
        if intent.uid not in ("", metadata["uid"]) or intent.resource_version not in ("", metadata["resourceVersion"]):
            raise conflict(resource.plural, key.name, MODIFIED, resource.group)
        # The resourceVersion that was read goes along, so nothing that changes meanwhile is lost.
        return await self._client.update(
            resource, apply_merge_patch(tree, intent.patch), subresource=intent.subresource
        )

    async def _delete(self, intent: Delete) -> None:
        going = Going(intent.resource, intent.key, intent.uid)
        try:
            await self._client.delete(
                intent.resource,
                intent.key.name,
                intent.key.namespace,
                preconditions=Preconditions(intent.uid, intent.resource_version or None),
                grace_period_s=intent.grace_period_s,
                propagation=intent.propagation,
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        else:
            if intent.on_success is not None:
                self._record(intent.on_success, name=intent.key.name)
        self.effects.append(going)

    async def _require_empty(self, intent: RequireEmpty) -> None:
        for resource in intent.resources:
            page = await self._client.list(resource, intent.namespace, limit=1)
            if page.items:
                raise conflict("namespaces", intent.namespace, f"{resource.plural} remain")

    async def _put_spec(self, intent: PutSpec) -> None:
        key = intent.key
        tree = orjson.loads(await self._client.get(intent.resource, key.name, key.namespace))
        metadata = tree["metadata"]
        if (metadata["uid"], metadata["resourceVersion"]) != (intent.uid, intent.resource_version):
            raise conflict(intent.resource.plural, key.name, MODIFIED, intent.resource.group)
        tree["spec"] = intent.spec
        raw = await self._client.update(intent.resource, tree, subresource=intent.subresource)
        if b'"resourceVersion":' in raw:
            self._wrote(intent.resource, raw)

    async def _look(self, intent: Look) -> None:
        uid = ""
        try:
            raw = await self._client.get(intent.resource, intent.key.name, intent.key.namespace)
            uid = orjson.loads(raw)["metadata"]["uid"]
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        self.effects.append(Saw(intent.resource, intent.key, uid))

    async def _ask(self, intent: Ask) -> None:
        tree = {"apiVersion": intent.resource.api_version, "kind": intent.resource.kind, "spec": intent.spec}
        answer = orjson.loads(await self._client.create(intent.resource, {**tree, "metadata": {}}))
        allowed = answer.get("status", {}).get("allowed", False)
        self.effects.append(Saw(intent.resource, intent.key, "allowed" if allowed else ""))

    async def _list(self, intent: List) -> None:
        try:
            page = await self._client.list(intent.resource, intent.namespace, label_selector=intent.label_selector)
        except StatusError as error:
            absent = "the server could not find the requested resource"
            self.effects.append(Listed(intent.resource, error=absent if error.code == 404 else str(error)))
        else:
            self.effects.append(Listed(intent.resource, tuple(orjson.loads(raw) for raw in page.items)))

    def _wrote(self, resource: Resource, raw: bytes) -> None:
        self.effects.append(Written(resource, revision_of(raw)))

    def _record(self, event: Event, *, name: str = "", error: str = "") -> None:
        message = event.message.replace("{name}", name).replace("{error}", error)
        self._recorder.event(event.about, event.type, event.reason, message)


def guarded(intent: Patch) -> Any:
    """The patch with its preconditions: in the metadata of a merge, as tests of a JSON patch."""
    guards = {k: v for k, v in (("uid", intent.uid), ("resourceVersion", intent.resource_version)) if v}
    if not guards:
        return intent.patch
    if intent.type is PatchType.JSON:
        tests = [{"op": "test", "path": f"/metadata/{k}", "value": v} for k, v in guards.items()]
        return [*tests, *intent.patch]
    return {**intent.patch, "metadata": {**intent.patch.get("metadata", {}), **guards}}


def _is_forgiven(intent: Intent, error: NavarchError) -> bool:
    """Nothing can be created in a namespace that is being deleted, and trying again is no use."""
    if not isinstance(error, StatusError) or not isinstance(intent, Create) or error.details is None:
        return False
    return any(cause.reason == "NamespaceTerminating" for cause in error.details.causes)
