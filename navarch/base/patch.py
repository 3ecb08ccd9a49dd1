"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386) on trees.

Nothing that is handed in is changed: the result shares what the patch does not touch and has its
own copies along the paths that it does. Strategic merge patch needs a schema: `schema/strategic.py`.

Worked example:
    >>> apply_json_patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}])
    {'a': [1, 2]}
    >>> apply_merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None}})
    {'a': {'c': 2}}

Source: RFC 6901, 6902, 7386; texts and negative indices as the Go library json-patch v4 has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from navarch.base.errors import Details, StatusError, bad_request

#: The API server takes no longer lists.
MAX_OPERATIONS: Final = 10_000
#: What all copies of a patch may add: a few of them double a document to any size.
MAX_COPIED_BYTES: Final = 3 << 20
#: How the API server answers any operation that does not apply.
REJECTED: Final = "the server rejected our request due to an error in our request"

_MISSING: Final = object()


class PatchError(ValueError):
    """An operation that does not apply; the message says which and why."""


def json_patch(tree: Any, body: Any) -> Any:
    """The result of a JSON patch request body.

    Raises: StatusError 400 for a body that is no list of operations, 413 for too many of them,
    422 for an operation that does not apply.
    """
    if not isinstance(body, list):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {json_type(body)} "
            "into Go value of type []handlers.jsonPatchOp"
        )
    if len(body) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(body)}"
        raise StatusError(413, "RequestEntityTooLarge", text, Details())
    for operation in body:
        if not isinstance(operation, dict):
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {json_type(operation)} "
                "into Go value of type handlers.jsonPatchOp"
            )
    try:
        return apply_json_patch(tree, body)
    except PatchError as error:
        raise StatusError(422, "Invalid", REJECTED, Details()) from error


def merge_patch(tree: Any, body: Any) -> Any:
    """The result of a merge patch request body.

    Raises: StatusError 400 for a body that is no object.
    """
    if body is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(body, dict):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {json_type(body)} "
            "into Go value of type map[string]interface {}"
        )
    return apply_merge_patch(tree, body)


