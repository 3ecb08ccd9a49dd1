"""Field errors of validation: what is wrong, where, in Kubernetes' words.

Validation functions return lists of `FieldError` and never stop at the first. `invalid` turns a
list into the 422 Status whose message and causes clients parse.

Worked example:
    >>> e = required("spec.containers[0].name", "")
    >>> str(e)
    'spec.containers[0].name: Required value'

Source: apimachinery `field.Error` (types, order of parts, quoting of values).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from navarch.base.errors import Cause, Details, StatusError, resource_text

_TEXT = {
    "FieldValueRequired": "Required value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueNotFound": "Not found",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTypeInvalid": "Invalid value",
    "InternalError": "Internal error",
}

#: Errors whose text does not show the value.
_WITHOUT_VALUE = {
    "FieldValueRequired",
    "FieldValueForbidden",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "InternalError",
}


_MARKUP: Final = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"}

_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}

#: Stands for a value that the message leaves out.
NO_VALUE: Final = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault. `reason` is the cause reason, `path` the JSON path such as `spec.ports[0].name`."""

    reason: str
    path: str
    detail: str = ""
    value: Any = None

    @property
    def message(self) -> str:
        """The text without the path, as it stands in `details.causes`."""
        text = _TEXT[self.reason]
        if self.reason not in _WITHOUT_VALUE and self.value is not NO_VALUE:
            text += f": {show(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ToleratedError(FieldError):
    """A fault that an update did not make: who updates is warned of it, and not refused."""


def show(value: Any) -> str:
    """A value as Go's field errors print it: strings quoted, scalars bare, structures as JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    # Go's JSON leaves no markup in structures.
    return orjson.dumps(value).decode().translate(_MARKUP)


def quoted(text: str) -> str:
    """A text as Go quotes it: what does not print is escaped, below a byte as `\\x01`."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def required(path: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", path, detail)


def invalid_value(path: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", path, detail, value)


def not_supported(path: str, value: Any, supported: Sequence[str]) -> FieldError:
    quoted = ", ".join(show(s) for s in supported)
    return FieldError("FieldValueNotSupported", path, f"supported values: {quoted}" if supported else "", value)


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", path, "", value)


def forbidden_field(path: str, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", path, detail)


def not_found_field(path: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", path, "", value)


def too_long(path: str, max_bytes: int) -> FieldError:
    unit = "byte" if max_bytes == 1 else "bytes"
    return FieldError("FieldValueTooLong", path, f"may not be more than {max_bytes} {unit}")


def too_many(path: str, actual: int, max_items: int) -> FieldError:
    items = "item" if max_items == 1 else "items"
    return FieldError("FieldValueTooMany", path, f"{actual}: must have at most {max_items} {items}")


def immutable(path: str, value: Any) -> FieldError:
    return invalid_value(path, value, "field is immutable")


#: A body of 3 MiB has place for a million mistakes, whose texts would be a hundred times its size.
MAX_SHOWN: Final = 10_000


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """The 422 answer for a non-empty list of field errors. Who makes more mistakes than anybody reads
    hears of the first ones, and how many more there are."""
    more = len(errors) - MAX_SHOWN
    errors = errors[:MAX_SHOWN]
    texts = list(dict.fromkeys(str(e) for e in errors))
    if more > 0:
        texts.append(f"and {more} more")
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    message = f'{resource_text(kind, group)} "{name}" is invalid: {listed}'
    causes = tuple(Cause(e.reason, e.message, e.path) for e in errors)
    return StatusError(422, "Invalid", message, Details(name, group, kind, causes=causes))
