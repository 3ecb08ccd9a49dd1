"""POST of a Binding: the scheduler's decision, taken once.

Source: core/v1 Binding, registry/core/pod/storage.
"""

from __future__ import annotations

import orjson

from navarch.base.errors import conflict
from navarch.base.field import invalid, not_supported, required
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.bodies import decode_object_body
from navarch.server.objects import Objects
from navarch.server.options import parse_query, write_options
from navarch.server.pipeline import PATCH_TRIES
from navarch.server.served import Served
from navarch.server.subresources.forms import binding_form
from navarch.wire.messages import Request, RequestInfo, Response

CREATED = orjson.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


class BindingSubresource:
    """`pods/NAME/binding`, and the older `bindings` collection."""

    def __init__(self, objects: Objects, pods: Served, clock: Clock) -> None:
        self._objects = objects
        self._pods = pods
        self._clock = clock
        self._form = binding_form()

    async def handle(self, request: Request, info: RequestInfo, _served: Served) -> Response:
        """Raises: StatusError 400, 404, 409, 422."""
        binding = decode_object_body(request, "Binding")
        target = binding.get("target") or {}
        if target.get("kind", "") not in ("", "Node", "Minion"):
            raise invalid("Binding", "", info.name, [not_supported("target.kind", target["kind"], ["Node", "<empty>"])])
        if not target.get("name"):
            raise invalid("Binding", "", info.name, [required("target.name")])
        options = write_options(parse_query(request.query), "CreateOptions")
        write = self._objects.write_of(request, info, self._pods, options)
        write.subresource = "binding"
        # The scheduler's decision changes what an update may not.
        write.check = lambda _new, _old: []
        write.name = info.name or (binding.get("metadata") or {}).get("name", "")
        binding = await self._objects.pipeline.ask(write, self._form, binding)
        write.admitted = True
        now = format_time(self._clock.now())

        def bind(pod: Tree) -> Tree:
            return bound(pod, binding, now)

        await self._objects.pipeline.change(write, bind, tries=PATCH_TRIES, shares=True)
        return Response(201, CREATED)


def bound(pod: Tree, binding: Tree, now: str) -> Tree:
    """The pod assigned to the binding's node. Raises: StatusError 409 if it cannot be any more."""
    metadata, spec = pod["metadata"], pod["spec"]
    name = metadata["name"]
    asked = binding.get("metadata") or {}
    if asked.get("uid") and asked["uid"] != metadata.get("uid"):
        why = f"Precondition failed: UID in precondition: {asked['uid']}, UID in object meta: {metadata.get('uid')}"
        raise conflict("pods/binding", name, why)
    if metadata.get("deletionTimestamp"):
        raise conflict("pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise conflict("pods/binding", name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise conflict("pods/binding", name, f"pod {name} has non-empty .spec.schedulingGates")
    metadata, status = dict(metadata), dict(pod.get("status") or {})
    for field in ("annotations", "labels"):
        if asked.get(field):
            metadata[field] = {**metadata.get(field, {}), **asked[field]}
    others = [c for c in status.get("conditions", []) if c.get("type") != "PodScheduled"]
    scheduled: Tree = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
    if generation := metadata.get("generation"):
        scheduled["observedGeneration"] = generation
    status["conditions"] = [*others, scheduled]
    spec = {**spec, "nodeName": binding["target"]["name"]}
    return {**pod, "metadata": metadata, "spec": spec, "status": status}
