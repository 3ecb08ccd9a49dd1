"""YAML as Kubernetes reads it: Go's rules for plain scalars, string keys, repeated keys reported.

    >>> load("a: 010\\nb: 12:30\\nc: on\\nd: 2024-01-01\\n1: x")
    {'a': 8, 'b': '12:30', 'c': True, 'd': '2024-01-01', '1': 'x'}

Called for YAML request bodies and for manifests. The result is a JSON tree; a key that is given
twice keeps its last value.

Source: sigs.k8s.io/yaml over goyaml.v2 (YAML 1.1 booleans, ParseInt with base 0, no sexagesimals,
dates stay strings).
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

import yaml

from navarch.base.nesting import MAX_DEPTH

_TRUE: Final = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE: Final = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_NULL: Final = frozenset(["", "~", "null", "Null", "NULL"])
_INT: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII)
#: Integers beyond 64 bits are floats, as Go reads them. The longest that is none: a sign, a prefix and binary digits.
_MAX_DIGITS: Final = 67
_MIN_INT: Final = -(1 << 63)
_MAX_INT: Final = (1 << 64) - 1
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_PLAIN: Final = "!plain"
_TAG: Final = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """The text is not YAML; the message begins with `yaml: `."""


def load(text: str | bytes) -> Any:
    """The first document. Raises: YamlError."""
    return load_strict(text)[0]


def load_strict(text: str | bytes) -> tuple[Any, list[str]]:
    """The first document and a text for each repeated key: `line 6: key "a" already set in map`.

    Raises: YamlError.
    """
    _check_shape(text)
    loader = _Loader(text)
    try:
        return (loader.get_data() if _more(loader) else None), loader.repeated
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(_message(error)) from error
    finally:
        loader.dispose()


def load_all(text: str | bytes) -> Iterator[Any]:
    """All documents, empty ones as None. Raises: YamlError."""
    _check_shape(text)
    loader = _Loader(text)
    try:
        while _more(loader):
            yield loader.get_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(_message(error)) from error
    finally:
        loader.dispose()


#: Nodes that a document may have with its aliases replaced. Source: goyaml's limit is of this order.
_MAX_NODES: Final = 400_000


def _check_shape(text: str | bytes) -> None:
    """Refuse what nests too deep or grows beyond bounds by its aliases; libyaml's composer would take
    the stack, and the tree's reader the memory. Raises: YamlError."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if not (_may_be_deep(raw) or (b"&" in raw and b"*" in raw)):
        return
    try:
        _measure(text)
    except (yaml.YAMLError, RecursionError):
        return  # the loader says what is wrong


def _may_be_deep(raw: bytes) -> bool:
    """Whether brackets, indentation and dashes could add up to more levels than are allowed."""
    if len(raw) <= MAX_DEPTH:
        return False
    brackets = raw.count(b"[") + raw.count(b"{")
    indented = max(len(line) - len(line.lstrip(b" ")) for line in raw.split(b"\n"))
    compact = max(line.count(b"- ") + line.count(b"? ") for line in raw.split(b"\n"))
    return brackets + indented + compact > MAX_DEPTH


def _measure(text: str | bytes) -> None:
    """Count levels and nodes along the parser's events, which need no stack."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    size = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, size))
            size = 1
            if len(open_) > MAX_DEPTH:
                raise YamlError("yaml: exceeded max depth")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = size
            size += before
        elif isinstance(event, yaml.AliasEvent):
            size += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.ScalarEvent):
            size += 1
        if size > _MAX_NODES:
            raise YamlError("yaml: document contains excessive aliasing")


def plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if _INT.fullmatch(digits) and len(digits) <= _MAX_DIGITS and _MIN_INT <= (number := _integer(digits)) <= _MAX_INT:
        return number
    if _FLOAT.fullmatch(digits) and math.isfinite(value := float(digits)):
        return int(value) if value.is_integer() and abs(value) <= -_MIN_INT else value
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    body = digits.lstrip("+-").lower()
    if len(body) > 1 and body[0] == "0" and body[1].isdigit():
        return sign * int(body, 8)
    return sign * int(body, 0)


class _Loader(yaml.CSafeLoader):
    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self.repeated: list[str] = []


def _more(loader: _Loader) -> bool:
    more: bool = loader.check_data()  # type: ignore[no-untyped-call]
    return more


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[dict[str, Any]]:
    out: dict[str, Any] = {}
    yield out
    merged: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if key_node.tag == _PLAIN and key_node.value == "<<":
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for source in sources:
                merged = loader.construct_object(source, deep=True) | merged
            continue
        value = loader.construct_object(key_node, deep=True)
        key = _key(value)
        if key in out:
            shown = f'"{key}"' if isinstance(value, str) else key
            loader.repeated.append(f"line {key_node.start_mark.line + 1}: key {shown} already set in map")
        out[key] = loader.construct_object(value_node, deep=True)
    for key, value in merged.items():
        out.setdefault(key, value)


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list) or value is None:
        raise yaml.YAMLError("unsupported map key")
    return str(value)


def _construct_number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    value = plain(node.value)
    if isinstance(value, str | None):
        raise yaml.YAMLError(f"cannot decode {node.value!r} as a number")
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {}
_Loader.yaml_multi_constructors = {}
_Loader.add_implicit_resolver(_PLAIN, re.compile(""), None)
_Loader.add_constructor(_PLAIN, lambda _, node: plain(node.value))
_Loader.add_constructor(_TAG + "str", _text)
_Loader.add_constructor(_TAG + "timestamp", _text)
_Loader.add_constructor(_TAG + "int", _construct_number)
_Loader.add_constructor(_TAG + "float", _construct_number)
_Loader.add_constructor(_TAG + "bool", lambda _, node: node.value in _TRUE)
_Loader.add_constructor(_TAG + "null", lambda _, node: None)
_Loader.add_constructor(_TAG + "binary", lambda _, node: b64decode(node.value).decode("utf-8", "replace"))
_Loader.add_constructor(_TAG + "seq", lambda loader, node: [loader.construct_object(n, deep=True) for n in node.value])
_Loader.add_constructor(_TAG + "map", _construct_mapping)


def _message(error: Exception) -> str:
    """Go's text. It counts lines from 1 where the scanner fails, from 0 where the parser does, and
    never names line 0."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line = mark.line if mark else 0
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    return f"yaml: line {line}: {problem}" if line else f"yaml: {problem}"
