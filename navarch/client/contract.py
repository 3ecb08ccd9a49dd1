"""What a component can ask of the API server: one contract, two clients.

`http.py` speaks to any Kubernetes API server; `direct.py` enters our own server's filter chain in
the same process. Both give and take the bytes of objects: who needs a typed view decodes one
(`navarch.api.views`), who needs a tree parses it. Errors are `StatusError` with the server's own
reason, code and details.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from navarch.base.errors import NavarchError
from navarch.base.resource import Resource
from navarch.schema.types import Tree


class PatchType(Enum):
    """How a patch is to be read; the value is its content type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Page:
    """The answer of a list: the objects' bytes, and the revision at which they stood."""

    items: Sequence[bytes]
    revision: int
    continue_token: str = ""


class WatchEvent:
    """One change of a watched object. `type` is ADDED, MODIFIED, DELETED or BOOKMARK. `raw` is the
    object. `views` is shared by all watchers of one process: decoded forms by their type. `line` is
    the event as the server writes it, once it has."""

    __slots__ = ("line", "raw", "revision", "type", "views")

    def __init__(self, type_: str, raw: bytes, revision: int, views: dict[type, Any] | None = None) -> None:
        self.type = type_
        self.raw = raw
        self.revision = revision
        self.views: dict[type, Any] = {} if views is None else views
        self.line: bytes | None = None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must be true of the object when it is deleted. None: anything."""

    uid: str | None = None
    resource_version: str | None = None


class Client(Protocol):
    """All calls raise StatusError as the server answers it, and `Unreachable` if it does not."""

    #: Whether a watch had better begin with what there is (`initial`), than follow a list.
    streams_lists: bool

    async def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> bytes: ...

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> Page: ...

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        after: int,
        label_selector: str = "",
        field_selector: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        """Batches of events with revisions above `after`, in order, bookmarks included. Ends when the
        server ends it. Raises StatusError 410 when `after` is too old: list again. With `initial`, `after`
        is not asked for: the first batch is all there is, as ADDED, and a bookmark at its end."""

    async def create(
        self, resource: Resource, obj: Tree, namespace: str = "", *, name: str = "", subresource: str = ""
    ) -> bytes:
        """`name` only with `subresource` (binding, eviction, token)."""

    async def update(self, resource: Resource, obj: Tree, *, subresource: str = "") -> bytes: ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        patch_type: PatchType,
        namespace: str = "",
        *,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> bytes: ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        preconditions: Preconditions | None = None,
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> bytes: ...

    async def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Any other call, by path and query: discovery, logs, health."""

    async def close(self) -> None: ...


def revision_of(raw: bytes) -> int:
    """metadata.resourceVersion of an object's bytes; the first in the document is the metadata's.

    Raises: ValueError if there is none.
    """
    start = raw.index(b'"resourceVersion":') + 18
    start = raw.index(b'"', start) + 1
    return int(raw[start : raw.index(b'"', start)])


class Unreachable(NavarchError):
    """The API server does not answer: refused, reset, timed out. Retrying later may help."""
