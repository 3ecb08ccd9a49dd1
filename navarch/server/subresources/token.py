"""POST of a TokenRequest: a signed token for a service account, bound to what asked for it.

Source: authentication.k8s.io/v1 TokenRequest; KEP-1205.
"""

from __future__ import annotations

import orjson

from navarch.base.errors import conflict, not_found
from navarch.base.field import invalid, invalid_value, not_supported
from navarch.base.times import format_time
from navarch.schema import managed_fields
from navarch.schema.defaults import apply_defaults
from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.server.admission.contract import World
from navarch.server.authn.tokens import Bound, ServiceAccountTokens
from navarch.server.bodies import decode_object_body
from navarch.server.objects import Objects, manager_of
from navarch.server.options import parse_query, write_options
from navarch.server.reads import Reads
from navarch.server.served import Served
from navarch.server.subresources.forms import token_request_form
from navarch.wire.messages import Request, RequestInfo, Response

MIN_EXPIRATION_S = 600
DEFAULT_EXPIRATION_S = 3600
API_VERSION = "authentication.k8s.io/v1"

_BOUND_TO = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


class TokenSubresource:
    """`serviceaccounts/NAME/token`."""

    def __init__(
        self, objects: Objects, reads: Reads, world: World, tokens: ServiceAccountTokens, seams: Seams
    ) -> None:
        self._objects = objects
        self._reads = reads
        self._world = world
        self._tokens = tokens
        self._seams = seams
        self._form = token_request_form()

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 400, 404, 409, 422."""
        options = write_options(parse_query(request.query), "CreateOptions")
        asked = decode_object_body(request, "TokenRequest")
        account = served.tree(self._reads.find(served, info.namespace, info.name).value)["metadata"]
        write = self._objects.write_of(request, info, served, options)
        apply_defaults(self._form.node, asked)
        asked = await self._objects.pipeline.ask(write, self._form, asked)
        spec = asked.get("spec") or {}
        seconds = spec.get("expirationSeconds") or DEFAULT_EXPIRATION_S
        if seconds < MIN_EXPIRATION_S:
            text = f"may not specify a duration less than {MIN_EXPIRATION_S // 60} minutes"
            error = invalid_value("spec.expirationSeconds", seconds, text)
            raise invalid("TokenRequest", "authentication.k8s.io", "", [error])
        audiences = spec.get("audiences") or list(self._tokens.audiences)
        bound = self._bound(spec.get("boundObjectRef"), info.namespace)
        holder = Bound(account["name"], account["uid"])
        token, expires = self._tokens.issue(info.namespace, holder, self._seams.rng.uuid(), seconds, audiences, bound)
        tree = {
            "kind": "TokenRequest",
            "apiVersion": API_VERSION,
            "metadata": {"name": account["name"], "namespace": info.namespace, "uid": account["uid"]},
            "spec": {
                "audiences": audiences,
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
        }
        self._own(tree, spec, request)
        tree["status"] = {"token": token, "expirationTimestamp": format_time(expires)}
        return Response(201, orjson.dumps(tree))

    def _own(self, tree: Tree, asked: Tree, request: Request) -> None:
        now = format_time(self._seams.clock.now())
        tree["metadata"]["creationTimestamp"] = now
        owned: Tree = {"metadata": dict(tree["metadata"]), "spec": {k: v for k, v in asked.items() if v is not None}}
        owned["spec"].setdefault("expirationSeconds", DEFAULT_EXPIRATION_S)
        apply_defaults(self._form.node, owned)
        manager = manager_of(request.headers.get("user-agent", ""))
        managed_fields.on_update(self._form.node, None, owned, manager, API_VERSION, now, "token")
        tree["metadata"]["managedFields"] = owned["metadata"].get("managedFields", [])

    def _bound(self, reference: Tree | None, namespace: str) -> dict[str, Bound] | None:
        """What the token's life hangs on. Raises: StatusError 404, 409, 422."""
        if not reference:
            return None
        kind, name = reference.get("kind", ""), reference.get("name", "")
        bucket = _BOUND_TO.get(kind)
        if bucket is None:
            error = not_supported("spec.boundObjectRef.kind", kind, sorted(_BOUND_TO))
            raise invalid("TokenRequest", "authentication.k8s.io", "", [error])
        found = self._world.get(bucket, "" if kind == "Node" else namespace, name)
        if found is None:
            raise not_found(bucket, name)
        metadata = found["metadata"]
        asked = reference.get("uid")
        if asked and asked != metadata["uid"]:
            why = (
                f"the UID in the bound object reference ({asked}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise conflict("pods" if kind == "Pod" else bucket, name, why)
        bound = {kind.lower(): Bound(name, metadata["uid"])}
        if kind == "Pod" and (node_name := found["spec"].get("nodeName")):
            node = self._world.get("nodes", "", node_name)
            if node is not None:
                bound["node"] = Bound(node_name, node["metadata"]["uid"])
        return bound
