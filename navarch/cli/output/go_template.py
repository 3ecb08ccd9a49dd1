"""Go's text/template, as far as `-o go-template` uses it: fields, pipes, variables, if, range, with.

    >>> compile_template('{{range .items}}{{.name}} {{end}}').render({"items": [{"name": "a"}]})
    'a '

Source: Go `text/template` (syntax, truth, functions) and kubectl's own `exists` and `base64decode`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from navarch.cli.output.tables import go_value

_ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>\$?[A-Za-z_]\w*|\$)"""
    r"""|(?P<field>(?:\.[A-Za-z_][\w-]*)+|\.)|(?P<mark>:=|[=|(),]))"""
)
_MISSING = object()
#: Beside the variables, whose names begin with a dollar: whether missing keys are errors.
_STRICT = "strict"


class TemplateError(ValueError):
    """A template that does not parse, or does not fit the data."""


class Block(NamedTuple):
    """An action with a body: `word` is if, range or with."""

    word: str
    pipe: list[Token]
    body: list[Any]
    otherwise: list[Any]


class Token(NamedTuple):
    kind: str
    text: str


class Template:
    """Compiled: nodes are texts, pipes (lists of tokens) and blocks."""

    def __init__(self, nodes: list[Any], strict: bool) -> None:
        self._nodes = nodes
        self._strict = strict

    def render(self, tree: Any) -> str:
        """Raises: TemplateError."""
        return "".join(_render(self._nodes, tree, {"$": tree, _STRICT: self._strict}))


def compile_template(text: str, *, strict: bool = False) -> Template:
    """`strict`: a key that a map lacks is an error. Raises: TemplateError with Go's text where it is short."""
    root: list[Any] = []
    stack: list[tuple[str, list[Token], list[Any], list[Any] | None]] = [("", [], root, None)]
    at = 0
    while at < len(text):
        match = _ACTION.search(text, at)
        if match is None:
            if "{{" in text[at:]:
                raise TemplateError(f"template: output:{text.count(chr(10)) + 1}: unclosed action")
            _current(stack).append(text[at:])
            break
        literal = text[at : match.start()]
        _current(stack).append(literal.rstrip() if match[1] else literal)
        at = match.end()
        if match[3]:
            at += len(text[at:]) - len(text[at:].lstrip())
        _action(stack, match[2].strip())
    if len(stack) > 1:
        raise TemplateError("template: output:1: unexpected EOF")
    return Template(root, strict)


def _current(stack: list[Any]) -> list[Any]:
    _, _, body, otherwise = stack[-1]
    return body if otherwise is None else otherwise  # type: ignore[no-any-return]


def _action(stack: list[Any], text: str) -> None:
    if not text:
        raise TemplateError("template: output:1: missing value for command")
    if text.startswith("/*"):
        return
    word, _, rest = text.partition(" ")
    if word in ("if", "range", "with"):
        stack.append((word, _tokens(rest), [], None))
    elif word == "else":
        opened, pipe, body, _ = stack[-1]
        stack[-1] = (opened, pipe, body, [])
    elif word == "end":
        if len(stack) == 1:
            raise TemplateError("template: output:1: unexpected {{end}}")
        opened, pipe, body, otherwise = stack.pop()
        _current(stack).append(Block(opened, pipe, body, otherwise or []))
    else:
        _current(stack).append(_tokens(text))


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"template: output:1: unexpected {json.dumps(text[at : at + 1])} in operand")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    _check_functions(tokens)
    return tokens


def _check_functions(tokens: list[Token]) -> None:
    known = {*_FUNCTIONS, "true", "false", "nil", "and", "or"}
    for token in tokens:
        if token.kind == "name" and not token.text.startswith("$") and token.text not in known:
            raise TemplateError(f'template: output:1: function "{token.text}" not defined')


def _render(nodes: list[Any], dot: Any, names: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, Block):
            yield from _block(node, dot, names)
        else:
            declares = _declared(node)
            value = _evaluate(node, dot, names)
            if not declares:
                yield "<no value>" if value is _MISSING or value is None else go_value(value)


def _block(block: Block, dot: Any, names: dict[str, Any]) -> Iterator[str]:
    scope = dict(names)
    variables = _declared(block.pipe)
    value = _evaluate(block.pipe, dot, scope)
    if block.word == "range":
        yield from _range(block, value, variables, dot, scope)
    elif _is_true(value):
        yield from _render(block.body, dot if block.word == "if" else value, scope)
    else:
        yield from _render(block.otherwise, dot, scope)


