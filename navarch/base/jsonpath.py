"""kubectl's JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}{.x}{"\\n"}{end}`.

A template is text with actions in braces. An action is a chain of steps; it turns a list of
values, at first the one tree, into another list. Used by `-o jsonpath`, custom columns, `wait`,
sorting, and the printer columns of CRDs.

Worked example:
    >>> compile('{.items[?(@.kind=="Pod")].name}').render({"items": [{"kind": "Pod", "name": "a"}]})
    'a'

Source: the kubectl JSONPath documentation; texts of errors and printing as client-go's `jsonpath`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

_TERMINATORS: Final = " \t\r\n.,[]$@{}"
_DICT_KEY: Final = re.compile(r"'([^']*)'")
_SLICE: Final = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?", re.ASCII)
_COMPARISON: Final = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?[0-9.]+")
_WORD: Final = re.compile(r"\w+")
_RELAXED: Final = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}

Values = list[Any]


class JsonPathError(ValueError):
    """A template that does not parse, or does not fit the data."""


@dataclass(slots=True)
class Step:
    """One link of a chain: maps values to values. `strict`: an absent key is an error."""

    walk: Callable[[Values, bool], Values]


@dataclass(slots=True)
class Action:
    """Everything between two braces, or (as a constant) the text outside of them."""

    steps: list[Step] = field(default_factory=list)
    word: str = ""

    def find(self, values: Values, strict: bool) -> Values:
        for step in self.steps:
            values = step.walk(values, strict)
        return values


@dataclass(slots=True)
class Range:
    """`{range X}...{end}`: the body once for every value of X."""

    over: Action
    body: list[Action | Range] = field(default_factory=list)


class JsonPath:
    """A compiled template. `strict` decides whether absent keys are errors; kubectl says no."""

    __slots__ = ("_nodes", "strict")

    def __init__(self, nodes: list[Action | Range], strict: bool) -> None:
        self._nodes = nodes
        self.strict = strict

    def find(self, tree: Any) -> Values:
        """All values that the template's actions give, in order.

        Raises: JsonPathError.
        """
        return [value for group in self.groups(tree) for value in group]

    def groups(self, tree: Any) -> list[Values]:
        """The values, one list for each action (or text) in the order of output."""
        return _run(self._nodes, tree, self.strict)

    def render(self, tree: Any) -> str:
        """The output of `-o jsonpath`. Raises: JsonPathError."""
        return "".join(" ".join(show(v) for v in group) for group in self.groups(tree))

    def render_json(self, tree: Any) -> str:
        """The output of `-o jsonpath-as-json`. Raises: JsonPathError."""
        out = ""
        for group in self.groups(tree):
            out += _go_json(json.dumps(group, indent=4, ensure_ascii=False, sort_keys=True)) + "\n"
        return out


def compile(text: str, *, strict: bool = False) -> JsonPath:
    """The template written in `text`.

    Raises: JsonPathError with kubectl's text.
    """
    return JsonPath(_Parser(text).template(), strict)


def relaxed(text: str) -> str:
    """The template for a bare path as custom columns and `--sort-by` take it: `metadata.name`.

    Raises: JsonPathError.
    """
    if not text:
        return text
    match = _RELAXED.fullmatch(text)
    if match is None:
        raise JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return f"{{.{match[1] or match[2]}}}"


def show(value: Any) -> str:
    """A value as Go prints it: containers as compact JSON, scalars bare."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _go_json(json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True))
    if isinstance(value, float):
        return _go_float(value)
    return str(value)


def _go_float(value: float) -> str:
    """Go's `%v`: the shortest digits, an exponent from 1e+21 on and below 1e-4."""
    magnitude = abs(value)
    if magnitude and (magnitude < 1e-4 or magnitude >= 1e21):
        mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else f"{value:e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-'):0>2}"
    return f"{value:.0f}" if value == int(value) else repr(value)


