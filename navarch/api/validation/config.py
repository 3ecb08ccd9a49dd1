"""ConfigMap and Secret: keys, sizes, types, and the promise not to change."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson

from navarch.api.validation.rules import Errors, invalid_each
from navarch.base import names
from navarch.base.field import FieldError, forbidden_field, immutable, invalid_value, required, too_long
from navarch.schema.types import Tree

MAX_BYTES: Final = 1024 * 1024
_FROZEN: Final = "field is immutable when `immutable` is set"
#: Keys that a Secret of a type must hold.
_NEEDED: Final = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_TOKEN: Final = "kubernetes.io/service-account-token"
_ACCOUNT_ANNOTATION: Final = "kubernetes.io/service-account.name"


def config_map_errors(tree: Tree) -> Errors:
    texts, binaries = tree.get("data") or {}, tree.get("binaryData") or {}
    errors: Errors = []
    total = 0
    for key, value in texts.items():
        errors += invalid_each(f"data[{key}]", key, names.config_map_key_errors(key))
        if key in binaries:
            errors.append(invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData"))
        total += len(str(value).encode())
    for key, value in binaries.items():
        errors += invalid_each(f"binaryData[{key}]", key, names.config_map_key_errors(key))
        total += len(_decoded(value))
    if total > MAX_BYTES:
        errors.append(_too_big())
    return errors


def config_map_update_errors(new: Tree, old: Tree) -> Errors:
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden_field("immutable", _FROZEN)]
    for key in ("data", "binaryData"):
        if (new.get(key) or {}) != (old.get(key) or {}):
            errors.append(forbidden_field(key, _FROZEN))
    return errors


def secret_errors(tree: Tree) -> Errors:
    data = tree.get("data") or {}
    kind = tree.get("type", "")
    errors: Errors = []
    total = 0
    for key, value in data.items():
        errors += invalid_each(f"data[{key}]", key, names.config_map_key_errors(key))
        total += len(_decoded(value))
    if total > MAX_BYTES:
        errors.append(_too_big())
    if kind == _TOKEN and not (tree["metadata"].get("annotations") or {}).get(_ACCOUNT_ANNOTATION):
        errors.append(required(f"metadata.annotations[{_ACCOUNT_ANNOTATION}]"))
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        errors += [required("data[password]"), required("data[username]")]
    errors += [required(f"data[{key}]") for key in _NEEDED.get(kind, ()) if key not in data]
    for key in (".dockercfg", ".dockerconfigjson"):
        if key in _NEEDED.get(kind, ()) and key in data:
            errors += _docker_errors(key, _decoded(data[key]))
    return errors


def secret_update_errors(new: Tree, old: Tree) -> Errors:
    errors: Errors = []
    if new.get("type") != old.get("type"):
        errors.append(immutable("type", new.get("type", "")))
    if old.get("immutable"):
        if not new.get("immutable"):
            errors.append(forbidden_field("immutable", _FROZEN))
        if (new.get("data") or {}) != (old.get("data") or {}):
            errors.append(forbidden_field("data", _FROZEN))
    return errors


def _too_big() -> FieldError:
    """The whole object is too big: the path is empty, which Kubernetes prints as `[]`."""
    return too_long("[]", MAX_BYTES)


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value or "")
    except (binascii.Error, ValueError):
        return b""


def _docker_errors(key: str, raw: bytes) -> Errors:
    """The file must be a JSON object; the messages are Go's."""
    where = f"data[{key}]"
    hidden = "<secret contents redacted>"
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        text = raw.decode(errors="replace").lstrip()
        if not text:
            return [invalid_value(where, hidden, "unexpected end of JSON input")]
        return [invalid_value(where, hidden, f"invalid character '{text[0]}' looking for beginning of value")]
    if isinstance(parsed, dict):
        return []
    kind = {bool: "bool", str: "string", list: "array"}.get(type(parsed), "number")
    text = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    return [invalid_value(where, hidden, text)]
