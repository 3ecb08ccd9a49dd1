"""AdmissionReviews: the question that a webhook is asked, and what its answer means. Pure.

Source: admission.k8s.io/v1; texts of apiserver `admission/plugin/webhook`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from navarch.base.errors import Cause, Details, StatusError
from navarch.schema.types import Tree
from navarch.server.admission.contract import CONNECT, CREATE, DELETE, UPDATE, Attributes
from navarch.server.served import Served

_OPTIONS = {CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions"}


class InvalidAnswerError(ValueError):
    """An answer that is no answer to the question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`patch` is the JSON patch to apply, None without one. `annotations` are for the audit log."""

    allowed: bool
    status: Tree
    patch: list[Any] | None
    warnings: tuple[str, ...]
    annotations: dict[str, str]


def question(attributes: Attributes, uid: str) -> bytes:
    """The body of the request to a webhook."""
    request = request_tree(attributes, uid)
    return orjson.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})


def request_tree(attributes: Attributes, uid: str) -> Tree:
    """The request as AdmissionReview shows it: also the variable `request` of CEL expressions."""
    user = attributes.user
    user_info: Tree = {"username": user.name}
    if user.uid:
        user_info["uid"] = user.uid
    user_info["groups"] = list(user.groups)
    if user.extra:
        user_info["extra"] = {key: list(values) for key, values in user.extra.items()}
    of_kind, of_resource = _kind_and_resource(attributes, attributes.served)
    request: Tree = {"uid": uid, "kind": of_kind, "resource": of_resource}
    if attributes.subresource:
        request["subResource"] = attributes.subresource
    of_kind, of_resource = _kind_and_resource(attributes, attributes.requested or attributes.served)
    request |= {"requestKind": of_kind, "requestResource": of_resource}
    if attributes.subresource:
        request["requestSubResource"] = attributes.subresource
    if attributes.name:
        request["name"] = attributes.name
    if attributes.namespace or attributes.bucket == "namespaces":
        request["namespace"] = attributes.namespace or attributes.name
    return request | {
        "operation": attributes.operation,
        "userInfo": user_info,
        "object": whole(attributes, attributes.obj),
        "oldObject": whole(attributes, attributes.old),
        "dryRun": attributes.dry_run,
        "options": _options(attributes),
    }


def _kind_and_resource(attributes: Attributes, served: Served) -> tuple[Tree, Tree]:
    kind = served.kind
    form = kind if attributes.apart is None else attributes.apart.kind
    of_kind = {"group": form.group, "version": form.version, "kind": form.kind}
    if attributes.operation == CONNECT:
        # A connection is about its options, not about the object that it goes to.
        of_kind["kind"] = attributes.tree["kind"]
    return of_kind, {"group": kind.group, "version": kind.version, "resource": kind.plural}


def whole(attributes: Attributes, tree: Tree | None) -> Tree | None:
    """An object with its kind and apiVersion."""
    if tree is None:
        return None
    return {"kind": attributes.form.kind.kind, "apiVersion": attributes.form.api_version, **tree}


def _options(attributes: Attributes) -> Tree | None:
    kind = _OPTIONS.get(attributes.operation)
    if kind is None:
        return None
    options: Tree = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    return options | ({"dryRun": ["All"]} if attributes.dry_run else {})


class _Cause(msgspec.Struct, omit_defaults=True):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, omit_defaults=True):
    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct, omit_defaults=True):
    """What is read of a Status."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None
    status: str | None = None
    details: _Details | None = None


class _Response(msgspec.Struct):
    """`response` of an AdmissionReview, as the API declares it."""

    uid: str = ""
    allowed: bool = False
    status: _Status | None = None
    patch: str | None = None
    patchType: str | None = None
    warnings: list[str] | None = None
    auditAnnotations: dict[str, str] | None = None


class _Review(msgspec.Struct):
    kind: str | None = None
    apiVersion: str | None = None
    response: _Response | None = None


_reviews = msgspec.json.Decoder(_Review)


def read_answer(body: bytes, uid: str) -> Answer:
    """Raises: InvalidAnswerError."""
    try:
        review = _reviews.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidAnswerError(f"received invalid webhook response: {error}") from None
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"couldn't get version/kind; json parse error: {error}") from None
    if (response := review.response) is None:
        raise InvalidAnswerError("webhook response was absent")
    if (review.kind, review.apiVersion) != ("AdmissionReview", "admission.k8s.io/v1"):
        raise InvalidAnswerError(
            "received invalid webhook response: expected webhook response of admission.k8s.io/v1, "
            f"Kind=AdmissionReview, got {review.apiVersion}, Kind={review.kind}"
        )
    if response.uid != uid:
        text = f'expected response.uid="{uid}", got "{response.uid}"'
        raise InvalidAnswerError(f"received invalid webhook response: {text}")
    status: Tree = msgspec.to_builtins(response.status) if response.status is not None else {}
    warnings, annotations = tuple(response.warnings or ()), response.auditAnnotations or {}
    return Answer(response.allowed, status, _patch(response), warnings, annotations)


def _patch(response: _Response) -> list[Any] | None:
    if not response.patch:
        return None
    if response.patchType != "JSONPatch":
        raise InvalidAnswerError(f"received invalid webhook response: unsupported patch type {response.patchType}")
    try:
        operations = orjson.loads(base64.b64decode(response.patch))
    except (binascii.Error, ValueError) as error:
        raise InvalidAnswerError(f"received invalid webhook response: {error}") from None
    if not isinstance(operations, list):
        raise InvalidAnswerError("received invalid webhook response: the patch is no list")
    return operations


def denial(name: str, status: Tree) -> StatusError:
    """What a webhook's no becomes: its own code and words, never less than a 400."""
    denied = f'admission webhook "{name}" denied the request'
    words = status.get("message") or status.get("reason")
    message = f"{denied}: {words}" if words else f"{denied} without explanation"
    code = status.get("code") or 0
    given = status.get("details")
    return StatusError(max(code, 400), status.get("reason", ""), message, _details(given) if given else None)


def _details(given: Tree) -> Details:
    causes = [Cause(c.get("reason", ""), c.get("message", ""), c.get("field", "")) for c in given.get("causes") or ()]
    return Details(
        given.get("name", ""), given.get("group", ""), given.get("kind", ""), given.get("uid", ""), tuple(causes)
    )