def _range(block: Block, value: Any, variables: list[str], dot: Any, scope: dict[str, Any]) -> Iterator[str]:
    if value is _MISSING or value is None:
        pairs: list[tuple[Any, Any]] = []
    elif isinstance(value, dict):
        pairs = sorted(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        raise TemplateError(f"template: output:1: range can't iterate over {go_value(value)}")
    if not pairs:
        yield from _render(block.otherwise, dot, scope)
    for key, item in pairs:
        inner = dict(scope)
        if variables:
            inner[variables[-1]] = item
        if len(variables) == 2:
            inner[variables[0]] = key
        yield from _render(block.body, item, inner)


def _declared(tokens: list[Token]) -> list[str]:
    """The variables of `$x :=` or `$i, $x :=` at the beginning."""
    for i, token in enumerate(tokens[:4]):
        if token.kind == "mark" and token.text in (":=", "="):
            return [t.text for t in tokens[:i] if t.kind == "name"]
    return []


def _evaluate(tokens: list[Token], dot: Any, names: dict[str, Any]) -> Any:
    variables = _declared(tokens)
    if variables:
        tokens = tokens[2 * len(variables) :]
    value, end = _pipe(tokens, 0, dot, names)
    if end != len(tokens):
        raise TemplateError(f"template: output:1: unexpected {json.dumps(tokens[end].text)} in command")
    if variables:
        names[variables[-1]] = value
    return value


def _pipe(tokens: list[Token], at: int, dot: Any, names: dict[str, Any]) -> tuple[Any, int]:
    value: Any = _MISSING
    first = True
    while True:
        value, at = _command(tokens, at, dot, names, () if first else (value,))
        first = False
        if at < len(tokens) and tokens[at].text == "|" and tokens[at].kind == "mark":
            at += 1
            continue
        return value, at


def _command(tokens: list[Token], at: int, dot: Any, names: dict[str, Any], piped: tuple[Any, ...]) -> tuple[Any, int]:
    function: Callable[..., Any] | None = None
    if at < len(tokens) and tokens[at].kind == "name" and tokens[at].text in _FUNCTIONS:
        function = _FUNCTIONS[tokens[at].text]
        at += 1
    arguments: list[Any] = []
    while at < len(tokens) and not (tokens[at].kind == "mark" and tokens[at].text in "|)"):
        argument, at = _operand(tokens, at, dot, names)
        arguments.append(argument)
    if function is None:
        return (arguments[0] if arguments else _MISSING), at
    try:
        return function(*arguments, *piped), at
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise TemplateError(f"template: output:1: error calling function: {error}") from error


def _operand(tokens: list[Token], at: int, dot: Any, names: dict[str, Any]) -> tuple[Any, int]:
    token = tokens[at]
    at += 1
    value: Any
    if token.kind == "text":
        value = token.text[1:-1] if token.text[0] == "`" else json.loads(token.text)
    elif token.kind == "number":
        value = float(token.text) if "." in token.text else int(token.text)
    elif token.kind == "field":
        value = _walk(dot, token.text, names[_STRICT])
    elif token.text == "(":
        value, at = _pipe(tokens, at, dot, names)
        at += 1
    elif token.text.startswith("$"):
        value = names.get(token.text, _MISSING)
    else:
        value = {"true": True, "false": False, "nil": None}.get(token.text, _MISSING)
    while at < len(tokens) and tokens[at].kind == "field" and tokens[at].text != "." and token.kind in ("name", "mark"):
        value = _walk(value, tokens[at].text, names[_STRICT])
        at += 1
    return value, at


def _walk(value: Any, path: str, strict: bool) -> Any:
    for name in path.split(".")[1:]:
        if not name:
            continue
        if isinstance(value, dict):
            if strict and name not in value:
                where = f'template: output:1:2: executing "output" at <{path}>'
                raise TemplateError(f'{where}: map has no entry for key "{name}"')
            value = value.get(name, _MISSING)
        elif value is _MISSING or value is None:
            return _MISSING
        else:
            raise TemplateError(f"template: output:1: can't evaluate field {name} in type interface {{}}")
    return value


def _is_true(value: Any) -> bool:
    return value is not _MISSING and bool(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, _MISSING) if isinstance(value, dict) else value[key]
    return value


def _exists(value: Any, *keys: Any) -> bool:
    for key in keys:
        if (isinstance(value, dict) and key in value) or (
            isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value)
        ):
            value = value[key]
        else:
            return False
    return True


def _printf(form: str, *values: Any) -> str:
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = rest.pop(0)
        if match[0].endswith(("v", "s")):
            return go_value(value)
        return json.dumps(value) if match[0].endswith("q") else match[0] % value

    return re.sub(r"%%|%[-+ 0-9.]*[a-zA-Z]", one, form)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "index": _index,
    "exists": _exists,
    "printf": _printf,
    "print": lambda *values: "".join(map(go_value, values)),
    "println": lambda *values: " ".join(map(go_value, values)) + "\n",
    "eq": lambda a, *others: any(a == b for b in others),
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "not": lambda value: not _is_true(value),
    "and": lambda *values: next((v for v in values if not _is_true(v)), values[-1]),
    "or": lambda *values: next((v for v in values if _is_true(v)), values[-1]),
    "base64decode": lambda text: b64decode(text).decode(),
    "html": lambda text: str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
}
