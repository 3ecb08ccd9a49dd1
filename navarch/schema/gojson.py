"""JSON syntax errors in Go's words.

orjson finds out that a body is not JSON; this file, called only then, says why as Go would.

Worked example:
    >>> syntax_error(b'{"a":1} x')
    "invalid character 'x' after top-level value"
    >>> syntax_error(b'{')
    'unexpected end of JSON input'

Source: encoding/json's scanner (what it expected at each point).
"""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = " \t\r\n"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_END: Final = "unexpected end of JSON input"


class _SyntaxError(Exception):
    pass


def syntax_error(raw: bytes) -> str:
    """Why Go refuses the text, empty if it would take it. Go looks at bytes, not at characters."""
    scanner = _Scanner(raw.decode("latin-1"))
    try:
        scanner.document()
    except _SyntaxError as error:
        return str(error)
    return ""


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> None:
        self._value("looking for beginning of value")
        self._skip()
        if self._at < len(self._text):
            self._fail("after top-level value")

    def _value(self, context: str) -> None:
        char = self._next()
        if char == "{":
            self._object()
        elif char == "[":
            self._array()
        elif char == '"':
            self._string()
        elif char in "-0123456789":
            self._number()
        elif char in "tfn":
            self._word({"t": "true", "f": "false", "n": "null"}[char])
        else:
            self._fail(context)

    def _object(self) -> None:
        self._at += 1
        if self._next() == "}":
            self._at += 1
            return
        while True:
            if self._next() != '"':
                self._fail("looking for beginning of object key string")
            self._string()
            if self._next() != ":":
                self._fail("after object key")
            self._at += 1
            self._value("looking for beginning of value")
            if not self._more("}", "after object key:value pair"):
                return

    def _array(self) -> None:
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return
        while True:
            self._value("looking for beginning of value")
            if not self._more("]", "after array element"):
                return

    def _more(self, end: str, context: str) -> bool:
        char = self._next()
        if char not in ("," + end):
            self._fail(context)
        self._at += 1
        return char == ","

    def _string(self) -> None:
        self._at += 1
        while (char := self._peek()) != '"':
            if char < " ":
                self._fail("in string literal")
            self._at += 1
            if char == "\\":
                self._escape()
        self._at += 1

    def _escape(self) -> None:
        char = self._peek()
        if char not in 'bfnrt\\/"u':
            self._fail("in string escape code")
        self._at += 1
        if char == "u":
            for _ in range(4):
                if self._peek() not in "0123456789abcdefABCDEF":
                    self._fail("in \\u hexadecimal character escape")
                self._at += 1

    def _number(self) -> None:
        if match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            self._dangling(match[0])
            return
        self._at += 1
        self._fail("in numeric literal")

    def _dangling(self, number: str) -> None:
        """A point or an exponent that no digits follow."""
        rest = self._text[self._at : self._at + 1]
        if rest == "." and "." not in number and "e" not in number.lower():
            self._at += 1
            self._fail("after decimal point in numeric literal")
        if rest in ("e", "E") and "e" not in number.lower():
            self._at += 1
            if self._text[self._at : self._at + 1] in ("+", "-"):
                self._at += 1
            self._fail("in exponent of numeric literal")

    def _word(self, word: str) -> None:
        for index, expected in enumerate(word):
            if self._text[self._at : self._at + 1] != expected:
                self._fail(f"in literal {word} (expecting '{word[index]}')")
            self._at += 1

    def _next(self) -> str:
        self._skip()
        return self._peek()

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1] in _SPACE and self._at < len(self._text):
            self._at += 1

    def _peek(self) -> str:
        if self._at >= len(self._text):
            raise _SyntaxError(_END)
        return self._text[self._at]

    def _fail(self, context: str) -> None:
        """Inside a number or a word Go sees the end of the text as a blank."""
        char = self._text[self._at : self._at + 1] or " "
        shown = {"'": r"'\''", '"': "'\"'", "\n": r"'\n'", "\t": r"'\t'", "\r": r"'\r'"}.get(char, f"'{char}'")
        if char < " " and char not in "\n\t\r":
            shown = f"'\\x{ord(char):02x}'"
        raise _SyntaxError(f"invalid character {shown} {context}")
