"""The scale subresource: replicas of a workload as an autoscaling/v1 Scale.

Its resourceVersion is the parent's; a conditional update of the scale is one of the parent.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from navarch.api.kind import Scale
from navarch.base import patch as patches
from navarch.base import selector
from navarch.base.errors import StatusError, bad_request, internal_error, no_such_resource
from navarch.base.field import invalid, invalid_value
from navarch.schema.types import Tree
from navarch.server import bodies, patching
from navarch.server.objects import Objects
from navarch.server.options import parse_query, write_options
from navarch.server.pipeline import PATCH_TRIES, Lens, Write
from navarch.server.reads import Reads, form_of
from navarch.server.served import Served
from navarch.server.subresources.forms import scale_form
from navarch.wire.messages import Request, RequestInfo, Response

API_VERSION = "autoscaling/v1"


class ScaleSubresource:
    """GET, PUT and PATCH of `scale`."""

    def __init__(self, objects: Objects, reads: Reads) -> None:
        self._objects = objects
        self._reads = reads
        #: For the forms other than the object itself.
        self._shown = scale_form()

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 404, 405, 409, 422."""
        paths = served.kind.scale
        if paths is None:
            raise no_such_resource()
        if info.verb == "get":
            entry = self._reads.find(served, info.namespace, info.name)
            await served.ready([entry.value])
            tree = served.tree(entry.value)
            if not served.builtin and at(tree, paths.replicas) is None:
                raise internal_error(f'the spec replicas field ".{paths.replicas}" does not exist')
            query, form = parse_query(request.query), form_of(request, served)
            scale = scale_of(paths, tree)
            if form.as_:
                return Response(body=self._reads.render_tree(self._shown, scale, form, query))
            return Response(body=orjson.dumps(scale))
        options_kind = "UpdateOptions" if info.verb == "update" else "PatchOptions"
        media = "" if info.verb == "update" else patching.media_type(request.headers.get("content-type", ""))
        options = write_options(parse_query(request.query), options_kind, apply=media == patching.APPLY)
        write = self._objects.write_of(request, info, served, options)
        write.lens = Lens(self._shown, partial(scale_of, paths), partial(_put_replicas, paths))
        if media == patching.APPLY:
            return await self._apply(write, paths, request.body)
        body = patching.decode_body(request.body, media) if media else bodies.decode_object_body(request, "Scale")

        def change(current: Tree) -> Tree:
            wanted = _patched(media, scale_of(paths, current), body) if media else body
            return _with_replicas(paths, current, wanted)

        outcome = await self._objects.pipeline.change(write, change, tries=PATCH_TRIES)
        return Response(body=orjson.dumps(scale_of(paths, orjson.loads(outcome.value))))

    async def _apply(self, write: Write, paths: Scale, body: bytes) -> Response:
        """Apply of a Scale: of the parent's replicas, by a manager that owns no more."""
        served = write.served
        if not served.builtin:
            raise StatusError(500, "", _NO_APPLY)
        scale = bodies.decode_applied_as(body, "Scale", API_VERSION, write.options, write.warnings)
        applied: Tree = {"kind": served.kind.kind, "apiVersion": served.api_version, "metadata": {"name": write.name}}
        replicas = (bodies.fitted(scale, "Scale").get("spec") or {}).get("replicas")
        if replicas is not None:
            put(applied, paths.replicas, replicas)
        outcome = await self._objects.apply(write, applied)
        return Response(body=orjson.dumps(scale_of(paths, orjson.loads(outcome.value))))


#: How Kubernetes refuses to apply the scale of a custom resource.
_NO_APPLY = (
    "failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to "
    "proper version: request to convert CR to an invalid group/version: autoscaling/v1"
)


def scale_of(paths: Scale, tree: Tree) -> Tree:
    """The Scale of an object."""
    metadata = tree["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec: Tree = {}
    if replicas := at(tree, paths.replicas):
        spec["replicas"] = replicas
    status: Tree = {"replicas": at(tree, paths.status_replicas) or 0}
    if text := _selector_text(at(tree, paths.selector)):
        status["selector"] = text
    return {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {name: metadata[name] for name in shown if metadata.get(name)},
        "spec": spec,
        "status": status,
    }


def _selector_text(value: Any) -> str:
    """A selector as text: a plain map (ReplicationController), a LabelSelector, or text (CRDs)."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    if "matchLabels" in value or "matchExpressions" in value:
        return str(selector.from_label_selector(value))
    return str(selector.from_labels(value))


def at(tree: Tree, path: str) -> Any:
    """The value at a dotted path, None where it ends early."""
    value: Any = tree
    for part in path.lstrip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def put(tree: Tree, path: str, value: Any) -> None:
    """Set the value at a dotted path, making what leads there."""
    *parents, last = path.lstrip(".").split(".")
    for part in parents:
        tree = tree.setdefault(part, {})
    tree[last] = value


def _put_replicas(paths: Scale, current: Tree, scale: Tree) -> None:
    """Raises: StatusError 400, 422."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise bad_request(f"spec.replicas: an integer is expected, not {replicas!r}")
    metadata = scale.get("metadata") or {}
    if replicas < 0:
        error = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", "autoscaling", metadata.get("name", ""), [error])
    put(current, paths.replicas, replicas)


def _with_replicas(paths: Scale, current: Tree, scale: Tree) -> Tree:
    _put_replicas(paths, current, scale)
    current["metadata"]["resourceVersion"] = (scale.get("metadata") or {}).get("resourceVersion", "")
    return current


def _patched(media: str, scale: Tree, body: Any) -> Tree:
    # A Scale has no lists, so that a strategic merge is a plain one.
    patched = patches.json_patch(scale, body) if media == patching.JSON else patches.merge_patch(scale, body)
    return bodies.fitted(patching.as_object(patched), "Scale")
