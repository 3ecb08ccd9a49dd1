"""Values of custom resources as their CEL rules see them: by their schema's types, with escaped names.

JSON has one kind of number and no moments. Where the schema says so a number is a double, a text of format
date or date-time a timestamp, one of format duration a duration, one of format byte bytes. Declared names
that are no identifiers are escaped; keys of maps stay.

    typed({"properties": {"a-b": {"type": "number"}}}, {"a-b": 1})  ->  {"a__dash__b": 1.0}

Source: apiserver `cel/common/values.go` (types), Kubernetes' escaping of property names.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any, Final

from navarch.base import times
from navarch.schema.types import Tree

_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"),
        *("loop", "namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
_NANO: Final = 10**9


def typed(schema: Tree, value: Any) -> Any:
    """The value, with all that is below it."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        rest = schema.get("additionalProperties")
        rest = rest if isinstance(rest, dict) else {}
        return {
            escape(name) if name in properties else name: typed(properties.get(name, rest) or {}, item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items")
        items = items if isinstance(items, dict) else {}
        return [typed(items, item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    if isinstance(value, str) and (form := schema.get("format")):
        return _formatted(form, value)
    return value


def reusable(value: Any) -> Any:
    """What an expression gave, in the form in which another takes it."""
    if isinstance(value, datetime):
        return _moment(value.isoformat())
    if isinstance(value, timedelta):
        return _span(round(value / timedelta(microseconds=1)) * 1000)
    if isinstance(value, dict):
        return {key: reusable(item) for key, item in value.items()}
    return [reusable(item) for item in value] if isinstance(value, list) else value


def escape(name: str) -> str:
    """A property's name as rules write it."""
    if name in _RESERVED:
        return f"__{name}__"
    for found, written in _ESCAPES.items():
        name = name.replace(found, written)
    return name


def _formatted(form: str, text: str) -> Any:
    """The text's value; the text itself where it has none."""
    try:
        if form in ("date-time", "datetime", "date"):
            return _moment(text if form != "date" else f"{text}T00:00:00Z")
        if form == "duration":
            return _span(times.parse_duration_nanos(text))
        if form == "byte":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        pass
    return text


def _moment(text: str) -> Any:
    from google.protobuf import timestamp_pb2  # the runtime takes moments in this form; few schemas have any

    moment = datetime.fromisoformat(text)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=moment.microsecond * 1000)


def _span(nanos: int) -> Any:
    from google.protobuf import duration_pb2

    seconds = int(nanos / _NANO)
    return duration_pb2.Duration(seconds=seconds, nanos=nanos - seconds * _NANO)
