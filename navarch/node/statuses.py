"""Writes the status of pods to the API server: one write per pod at a time, the newest status wins.

Workers `put` and go on; a server that does not answer never holds a container up. A status that equals the
one written last is not written again.

Source: the kubelet's `status/status_manager.go`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from msgspec import convert

from navarch.api.views.base import decode
from navarch.api.views.pod import Pod, PodStatus
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client, PatchType, Unreachable
from navarch.node.status import FINAL
from navarch.schema.types import Tree
from navarch.seams.contract import Rng

log = logging.getLogger(__name__)

PODS: Final = Resource("", "v1", "pods", "Pod", True)
CONCURRENCY: Final = 8
RETRY_S: Final = 1.0
#: Status fields that must be taken back by name when they are no longer there.
_OPTIONAL: Final = ("message", "reason", "podIP")


@dataclass(slots=True)
class _Entry:
    key: ObjectKey
    wanted: Tree
    written: Tree | None = None
    gone: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Statuses:
    """The status writer of one kubelet; `run` does the writing."""

    def __init__(self, client: Client, rng: Rng) -> None:
        self._client = client
        self._rng = rng
        self._entries: dict[str, _Entry] = {}
        self._dirty: dict[str, None] = {}
        self._wake = asyncio.Event()

    def put(self, uid: str, key: ObjectKey, status: Tree, shown: PodStatus) -> None:
        """Let this be the pod's status. `uid` is that of the object in the API, `shown` what the API shows."""
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(key, status)
            if convert(status, PodStatus) == shown:
                # A kubelet that starts again finds what its former life wrote.
                entry.written = status
                entry.done.set()
                return
        elif entry.gone or entry.wanted == status:
            return
        entry.wanted = status
        entry.done.clear()
        self._dirty[uid] = None
        self._wake.set()

    def seen(self, uid: str, status: PodStatus) -> None:
        """What the API shows of a pod now. Where somebody else has changed what is ours (a node controller
        that took the node for dead), it is written again. Old news cost a write that changes nothing."""
        entry = self._entries.get(uid)
        if entry is None or entry.gone or entry.written is None or status.phase in FINAL:
            return
        shown = {c.type: c.status for c in status.conditions}
        ours = {c["type"]: c["status"] for c in entry.written.get("conditions", ())}
        if status.phase == entry.written.get("phase") and all(shown.get(t) == s for t, s in ours.items()):
            return
        entry.written = None
        self._dirty[uid] = None
        self._wake.set()

    async def written(self, uid: str) -> None:
        """Wait until the newest status is in the API, or the pod is gone from there."""
        entry = self._entries.get(uid)
        if entry is not None:
            await entry.done.wait()

    def forget(self, uid: str) -> None:
        """The pod is gone from the API."""
        entry = self._entries.pop(uid, None)
        self._dirty.pop(uid, None)
        if entry is not None:
            entry.gone = True
            entry.done.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                batch = list(self._dirty)[:CONCURRENCY]
                for uid in batch:
                    del self._dirty[uid]
                if len(batch) == 1:
                    await self._write(batch[0])
                    continue
                async with asyncio.TaskGroup() as group:
                    for uid in batch:
                        group.create_task(self._write(uid))

    async def _write(self, uid: str) -> None:
        entry = self._entries.get(uid)
        if entry is None or entry.wanted == entry.written:
            return
        wanted = entry.wanted
        patch = {"metadata": {"uid": uid}, "status": status_patch(entry.written, wanted)}
        try:
            await self._client.patch(
                PODS, entry.key.name, patch, PatchType.STRATEGIC, entry.key.namespace, subresource="status"
            )
        except Unreachable:
            await self._again(uid)
            return
        except StatusError as error:
            # A uid that is not the object's is a conflict to some servers, and an immutable field to others.
            if error.code == 404 or (error.code in (409, 422) and await self._replaced(uid, entry.key)):
                # Gone, or another pod of the same name: nobody waits for this status any more.
                entry.gone = True
                entry.done.set()
                return
            if error.code != 409:
                log.warning("pod status refused pod=%s error=%s", entry.key, error)
            await self._again(uid)
            return
        entry.written = wanted
        if entry.wanted is wanted:
            entry.done.set()
        else:
            self._dirty[uid] = None

    async def _replaced(self, uid: str, key: ObjectKey) -> bool:
        """Whether a conflict means that this pod is no more, not just a race that was lost."""
        try:
            return decode(Pod, await self._client.get(PODS, key.name, key.namespace)).metadata.uid != uid
        except StatusError as error:
            return error.code == 404
        except Unreachable:
            return False

    async def _again(self, uid: str) -> None:
        await asyncio.sleep(self._rng.uniform(RETRY_S / 2, RETRY_S))
        self._dirty[uid] = None
        self._wake.set()


def status_patch(before: Tree | None, wanted: Tree) -> Tree:
    """The strategic merge patch that leads to `wanted`, and takes back what went since `before`."""
    patch = dict(wanted)
    for name in _OPTIONAL:
        if name not in wanted and (before is None or name in before):
            patch[name] = None
    if "conditions" in wanted:
        patch["conditions"] = _conditions(before, wanted["conditions"])
        patch["$setElementOrder/conditions"] = [{"type": c["type"]} for c in wanted["conditions"]]
    if before is None:
        # Nobody knows what is there: perhaps the address of a sandbox that this node forgot.
        patch["podIPs"] = [{"$patch": "replace"}, *wanted["podIPs"]] if wanted.get("podIPs") else None
    kept = {entry["ip"] for entry in wanted.get("podIPs", ())}
    stale = [e["ip"] for e in (before or {}).get("podIPs", ()) if e["ip"] not in kept]
    if stale:
        patch["podIPs"] = [*wanted.get("podIPs", ()), *({"ip": ip, "$patch": "delete"} for ip in stale)]
    return patch


def _conditions(before: Tree | None, wanted: list[Tree]) -> list[Tree]:
    """The conditions, each taking back the reason and message that it may have had before."""
    had = {c["type"]: c for c in (before or {}).get("conditions", ())}
    out = []
    for condition in wanted:
        old = had.get(condition["type"])
        taken = {k: None for k in ("reason", "message") if k not in condition and (old is None or k in old)}
        out.append({**condition, **taken})
    shown = {condition["type"] for condition in wanted}
    out += [{"type": type_, "$patch": "delete"} for type_ in had if type_ not in shown]
    return out
