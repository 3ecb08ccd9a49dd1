"""PATCH: from a patch body to the change that the pipeline makes.

Four content types, one shape: a function from the current tree to the new one. What comes out of a
patch is decoded again like a request body, so that wrong types, unknown fields and defaults are
treated alike however a client writes.
"""

from __future__ import annotations

from typing import Any

import orjson

from navarch.base import patch as patches
from navarch.base.errors import StatusError, bad_request, unsupported_media_type
from navarch.base.field import invalid, invalid_value
from navarch.schema import gojson, strategic
from navarch.schema.decode import DecodeError, decode_patched, misfit
from navarch.schema.types import Tree
from navarch.server import bodies
from navarch.server.pipeline import Change, Write, check_place

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def media_type(header: str) -> str:
    """The content type without parameters. Raises: StatusError 415 if it is no patch type."""
    media = header.partition(";")[0].strip().lower()
    if media not in (JSON, MERGE, STRATEGIC, APPLY):
        raise unsupported_media_type((JSON, MERGE, STRATEGIC, APPLY))
    return media


def decode_body(body: bytes, media: str) -> Any:
    """A patch's JSON. Raises: StatusError 400, which says so of all but strategic patches."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        why = gojson.syntax_error(body) or str(error)
        raise bad_request(why if media == STRATEGIC else f"error decoding patch: {why}") from None


def change_of(write: Write, media: str, body: bytes) -> Change:
    """The change that a JSON, merge or strategic merge patch describes.

    Raises: StatusError 400 for a body that is no JSON, 415 for a type that the kind does not know. The
    change itself raises 400, 409, 422 or 500 for a patch that does not fit the object; what the patch
    leaves alone, its result shares with the object.
    """
    if media == STRATEGIC and not write.served.builtin:
        raise unsupported_media_type((JSON, MERGE, APPLY))
    patch = decode_body(body, media)
    # Directives begin with a dollar, also those that are written as an escape.
    plain = not any(mark in body for mark in (b"$", b"null", b"\\u"))

    def change(current: Tree) -> Tree:
        patched = _patched(write, media, current, patch, plain=plain)
        return _decoded(write, media, dict(patched) if patched is current else patched, patch, current)

    return change


def _patched(write: Write, media: str, current: Tree, patch: Any, *, plain: bool) -> Any:
    if media == JSON:
        return patches.json_patch(current, patch)
    if media == MERGE:
        return patches.merge_patch(current, patch)
    if not isinstance(patch, dict):
        shape = patches.json_type(patch)
        raise bad_request(f"json: cannot unmarshal {shape} into Go value of type map[string]interface {{}}")
    return strategic.merge(write.served.node, current, patch, plain=plain)


def _decoded(write: Write, media: str, patched: Tree, patch: Any, current: Tree) -> Tree:
    """What a patch made, as if it had been a request body."""
    served = write.served
    as_object(patched)
    found = (str(patched.get("apiVersion", "")), str(patched.get("kind", "")))
    if found != (served.api_version, served.kind.kind):
        raise _unfit(patched, misfit(patched, found, served.kind.kind, served.api_version))
    if served.builtin and media != STRATEGIC:
        unknown_refused = write.options.field_validation == "Strict"
        strict, write.as_asked = decode_patched(served.node, patched, current, strict=unknown_refused)
    else:
        try:
            strict, write.as_asked = bodies.settle(served, patched, current)
        except DecodeError as error:
            if media == STRATEGIC:
                shown = strategic.go_text(patch)
                raise invalid("", "", "", [invalid_value("patch", shown, error.conversion)]) from None
            raise _unfit(patched, str(error)) from None
    bodies.report_strict(served, strict, write.options, write.warnings)
    bodies.apply_all_defaults(served, patched)
    check_place(write, patched)
    return patched


def as_object(patched: Any) -> Tree:
    """What a patch made, if that still is an object. Raises: StatusError 422."""
    if not isinstance(patched, dict):
        why = f"json: cannot unmarshal {patches.json_type(patched)} into Go value of type map[string]interface {{}}"
        raise invalid("", "", "", [invalid_value("patch", orjson.dumps(patched).decode(), why)])
    return patched


def _unfit(patched: Tree, why: str) -> StatusError:
    # What Go's merge has touched prints with sorted keys.
    shown = orjson.dumps(dict(sorted(patched.items()))).decode()
    return invalid("", "", "", [invalid_value("patch", shown, why)])