def _go_json(text: str) -> str:
    """Go escapes what could end a script element."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _run(nodes: list[Action | Range], tree: Any, strict: bool) -> list[Values]:
    out: list[Values] = []
    for node in nodes:
        if isinstance(node, Range):
            for value in node.over.find([tree], strict):
                out += _run(node.body, value, strict)
        else:
            out.append(node.find([tree], strict))
    return out


class _Parser:
    """Reads a template, or with `action` a bare chain inside of a filter or union."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self) -> list[Action | Range]:
        root: list[Action | Range] = []
        open_ranges: list[Range] = []
        while self._at < len(self._text):
            body = open_ranges[-1].body if open_ranges else root
            if not self._text.startswith("{", self._at):
                body.append(Action([_constant(self._until_brace())]))
                continue
            self._at += 1
            action = self._action("}")
            if action.word == "range":
                block = Range(action)
                body.append(block)
                open_ranges.append(block)
            elif action.word == "end":
                if not open_ranges:
                    raise JsonPathError("not in range, nothing to end")
                open_ranges.pop()
            else:
                body.append(action)
        return root

    def chain(self) -> Action:
        return self._action("")

    def _until_brace(self) -> str:
        end = self._text.find("{", self._at)
        end = len(self._text) if end < 0 else end
        text = self._text[self._at : end]
        self._at = end
        return text

    def _action(self, close: str) -> Action:
        action = Action()
        while not (self._text.startswith(close, self._at) if close else self._at == len(self._text)):
            if self._at == len(self._text) or self._text[self._at] in "\r\n":
                raise JsonPathError("unclosed action")
            self._step(action)
        self._at += len(close)
        return action

    def _step(self, action: Action) -> None:
        rest = self._text[self._at :]
        char = rest[0]
        if rest.startswith("[?("):
            action.steps.append(self._filter())
        elif rest.startswith(".."):
            self._at += 2
            action.steps.append(Step(_recursive))
            if self._at < len(self._text) and (self._text[self._at].isalnum() or self._text[self._at] in "_*"):
                action.steps.append(self._field())
        elif char in " $@":  # the current value: nothing to do
            self._at += 1
        elif char == "[":
            action.steps += self._brackets()
        elif char in "\"'":
            action.steps.append(_constant(self._quoted(char)))
        elif char == ".":
            self._at += 1
            action.steps.append(self._field())
        elif char in "+-" or char.isdigit():
            action.steps.append(_constant(self._number()))
        elif char.isalnum() or char == "_":
            self._word(action)
        else:
            raise JsonPathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _field(self) -> Step:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _TERMINATORS:
            self._at += 2 if self._text[self._at] == "\\" else 1
        name = self._text[start : self._at]
        return Step(_wildcard) if name == "*" else _key(name.replace("\\", ""))

    def _word(self, action: Action) -> None:
        match = _WORD.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        word = match[0]
        if word in ("range", "end"):
            action.word = word
        elif word in ("true", "false"):
            action.steps.append(_constant(word == "true"))
        else:
            raise JsonPathError(f"unrecognized identifier {word}")

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        text = match[0] if match else self._text[self._at]
        self._at += len(text)
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            raise JsonPathError(f"cannot parse number {text}") from None

    def _quoted(self, quote: str) -> str:
        out = []
        i = self._at + 1
        while i < len(self._text) and self._text[i] != quote:
            if self._text[i] == "\\" and i + 1 < len(self._text):
                i += 1
                out.append(_ESCAPES.get(self._text[i], self._text[i]))
            elif self._text[i] == "\n":
                break
            else:
                out.append(self._text[i])
            i += 1
        if i >= len(self._text) or self._text[i] != quote:
            raise JsonPathError("unterminated quoted string")
        self._at = i + 1
        return "".join(out)

    def _brackets(self) -> list[Step]:
        end = self._text.find("]", self._at)
        if end < 0 or "\n" in self._text[self._at : end]:
            raise JsonPathError("unterminated array")
        inside = self._text[self._at + 1 : end]
        self._at = end + 1
        if "," in inside:
            return [_union([_Parser(f"[{part.strip()}]").chain() for part in inside.split(",")])]
        if match := _DICT_KEY.fullmatch(inside):
            return _Parser(f".{match[1]}").chain().steps
        return [_slice(":" if inside == "*" else inside)]

    def _filter(self) -> Step:
        start = i = self._at + 3
        quote = ""
        while i < len(self._text) and (quote or self._text[i] != ")"):
            char = self._text[i]
            if char in "\"'" and self._text[i - 1] != "\\":
                quote = char if not quote else "" if quote == char else quote
            i += 1
        if i >= len(self._text):
            raise JsonPathError("unterminated filter")
        if not self._text.startswith("]", i + 1):
            raise JsonPathError("unclosed array expect ]")
        inside = self._text[start:i]
        self._at = i + 2
        match = _COMPARISON.fullmatch(inside)
        if match is None:
            return _exists(_Parser(inside).chain())
        return _compare(_Parser(match[1]).chain(), match[2], _Parser(match[3].strip()).chain())


