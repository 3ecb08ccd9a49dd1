"""Subresources that show the whole object and write one part of it: finalize, approval,
ephemeralcontainers, resize.

Each is GET, PUT and PATCH like the object itself, with its own rule for what a write may touch. The
rule takes (new, old) and carries over everything else.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from navarch.schema.types import Tree
from navarch.server import bodies, patching
from navarch.server.objects import Objects
from navarch.server.options import parse_query, write_options
from navarch.server.pipeline import PATCH_TRIES, Change, Write, check_place, check_uid
from navarch.server.served import Served
from navarch.wire.messages import Request, RequestInfo, Response

#: (new, old) -> the old object with that part of the new one which this subresource writes.
Part = Callable[[Tree, Tree], Tree]


class WholeObjectSubresource:
    """One such subresource."""

    def __init__(self, objects: Objects, part: Part) -> None:
        self._objects = objects
        self._part = part

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 400, 404, 409, 422."""
        if info.verb == "get":
            return await self._objects.get(request, info, served)
        query = parse_query(request.query)
        options = write_options(query, "UpdateOptions" if info.verb == "update" else "PatchOptions")
        write = self._objects.write_of(request, info, served, options)
        asked = self._put(write, request) if info.verb == "update" else self._patch(write, request)

        def change(current: Tree) -> Tree:
            old: Tree = orjson.loads(orjson.dumps(current))
            new = asked(current)
            changed = self._part(new, old)
            changed["metadata"]["resourceVersion"] = new["metadata"].get("resourceVersion", "")
            return changed

        outcome = await self._objects.pipeline.change(write, change, tries=PATCH_TRIES)
        return self._objects.answer(request, served, outcome, query)

    @staticmethod
    def _put(write: Write, request: Request) -> Change:
        media = bodies.media_type(request.headers.get("content-type", ""))
        sent = bodies.decode(write.served, request.body, media, write.options, write.warnings)
        check_place(write, sent)

        def replace(current: Tree) -> Tree:
            check_uid(write, sent, current)
            fresh: Tree = orjson.loads(orjson.dumps(sent))
            return fresh

        return replace

    @staticmethod
    def _patch(write: Write, request: Request) -> Change:
        media = patching.media_type(request.headers.get("content-type", ""))
        return patching.change_of(write, media, request.body)


def namespace_finalizers(new: Tree, old: Tree) -> Tree:
    """`namespaces/finalize`: the finalizers of the spec."""
    finalizers = (new.get("spec") or {}).get("finalizers") or []
    spec = old.setdefault("spec", {})
    if finalizers:
        spec["finalizers"] = finalizers
    else:
        spec.pop("finalizers", None)
    return old


def approval_conditions(new: Tree, old: Tree) -> Tree:
    """`certificatesigningrequests/approval`: the conditions that approve or deny."""
    conditions = (new.get("status") or {}).get("conditions") or []
    if conditions:
        old.setdefault("status", {})["conditions"] = conditions
    return old


def ephemeral_containers(new: Tree, old: Tree) -> Tree:
    """`pods/ephemeralcontainers`: the debugging containers of the spec."""
    containers = (new.get("spec") or {}).get("ephemeralContainers")
    if containers:
        old["spec"]["ephemeralContainers"] = containers
    return old


def container_resources(new: Tree, old: Tree) -> Tree:
    """`pods/resize`: resources and resize policies of the containers."""
    for name in ("containers", "initContainers"):
        wanted = {c["name"]: c for c in new["spec"].get(name, ())}
        for container in old["spec"].get(name, ()):
            given = wanted.get(container["name"])
            if given is None:
                continue
            for field in ("resources", "resizePolicy"):
                if field in given:
                    container[field] = given[field]
                else:
                    container.pop(field, None)
    return old
