"""A tiny API server for tests of the kubelet: objects in a dictionary, one watch log, no validation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from navarch.base.errors import already_exists, conflict, not_found
from navarch.base.resource import Resource
from navarch.client.contract import Page, PatchType, Preconditions, Unreachable, WatchEvent
from navarch.schema.types import Tree

Key = tuple[str, str, str]


class TinyApi:
    """Implements `Client`. `log` notes every write as `verb plural/name`; `down` makes it unreachable."""

    streams_lists = False

    def __init__(self) -> None:
        self.objects: dict[Key, Tree] = {}
        self.log: list[str] = []
        self.down = False
        self._revision = 0
        self._changes: list[tuple[str, str, WatchEvent]] = []
        self._grown = asyncio.Condition()
        self._uids = 0

    # --- for tests

    def pod(self, name: str, namespace: str = "default") -> Tree:
        return self.objects["pods", namespace, name]

    def has_pod(self, name: str, namespace: str = "default") -> bool:
        return ("pods", namespace, name) in self.objects

    async def put(self, plural: str, tree: Tree) -> Tree:
        """Store an object as if someone had written it."""
        meta = tree.setdefault("metadata", {})
        if "uid" not in meta:
            self._uids += 1
            meta["uid"] = f"uid-{self._uids}"
        meta.setdefault("generation", 1)
        key = (plural, meta.get("namespace", ""), meta["name"])
        kind = "MODIFIED" if key in self.objects else "ADDED"
        return await self._commit(kind, key, tree)

    async def _commit(self, kind: str, key: Key, tree: Tree) -> Tree:
        self._revision += 1
        tree["metadata"]["resourceVersion"] = str(self._revision)
        if kind == "DELETED":
            self.objects.pop(key)
        else:
            self.objects[key] = tree
        self._changes.append((key[0], key[1], WatchEvent(kind, msgspec.json.encode(tree), self._revision)))
        async with self._grown:
            self._grown.notify_all()
        return tree

    def _check(self) -> None:
        if self.down:
            raise Unreachable("connection refused")

    def _find(self, resource: Resource, namespace: str, name: str) -> Tree:
        self._check()
        found = self.objects.get((resource.plural, namespace, name))
        if found is None:
            raise not_found(resource.plural, name, resource.group)
        return found

    # --- Client

    async def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> bytes:
        return msgspec.json.encode(self._find(resource, namespace, name))

    async def list(self, resource: Resource, namespace: str = "", **_: Any) -> Page:
        self._check()
        items = [t for (plural, _, _), t in self.objects.items() if plural == resource.plural]
        return Page([msgspec.json.encode(t) for t in items], self._revision)

    async def watch(
        self, resource: Resource, namespace: str = "", *, after: int, **_: Any
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        position = 0
        while True:
            self._check()
            fresh = [e for plural, _, e in self._changes[position:] if plural == resource.plural and e.revision > after]
            position = len(self._changes)
            if fresh:
                yield fresh
                continue
            async with self._grown:
                if position == len(self._changes):
                    await self._grown.wait()

    async def create(
        self, resource: Resource, obj: Tree, namespace: str = "", *, name: str = "", subresource: str = ""
    ) -> bytes:
        self._check()
        if subresource == "token":
            status = {"token": f"token-of-{name}", "expirationTimestamp": "2100-01-01T00:00:00Z"}
            return msgspec.json.encode({**obj, "status": status})
        tree = msgspec.json.decode(msgspec.json.encode(obj))
        key = (resource.plural, namespace, tree["metadata"]["name"])
        if key in self.objects:
            raise already_exists(resource.plural, key[2])
        self.log.append(f"create {resource.plural}/{key[2]}")
        return msgspec.json.encode(await self.put(resource.plural, tree))

    async def update(self, resource: Resource, obj: Tree, *, subresource: str = "") -> bytes:
        meta = obj["metadata"]
        self._find(resource, meta.get("namespace", ""), meta["name"])
        return msgspec.json.encode(await self.put(resource.plural, dict(obj)))

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
    ) -> bytes:
        tree = dict(self._find(resource, namespace, name))
        uid = patch.get("metadata", {}).get("uid")
        if uid is not None and uid != tree["metadata"]["uid"]:
            raise conflict(resource.plural, name, "the UID differs")
        self.log.append(f"patch {resource.plural}/{name}")
        if "status" in patch:
            merged = {**tree.get("status", {}), **patch["status"]}
            tree["status"] = without_nulls({k: v for k, v in merged.items() if not k.startswith("$")})
        tree["metadata"] = dict(tree["metadata"])
        return msgspec.json.encode(await self._commit("MODIFIED", (resource.plural, namespace, name), tree))

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        preconditions: Preconditions | None = None,
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> bytes:
        tree = dict(self._find(resource, namespace, name))
        tree["metadata"] = dict(tree["metadata"])
        if preconditions and preconditions.uid not in (None, tree["metadata"]["uid"]):
            raise conflict(resource.plural, name, "the UID differs")
        key = (resource.plural, namespace, name)
        if resource.plural == "pods" and grace_period_s != 0:
            grace = tree["spec"].get("terminationGracePeriodSeconds", 30) if grace_period_s is None else grace_period_s
            tree["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": grace}
            return msgspec.json.encode(await self._commit("MODIFIED", key, tree))
        self.log.append(f"delete {resource.plural}/{name}")
        return msgspec.json.encode(await self._commit("DELETED", key, tree))

    async def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        raise AssertionError("the kubelet needs no raw requests")

    async def close(self) -> None:
        """Nothing is open."""


def without_nulls(tree: Tree) -> Tree:
    """The status after a patch; conditions keep only what is set."""
    out = {key: value for key, value in tree.items() if value is not None}
    if "conditions" in out:
        out["conditions"] = [{k: v for k, v in c.items() if v is not None} for c in out["conditions"]]
    return out
