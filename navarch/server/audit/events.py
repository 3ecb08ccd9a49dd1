"""The entries of the audit log. Pure.

Source: audit.k8s.io/v1 (Event); apiserver `audit/request.go`.
"""

from __future__ import annotations

from typing import Any

import orjson

from navarch.base import yaml
from navarch.base.times import format_micro
from navarch.schema import protobuf
from navarch.schema.decode import normalize
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import Struct, Tree
from navarch.server.audit.policy import Verdict
from navarch.wire.messages import Request, Response, User

#: Reads no more of a message than what it is of.
_NOTHING = Struct("", {})
_LONG_VERBS = frozenset({"watch", "proxy"})
_LONG_SUBRESOURCES = frozenset({"attach", "exec", "proxy", "log", "portforward"})


def is_long_running(request: Request) -> bool:
    """Whether the beginning of the answer is an event of its own."""
    info = request.info
    return info is not None and (info.verb in _LONG_VERBS or info.subresource in _LONG_SUBRESOURCES)


def event(
    request: Request, response: Response | None, verdict: Verdict, stage: str, received: float, now: float
) -> Tree:
    """One entry; `response` is None before there is one. Times are in seconds since the epoch."""
    info = request.info
    tree: Tree = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": verdict.level,
        "auditID": request.audit_id,
        "stage": stage,
        "requestURI": f"{request.path}?{request.query}" if request.query else request.path,
        "verb": info.verb if info is not None else request.method.lower(),
        "user": _user(request.actor or request.user),
    }
    if request.actor is not None:
        tree["impersonatedUser"] = _user(request.user)
    if sources := _sources(request):
        tree["sourceIPs"] = sources
    if agent := request.headers.get("user-agent"):
        tree["userAgent"] = agent[:1024]
    answer = _object(response.body, response.content_type) if response is not None else None
    if info is not None and info.is_resource:
        tree["objectRef"] = _reference(request, answer)
    if response is not None:
        tree["responseStatus"] = _status(response, answer)
        if verdict.includes("Request") and (body := _sent(request)) is not None:
            tree["requestObject"] = _trimmed(body, verdict)
        if verdict.includes("RequestResponse") and stage == "ResponseComplete" and answer is not None:
            tree["responseObject"] = _trimmed(answer, verdict)
    tree["requestReceivedTimestamp"] = format_micro(received)
    tree["stageTimestamp"] = format_micro(now)
    if response is not None and request.annotations:
        tree["annotations"] = dict(sorted(request.annotations.items()))
    return tree


def _user(user: User) -> Tree:
    tree: Tree = {"username": user.name}
    if user.uid:
        tree["uid"] = user.uid
    tree["groups"] = list(user.groups)
    if user.extra:
        tree["extra"] = {key: list(values) for key, values in user.extra.items()}
    return tree


def _sources(request: Request) -> list[str]:
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    peer = request.peer_address
    return [*forwarded, peer] if peer and peer not in forwarded else forwarded


def _reference(request: Request, answer: Any) -> Tree:
    info = request.info
    assert info is not None
    metadata = answer.get("metadata") if isinstance(answer, dict) and info.verb == "create" else None
    # A generated name is known only when the object has been made.
    made = metadata.get("name", "") if isinstance(metadata, dict) else ""
    fields = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": info.name or made,
        "apiGroup": info.group,
        "apiVersion": info.version,
        "subresource": info.subresource,
    }
    return {key: value for key, value in fields.items() if value}


def _status(response: Response, answer: Any) -> Tree:
    tree: Tree = {"metadata": {}}
    if isinstance(answer, dict) and answer.get("kind") == "Status":
        tree |= {key: answer[key] for key in ("status", "message", "reason", "details") if key in answer}
    return tree | {"code": response.status}


def _sent(request: Request) -> Any:
    return _object(request.body, request.headers.get("content-type", "application/json"))


def _object(body: bytes, content_type: str) -> Any:
    """What a body holds, in whichever form; None for what is no object of the API."""
    try:
        if protobuf.MEDIA_TYPE in content_type:
            head = protobuf.decode(body, _NOTHING)
            node = message_type(head.get("apiVersion", ""), head.get("kind", ""))
            if node is None:
                return None
            tree = protobuf.decode(body, node)
            normalize(node, tree)
            return tree
        if "yaml" in content_type:
            return yaml.load(body)
        return orjson.loads(body) if body and "json" in content_type else None
    except ValueError:
        return None


def _trimmed(tree: Any, verdict: Verdict) -> Any:
    """The object without its managed fields, if the policy wants it so."""
    if not verdict.omit_managed_fields or not isinstance(tree, dict):
        return tree
    for item in (tree, *(tree.get("items") or ())):
        if isinstance(item, dict) and isinstance(metadata := item.get("metadata"), dict):
            metadata.pop("managedFields", None)
    return tree
