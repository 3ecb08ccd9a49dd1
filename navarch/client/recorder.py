"""Records Kubernetes Events for one component, without ever making it wait.

Callers: every component that tells users what it did. `event` notes an occurrence and returns; `run`
writes. When the API server is slower than the events, the oldest waiting ones are dropped.

Worked example:
    recorder = Recorder(client, seams, "deployment-controller")
    group.create_task(recorder.run())
    recorder.event(reference, "Normal", "ScalingReplicaSet", "Scaled up replica set web-1 from 0 to 3")

Source: the core/v1 Event conventions of client-go's recorder.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from navarch.api.views.meta import ObjectMeta
from navarch.api.views.pod import ObjectReference
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.base.times import format_time
from navarch.client.contract import Client, PatchType, Unreachable
from navarch.client.events import Correlator, Occurrence, Series
from navarch.schema.types import Tree
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

EVENTS: Final = Resource("", "v1", "events", "Event", True)
#: Occurrences that wait to be written.
WAITING_LIMIT: Final = 1000
#: How often one write is tried when the server does not answer.
ATTEMPTS: Final = 12
RETRY_S: Final = 10.0


def reference(resource: Resource, metadata: ObjectMeta, field_path: str = "") -> ObjectReference:
    """The reference to an object in events about it."""
    return ObjectReference(
        apiVersion=resource.api_version,
        kind=resource.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resourceVersion=metadata.resourceVersion,
        fieldPath=field_path,
    )


class Recorder:
    """`component` and `host` are shown as the events' source."""

    def __init__(self, client: Client, seams: Seams, component: str, *, host: str = "") -> None:
        self._client = client
        self._seams = seams
        self._component = component
        self._host = host
        self._waiting: deque[Occurrence] = deque(maxlen=WAITING_LIMIT)
        self._filled = asyncio.Event()
        self._correlator = Correlator()
        self._last_nanos = 0

    def event(self, about: ObjectReference, type_: str, reason: str, message: str) -> None:
        """Note an occurrence; `type_` is Normal or Warning."""
        self._waiting.append(Occurrence(about, type_, reason, message[:1024]))
        self._filled.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._filled.wait()
            while self._waiting:
                series = self._correlator.take(self._waiting.popleft(), self._seams.clock.now())
                if series is not None:
                    await self._write(series)
            self._filled.clear()

    async def _write(self, series: Series) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await (self._raise_count(series) if series.name else self._create(series))
            except StatusError as error:
                if error.reason == "NotFound" and series.name:
                    # The event has expired: its series begins again.
                    series.name = ""
                elif error.reason != "AlreadyExists":
                    if error.reason != "Forbidden":
                        log.warning("event refused reason=%s error=%s", series.occurrence.reason, error)
                    return
            except Unreachable:
                if attempt + 1 < ATTEMPTS:
                    await asyncio.sleep(self._seams.rng.uniform(RETRY_S / 2, RETRY_S))
            else:
                return

    async def _create(self, series: Series) -> None:
        namespace = series.occurrence.about.namespace or "default"
        name = self._name(series.occurrence.about.name)
        await self._client.create(EVENTS, self._object(series, namespace, name), namespace)
        series.namespace, series.name = namespace, name

    async def _raise_count(self, series: Series) -> None:
        patch = {
            "count": series.count,
            "lastTimestamp": format_time(series.last_at),
            "message": series.occurrence.message,
        }
        await self._client.patch(EVENTS, series.name, patch, PatchType.STRATEGIC, series.namespace)

    def _object(self, series: Series, namespace: str, name: str) -> Tree:
        about = series.occurrence.about
        involved = {
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
            "apiVersion": about.apiVersion,
            "resourceVersion": about.resourceVersion,
            "fieldPath": about.fieldPath,
        }
        source = {"component": self._component, "host": self._host}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {k: v for k, v in involved.items() if v},
            "reason": series.occurrence.reason,
            "message": series.occurrence.message,
            "source": {k: v for k, v in source.items() if v},
            "firstTimestamp": format_time(series.first_at),
            "lastTimestamp": format_time(series.last_at),
            "count": series.count,
            "type": series.occurrence.type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    def _name(self, about: str) -> str:
        """Object name and nanoseconds in hexadecimal. Never the same twice, also where time stands still."""
        self._last_nanos = max(int(self._seams.clock.now() * 1e9), self._last_nanos + 1)
        return f"{about[:230]}.{self._last_nanos:x}"
