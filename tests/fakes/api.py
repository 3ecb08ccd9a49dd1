"""A small API server in memory: enough of the contract to run informers and controllers in tests.

Objects are trees by resource and key; each write has a revision; every watcher has a FIFO link with a
delay of its own, drawn anew for each batch. Deleting honours finalizers and preconditions.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import orjson

from navarch.base import errors
from navarch.base.resource import ObjectKey, Resource
from navarch.base.selector import parse_fields, parse_labels
from navarch.base.times import format_time
from navarch.client.contract import Page, PatchType, Preconditions, Unreachable, WatchEvent, revision_of
from navarch.schema.types import Tree
from navarch.seams.contract import Seams


def merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def field_of(tree: Tree, path: str) -> str:
    """The value of a field for a selector."""
    value: Any = tree
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def dump(tree: Tree) -> bytes:
    return orjson.dumps(tree)


class FakeApi:
    """Implements `client.contract.Client`."""

    streams_lists = False

    def __init__(self, seams: Seams, max_delay_s: float = 0.0) -> None:
        self.seams = seams
        self.max_delay_s = max_delay_s
        self.revision = 1
        self.oldest = 0
        self.objects: dict[Resource, dict[ObjectKey, Tree]] = {}
        self.log: list[tuple[int, Resource, str, Tree]] = []
        self.changed = asyncio.Event()
        self.calls: list[tuple[str, Resource, str]] = []
        self.down = False
        #: Called before each write with (verb, resource, tree or name): may raise a StatusError.
        self.refuse: Callable[[str, Resource, Any], None] = lambda verb, resource, what: None
        #: Called after each write.
        self.watch_invariant: Callable[[], None] = lambda: None

    # --- for tests
    def tree(self, resource: Resource, name: str, namespace: str = "default") -> Tree | None:
        return self.objects.get(resource, {}).get(ObjectKey(namespace if resource.namespaced else "", name))

    def trees(self, resource: Resource) -> list[Tree]:
        return list(self.objects.get(resource, {}).values())

    def _commit(self, type_: str, resource: Resource, tree: Tree) -> Tree:
        self.revision += 1
        tree["metadata"]["resourceVersion"] = str(self.revision)
        key = ObjectKey(tree["metadata"].get("namespace", ""), tree["metadata"]["name"])
        bucket = self.objects.setdefault(resource, {})
        if type_ == "DELETED":
            bucket.pop(key, None)
        else:
            bucket[key] = tree
        self.log.append((self.revision, resource, type_, copy.deepcopy(tree)))
        self.changed.set()
        self.changed = asyncio.Event()
        self.watch_invariant()
        return tree

    def _find(self, resource: Resource, name: str, namespace: str) -> Tree:
        tree = self.tree(resource, name, namespace)
        if tree is None:
            raise errors.not_found(resource.plural, name, resource.group)
        return tree

    async def _enter(self, verb: str, resource: Resource, what: Any) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise Unreachable("connection refused")
        self.calls.append((verb, resource, what if isinstance(what, str) else what["metadata"].get("name", "")))
        self.refuse(verb, resource, what)

    # --- the contract
    async def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> bytes:
        await self._enter("get", resource, name)
        return dump(self._find(resource, name, namespace))

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
    ) -> Page:
        await self._enter("list", resource, namespace)
        labels, fields = parse_labels(label_selector), parse_fields(field_selector)
        trees = [
            t
            for k, t in sorted(self.objects.get(resource, {}).items())
            if namespace in ("", k.namespace)
            and labels.matches(t["metadata"].get("labels") or {})
            and fields.matches(lambda path, t=t: field_of(t, path))
        ]
        start = int(continue_token or 0)
        end = start + limit if limit else len(trees)
        token = str(end) if end < len(trees) else ""
        return Page([dump(t) for t in trees[start:end]], self.revision, token)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        after: int,
        label_selector: str = "",
        field_selector: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        await self._enter("watch", resource, namespace)
        if initial:
            page = await self.list(resource, namespace, label_selector=label_selector, field_selector=field_selector)
            after = page.revision
            there = [WatchEvent("ADDED", raw, revision_of(raw)) for raw in page.items]
            yield [*there, WatchEvent("BOOKMARK", b"{}", after)]
        if after < self.oldest:
            raise errors.expired(f"too old resource version: {after} ({self.oldest})")
        # What does not change in an object's life can be selected by; the fake sends no DELETED for what drops out.
        fields = parse_fields(field_selector)
        at = next((i for i, e in enumerate(self.log) if e[0] > after), len(self.log))
        while True:
            while at == len(self.log):
                await self.changed.wait()
                if self.down:
                    raise Unreachable("connection reset")
            if self.max_delay_s:
                await asyncio.sleep(self.seams.rng.uniform(0, self.max_delay_s))
            batch = []
            entries = self.log[at:]
            at = len(self.log)
            for revision, of, type_, tree in entries:
                if (
                    of == resource
                    and namespace in ("", tree["metadata"].get("namespace", ""))
                    and fields.matches(lambda path, tree=tree: field_of(tree, path))
                ):
                    batch.append(WatchEvent(type_, dump(tree), revision))
            batch.append(WatchEvent("BOOKMARK", b"{}", entries[-1][0]))
            yield batch

    async def create(
        self, resource: Resource, obj: Tree, namespace: str = "", *, name: str = "", subresource: str = ""
    ) -> bytes:
        await self._enter("create", resource, obj)
        tree = copy.deepcopy(obj)
        metadata = tree.setdefault("metadata", {})
        if not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + self.seams.rng.suffix(5)
        if resource.namespaced:
            metadata["namespace"] = namespace
        if self.tree(resource, metadata["name"], namespace) is not None:
            raise errors.already_exists(resource.plural, metadata["name"], resource.group)
        metadata.update(uid=self.seams.rng.uuid(), creationTimestamp=format_time(self.seams.clock.now()), generation=1)
        return dump(self._commit("ADDED", resource, tree))

    async def update(self, resource: Resource, obj: Tree, *, subresource: str = "") -> bytes:
        await self._enter("update", resource, obj)
        metadata = obj["metadata"]
        current = self._find(resource, metadata["name"], metadata.get("namespace", ""))
        return self._replace(resource, current, copy.deepcopy(obj), subresource)

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
        await self._enter("patch", resource, name)
        assert patch_type in (PatchType.MERGE, PatchType.STRATEGIC, PatchType.APPLY)
        current = self._find(resource, name, namespace)
        return self._replace(resource, current, merge(copy.deepcopy(current), copy.deepcopy(patch)), subresource)

    def _replace(self, resource: Resource, current: Tree, new: Tree, subresource: str) -> bytes:
        old_meta, metadata = current["metadata"], new["metadata"]
        if metadata.get("uid", old_meta["uid"]) != old_meta["uid"]:
            raise errors.conflict(resource.plural, old_meta["name"], "Precondition failed: UID", resource.group)
        if metadata.get("resourceVersion") not in ("", None, old_meta["resourceVersion"]):
            raise errors.conflict(resource.plural, old_meta["name"], errors.MODIFIED, resource.group)
        if subresource == "status":
            # As for deployments: annotations may be written with the status, and leave the generation alone.
            kept_tree, annotations = copy.deepcopy(current), metadata.get("annotations")
            new = {**kept_tree, "status": new.get("status", {})}
            new["metadata"] |= {"annotations": annotations} if annotations else {}
        elif "status" in current:
            new["status"] = copy.deepcopy(current["status"])
        for kept in ("resourceVersion", "uid", "creationTimestamp", "generation"):
            new["metadata"][kept] = old_meta[kept]
        if new == current:
            return dump(current)
        if new.get("spec") != current.get("spec"):
            new["metadata"]["generation"] = old_meta.get("generation", 1) + 1
        held = new["metadata"].get("finalizers") or new.get("spec", {}).get("finalizers")
        if new["metadata"].get("deletionTimestamp") and not held:
            return dump(self._commit("DELETED", resource, new))
        return dump(self._commit("MODIFIED", resource, new))

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
        await self._enter("delete", resource, name)
        current = copy.deepcopy(self._find(resource, name, namespace))
        metadata = current["metadata"]
        if preconditions is not None and preconditions.uid not in (None, metadata["uid"]):
            raise errors.conflict(resource.plural, name, "the UID in the precondition does not match", resource.group)
        if preconditions is not None and preconditions.resource_version not in (None, metadata["resourceVersion"]):
            raise errors.conflict(resource.plural, name, errors.MODIFIED, resource.group)
        finalizer = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
        if finalizer and finalizer not in metadata.get("finalizers", []):
            metadata.setdefault("finalizers", []).append(finalizer)
        if metadata.get("finalizers") or current.get("spec", {}).get("finalizers"):
            if not metadata.get("deletionTimestamp"):
                metadata["deletionTimestamp"] = format_time(self.seams.clock.now())
                self._commit("MODIFIED", resource, current)
            return dump(current)
        return dump(self._commit("DELETED", resource, current))

    async def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        resource, namespace = self._collection(path.partition("?")[0])
        assert method == "DELETE"
        if resource is None:
            return b"{}"
        await self._enter("deletecollection", resource, namespace)
        for key in sorted(self.objects.get(resource, {})):
            if key.namespace == namespace:
                await self.delete(resource, key.name, namespace)
        return b"{}"

    def _collection(self, path: str) -> tuple[Resource | None, str]:
        parts = path.split("/")
        namespace = parts[parts.index("namespaces") + 1]
        return next((r for r in self.objects if r.path(namespace) == path), None), namespace

    async def close(self) -> None:
        return None
