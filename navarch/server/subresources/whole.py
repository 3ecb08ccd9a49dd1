"""Subresources that show the whole object and write one part of it: finalize, approval,
ephemeralcontainers, resize.

Each is GET, PUT and PATCH like the object itself, with its own rule for what a write may touch. The
rule takes (new, old) and carries over everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from navarch.api.core.qos import qos_class
from navarch.api.strategy import carry
from navarch.api.validation.certificate_status import approval_errors
from navarch.api.validation.go_form import difference
from navarch.api.validation.pod import shared_errors
from navarch.base.field import FieldError, forbidden_field, invalid_value
from navarch.schema.types import Tree
from navarch.server import bodies, patching
from navarch.server.objects import Objects
from navarch.server.options import parse_query, write_options
from navarch.server.pipeline import PATCH_TRIES, Change, Write, check_place, check_uid
from navarch.server.served import Served
from navarch.wire.messages import Request, RequestInfo, Response


@dataclass(frozen=True, slots=True)
class Part:
    """What one of them writes. `carry` is (new, old) -> the old object with that part of the new one;
    `errors` is (new, old) -> what is wrong with the result."""

    carry: Callable[[Tree, Tree], Tree]
    errors: Callable[[Tree, Tree], list[FieldError]]


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
        write.check, write.carry = self._part.errors, self._part.carry
        change = self._put(write, request) if info.verb == "update" else self._patch(write, request)
        outcome = await self._objects.pipeline.change(write, change, tries=PATCH_TRIES)
        return self._objects.answer(request, served, outcome, query)

    @staticmethod
    def _put(write: Write, request: Request) -> Change:
        media = bodies.media_type(request.headers.get("content-type", ""))
        sent = bodies.decode(write, request.body, media)
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


def _namespace_finalizers(new: Tree, old: Tree) -> Tree:
    """`namespaces/finalize`: the finalizers of the spec."""
    finalizers = (new.get("spec") or {}).get("finalizers") or []
    spec = old.setdefault("spec", {})
    if finalizers:
        spec["finalizers"] = finalizers
    else:
        spec.pop("finalizers", None)
    return old


def _approval_conditions(new: Tree, old: Tree) -> Tree:
    """`certificatesigningrequests/approval`: the conditions that approve or deny, and what people may write of the
    metadata."""
    for key in ("labels", "annotations", "finalizers", "ownerReferences"):
        carry(old["metadata"], new["metadata"], key)
    conditions = (new.get("status") or {}).get("conditions") or []
    status = old.setdefault("status", {})
    if conditions:
        status["conditions"] = conditions
    else:
        status.pop("conditions", None)
    return old


def _ephemeral_containers(new: Tree, old: Tree) -> Tree:
    """`pods/ephemeralcontainers`: the debugging containers of the spec."""
    containers = (new.get("spec") or {}).get("ephemeralContainers")
    if containers:
        old["spec"]["ephemeralContainers"] = containers
    return old


def _container_resources(new: Tree, old: Tree) -> Tree:
    """`pods/resize`: resources and resize policies of the containers."""
    for name in ("containers", "initContainers"):
        wanted = {c["name"]: c for c in new["spec"].get(name) or ()}
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


def _debugging_errors(new: Tree, old: Tree) -> list[FieldError]:
    """Debugging containers are only ever added."""
    errors = list(shared_errors(new))
    wanted = {c["name"]: c for c in new["spec"].get("ephemeralContainers", ())}
    for container in old["spec"].get("ephemeralContainers", ()):
        name = container["name"]
        if name not in wanted:
            text = f'existing ephemeral containers "{name}" may not be removed'
        elif wanted[name] != container:
            text = f'existing ephemeral containers "{name}" may not be changed'
            text += difference("EphemeralContainer", container, wanted[name])
        else:
            continue
        errors.append(forbidden_field("spec.ephemeralContainers", text))
    return errors


def _resize_errors(new: Tree, old: Tree) -> list[FieldError]:
    errors = list(shared_errors(new))
    if qos_class(new) != qos_class(old):
        shown = (old.get("status") or {}).get("qosClass", qos_class(old))
        errors.append(invalid_value("spec", shown, "Pod QOS Class may not change as a result of resizing"))
    return errors


FINALIZE = Part(_namespace_finalizers, lambda _new, _old: [])
APPROVAL = Part(_approval_conditions, approval_errors)
EPHEMERAL_CONTAINERS = Part(_ephemeral_containers, _debugging_errors)
RESIZE = Part(_container_resources, _resize_errors)
