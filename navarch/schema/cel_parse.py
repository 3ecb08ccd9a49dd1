"""The syntax of CEL expressions: text to tree, with the first fault in cel-go's words.

Macros are calls like all others here. `cel_rewrite.py` replaces those that the runtime does not have;
`api/validation/cel_check.py` gives the names their meaning.

Source: the CEL language definition (grammar); cel-go's parser messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>[bBrR]{0,2}(?:\"\"\"(?s:.)*?\"\"\"|'''(?s:.)*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<int>0x[0-9a-fA-F]+[uU]?|\d+[uU]?)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*|`[^`\n]+`)
    |(?P<mark>&&|\|\||[<>=!]=|[][{}()<>.,?:+\-*/%!])""",
    re.VERBOSE,
)
_LITERALS: Final = {"true": "bool", "false": "bool", "null": "null_type"}
_RELATIONS: Final = ("<", "<=", ">=", ">", "==", "!=", "in")
_STARTS: Final = "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"


class CelSyntaxError(Exception):
    """A fault at an offset of the expression; `column` counts from 1 (from 0 in an empty expression)."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


class Token(NamedTuple):
    kind: str
    text: str
    offset: int

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


@dataclass(slots=True)
class Expr:
    """A node. `kind`: literal, name, select, call, method, list, map, struct, unary, binary, ternary.
    `text` is the name, operator or type of a literal; `offset` is where a fault of it is shown. The node
    takes up the text from `start` to `end`, its parentheses included. `names` are a struct's fields."""

    kind: str
    text: str
    offset: int
    parts: list[Expr] = field(default_factory=list)
    start: int = 0
    end: int = 0
    names: tuple[str, ...] = ()


def parse(text: str) -> Expr:
    """The whole expression. Raises: CelSyntaxError."""
    parser = _Parser(_tokens(text))
    found = parser.ternary()
    rest = parser.next
    if rest.kind != "end":
        lone = parser.after.kind == "end"
        why = "extraneous" if lone else "mismatched"
        raise CelSyntaxError(f"{why} input '{rest.text}' expecting <EOF>", rest.offset)
    return found


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise CelSyntaxError(f"token recognition error at: '{text[position]}'", position)
        if found.lastgroup != "space":
            tokens.append(Token(found.lastgroup or "", found[0], position))
        position = found.end()
    return [*tokens, Token("end", "<EOF>", len(text))]


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._position]

    @property
    def after(self) -> Token:
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self.next
        self._position += token.kind != "end"
        return token

    def _at(self, *texts: str) -> bool:
        return self.next.kind in ("mark", "name") and self.next.text in texts

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            raise CelSyntaxError(f"mismatched input '{self.next.text}' expecting '{text}'", self.next.offset)
        return self._take()

    def _spans(self, start: int, found: Expr) -> Expr:
        """The node, which begins at `start` and ends with the last token taken."""
        found.start, found.end = start, self._tokens[self._position - 1].end
        return found

    def ternary(self) -> Expr:
        start = self.next.offset
        condition = self._binary(0)
        if not self._at("?"):
            return condition
        mark = self._take()
        chosen = self._binary(0)
        self._expect(":")
        return self._spans(start, Expr("ternary", "?:", mark.offset, [condition, chosen, self.ternary()]))

    _LEVELS: Final = (("||",), ("&&",), _RELATIONS, ("+", "-"), ("*", "/", "%"))

    def _binary(self, level: int) -> Expr:
        if level == len(self._LEVELS):
            return self._unary()
        start = self.next.offset
        left = self._binary(level + 1)
        while self._at(*self._LEVELS[level]):
            mark = self._take()
            left = self._spans(start, Expr("binary", mark.text, mark.offset, [left, self._binary(level + 1)]))
        return left

    def _unary(self) -> Expr:
        if self._at("!", "-"):
            mark = self._take()
            return self._spans(mark.offset, Expr("unary", mark.text, mark.offset, [self._unary()]))
        return self._member()

    def _member(self) -> Expr:
        start = self.next.offset
        found = self._spans(start, self._primary("{'[', '{', '(', " + _STARTS))
        while self._at(".", "[", "{"):
            mark = self._take()
            if mark.text == ".":
                found = self._selected(found, mark)
            elif mark.text == "[":
                if self._at("?"):
                    self._take()
                found = Expr("index", "[]", mark.offset, [found, self.ternary()])
                self._expect("]")
            else:
                found = self._built(found, mark)
            self._spans(start, found)
        return found

    def _selected(self, base: Expr, mark: Token) -> Expr:
        if self._at("?"):
            self._take()
        if self.next.kind != "name":
            raise CelSyntaxError(f"no viable alternative at input '{mark.text}'", self.next.offset)
        name = self._take()
        if not self._at("("):
            return Expr("select", name.text.strip("`"), mark.offset, [base])
        opened = self._take()
        return Expr("method", name.text, opened.offset, [base, *self._arguments()])

    def _built(self, base: Expr, mark: Token) -> Expr:
        """An object with its fields; `base` names the type."""
        values: list[Expr] = []
        names: list[str] = []
        while not self._at("}"):
            optional = self._take().text if self._at("?") else ""
            if self.next.kind != "name":
                raise CelSyntaxError(f"mismatched input '{self.next.text}' expecting '}}'", self.next.offset)
            names.append(optional + self._take().text.strip("`"))
            self._expect(":")
            values.append(self.ternary())
            if not self._at(","):
                break
            self._take()
        self._expect("}")
        return Expr("struct", _dotted(base), mark.offset, values, names=tuple(names))

    def _arguments(self) -> list[Expr]:
        """What stands up to the closing parenthesis, which is taken too."""
        if self._at(")"):
            self._take()
            return []
        if self.next.kind == "end":
            expected = "{'[', '{', '(', ')', " + _STARTS
            raise CelSyntaxError(f"mismatched input '<EOF>' expecting {expected}", self.next.offset)
        found = [self.ternary()]
        while self._at(","):
            self._take()
            found.append(self.ternary())
        self._expect(")")
        return found

    def _primary(self, expected: str) -> Expr:
        token = self.next
        if token.kind in ("string", "double", "int"):
            self._take()
            kind = "uint" if token.kind == "int" and token.text[-1] in "uU" else token.kind
            return Expr("literal", "bytes" if token.text[0] in "bB" else kind, token.offset)
        if token.kind == "name":
            return self._named(self._take())
        if self._at("."):
            self._take()
            return self._named(self._take())
        if self._at("("):
            self._take()
            found = self.ternary()
            self._expect(")")
            return found
        if self._at("[", "{"):
            return self._collection(self._take())
        raise CelSyntaxError(f"mismatched input '{token.text}' expecting {expected}", token.offset)

    def _named(self, token: Token) -> Expr:
        if token.text in _LITERALS:
            return Expr("literal", _LITERALS[token.text], token.offset)
        if not self._at("("):
            return Expr("name", token.text, token.offset)
        opened = self._take()
        return Expr("call", token.text, opened.offset, self._arguments())

    def _collection(self, mark: Token) -> Expr:
        close = {"[": "]", "{": "}"}[mark.text]
        parts: list[Expr] = []
        while not self._at(close):
            if self._at("?"):
                self._take()
            parts.append(self.ternary())
            if mark.text == "{":
                self._expect(":")
                parts.append(self.ternary())
            if not self._at(","):
                break
            self._take()
        self._expect(close)
        return Expr("list" if mark.text == "[" else "map", "", mark.offset, parts)


def _dotted(expression: Expr) -> str:
    if expression.kind == "select":
        return f"{_dotted(expression.parts[0])}.{expression.text}"
    return expression.text