def _constant(value: Any) -> Step:
    return Step(lambda _values, _strict: [value])


def _key(name: str) -> Step:
    def walk(values: Values, strict: bool) -> Values:
        if not name:
            return values
        out = [v[name] for v in values if isinstance(v, dict) and name in v]
        if not out and strict:
            raise JsonPathError(f"{name} is not found")
        return out

    return Step(walk)


def _children(value: Any) -> Values:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _wildcard(values: Values, _strict: bool) -> Values:
    return [child for value in values for child in _children(value)]


def _recursive(values: Values, strict: bool) -> Values:
    """Every container, each before what is in it."""
    out: Values = []
    for value in values:
        if children := _children(value):
            out.append(value)
            out += _recursive(children, strict)
    return out


def _union(parts: list[Action]) -> Step:
    return Step(lambda values, strict: [found for part in parts for found in part.find(values, strict)])


def _slice(text: str) -> Step:
    match = _SLICE.fullmatch(text)
    if match is None:
        raise JsonPathError(f"invalid array index {text}")
    first, last, step = (None if not g or g in (":", "-") else int(g.lstrip(":")) for g in match.groups())
    single = match[2] is None
    if step is not None and step <= 0:
        raise JsonPathError("step must be > 0")

    def walk(values: Values, _strict: bool) -> Values:
        out: Values = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise JsonPathError(f"{show(value)} is not array or slice")
            start, end = _bounds(first or 0, last, single, len(value))
            out += value[start : end : step or 1]
        return out

    return Step(walk)


def _bounds(start: int, end: int | None, single: bool, length: int) -> tuple[int, int]:
    """Absolute bounds of a slice. Raises: JsonPathError if they lie outside of the array."""
    start = start + length if start < 0 else start
    if single:
        end = start + 1
    elif end is None:
        end = length
    elif end < 0:
        end += length
    if start == end:
        return 0, 0
    if not 0 <= start < length:
        raise JsonPathError(f"array index out of bounds: index {start}, length {length}")
    if not 0 <= end <= length:
        raise JsonPathError(f"array index out of bounds: index {end - 1}, length {length}")
    if start > end:
        raise JsonPathError(f"starting index {start} is greater than ending index {end}")
    return start, end


def _elements(values: Values) -> Values:
    out: Values = []
    for value in values:
        if not isinstance(value, list):
            raise JsonPathError(f"{show(value)} is not array or slice and cannot be filtered")
        out += value
    return out


def _exists(left: Action) -> Step:
    return Step(lambda values, _strict: [v for v in _elements(values) if left.find([v], False)])


def _compare(left: Action, operator: str, right: Action) -> Step:
    test = {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
        "<=": lambda a, b: a <= b,
        ">=": lambda a, b: a >= b,
    }.get(operator)

    def walk(values: Values, strict: bool) -> Values:
        out: Values = []
        for element in _elements(values):
            a, b = left.find([element], strict), right.find([element], strict)
            if len(a) > 1 or len(b) > 1:
                raise JsonPathError("can only compare one element at a time")
            if not a or not b:
                continue
            if test is None:
                raise JsonPathError(f"unrecognized filter operator {operator}")
            if _basic(a[0]) != _basic(b[0]):
                raise JsonPathError("incompatible types for comparison")
            if test(a[0], b[0]):
                out.append(element)
        return out

    return Step(walk)


def _basic(value: Any) -> type:
    if isinstance(value, dict | list) or value is None:
        raise JsonPathError("invalid type for comparison")
    return type(value)