def json_type(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "null"


def apply_merge_patch(tree: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    out = dict(tree) if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = apply_merge_patch(out.get(key), value)
    return out


def diff_merge_patch(old: Any, new: Any) -> Any:
    """The merge patch that makes `new` of `old`; `{}` if they are equal."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    out: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            out[key] = value
        elif not same(old[key], value):
            out[key] = diff_merge_patch(old[key], value)
    return out


def apply_json_patch(tree: Any, operations: Sequence[dict[str, Any]]) -> Any:
    """RFC 6902, one operation after the other.

    Raises: PatchError; the result of the operations before it is lost, as it must be.
    """
    copied = 0
    for operation in operations:
        if operation.get("op") == "copy":
            copied += _copied_bytes(tree, operation)
            if copied > MAX_COPIED_BYTES:
                text = "Unable to complete the copy, the accumulated size increase of copy is"
                raise PatchError(f"{text} {copied}, exceeding the limit {MAX_COPIED_BYTES}")
        tree = _apply(tree, operation)
    return tree


def same(a: Any, b: Any) -> bool:
    """JSON equality: unlike Python's it tells booleans from numbers."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _apply(tree: Any, operation: dict[str, Any]) -> Any:
    kind = operation.get("op")
    path = operation.get("path")
    if not isinstance(path, str):
        raise PatchError(f"{kind} operation does not apply: missing path")
    match kind:
        case "add":
            return _insert(tree, path, operation.get("value"), "add")
        case "remove":
            return _edit(tree, path, "remove", lambda parent, key: _delete(parent, key, path))
        case "replace":
            return _replace(tree, path, operation.get("value"))
        case "move":
            source = _source(operation, "move")
            value = _find(tree, source, "move")
            tree = _edit(tree, source, "move", lambda parent, key: _delete(parent, key, source))
            return _insert(tree, path, value, "move")
        case "copy":
            return _insert(tree, path, _find(tree, _source(operation, "copy"), "copy"), "copy")
        case "test":
            return _test(tree, path, operation.get("value"))
    raise PatchError(f"Unexpected kind: {kind or 'unknown'}")


def _copied_bytes(tree: Any, operation: dict[str, Any]) -> int:
    return len(orjson.dumps(_find(tree, _source(operation, "copy"), "copy")))


def _source(operation: dict[str, Any], kind: str) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise PatchError(f"{kind} operation does not apply: missing from")
    return source


def _insert(tree: Any, path: str, value: Any, kind: str) -> Any:
    if path == "":
        return value

    def put(parent: Any, key: str) -> None:
        if isinstance(parent, dict):
            parent[key] = value
        elif key == "-":
            parent.append(value)
        else:
            parent.insert(_index(parent, key, len(parent) + 1), value)

    return _edit(tree, path, kind, put)


def _replace(tree: Any, path: str, value: Any) -> Any:
    if path == "":
        return value

    def put(parent: Any, key: str) -> None:
        if isinstance(parent, dict):
            if key not in parent:
                raise PatchError(f"replace operation does not apply: doc is missing key: {path}: missing value")
            parent[key] = value
        else:
            parent[_index(parent, key, len(parent))] = value

    return _edit(tree, path, "replace", put)


def _test(tree: Any, path: str, value: Any) -> Any:
    try:
        found = _find(tree, path, "test")
    except PatchError:
        if value is not None:
            raise PatchError(f"testing value {path} failed: test failed") from None
        return tree
    if not same(found, value):
        raise PatchError(f"testing value {path} failed: test failed")
    return tree


def _delete(parent: Any, key: str, path: str) -> None:
    if isinstance(parent, dict):
        if key not in parent:
            raise PatchError(f"remove operation does not apply: doc is missing key: {path}: missing value")
        del parent[key]
    else:
        del parent[_index(parent, key, len(parent))]


def _edit(tree: Any, path: str, kind: str, change: Any) -> Any:
    """Copy the containers along `path` and let `change` loose on the last one."""
    parts = _parts(path, kind)
    root = parent = _copied(tree, path, kind)
    for part in parts[:-1]:
        key = part if isinstance(parent, dict) else _index(parent, part, len(parent))
        if isinstance(parent, dict) and key not in parent:
            raise PatchError(f"{kind} operation does not apply: doc is missing path: {path}: missing value")
        parent[key] = _copied(parent[key], path, kind)
        parent = parent[key]
    change(parent, parts[-1])
    return root


def _copied(value: Any, path: str, kind: str) -> Any:
    if not isinstance(value, dict | list):
        raise PatchError(f"{kind} operation does not apply: doc is missing path: {path}: missing value")
    return value.copy()


def _find(tree: Any, path: str, kind: str) -> Any:
    if path == "":
        return tree
    for part in _parts(path, kind):
        if isinstance(tree, list):
            tree = tree[_index(tree, part, len(tree))]
        elif isinstance(tree, dict) and (found := tree.get(part, _MISSING)) is not _MISSING:
            tree = found
        else:
            raise PatchError(f"{kind} operation does not apply: doc is missing key: {path}: missing value")
    return tree


def _parts(path: str, kind: str) -> list[str]:
    if not path.startswith("/"):
        raise PatchError(f"{kind} operation does not apply: doc is missing path: {path}: missing value")
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _index(items: list[Any], text: str, limit: int) -> int:
    """An index below `limit`; negative ones count from the end."""
    digits = text[1:] if text[:1] == "-" else text
    if not digits.isdecimal() or not digits.isascii():
        raise PatchError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    index = int(text)
    if index < 0:
        index += limit
    if not 0 <= index < limit:
        raise PatchError(f"Unable to access invalid index: {text}: invalid index referenced")
    return index
