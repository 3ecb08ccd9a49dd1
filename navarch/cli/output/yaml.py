"""YAML as kubectl prints it: keys sorted, two blanks a level, long text folded at column 80.

PyYAML would give other quotes and folds, and costs a quarter of a command's time to import.

    >>> print(dump({"b": ["x", 1], "a": "1"}), end="")
    a: "1"
    b:
    - x
    - 1

Source: goyaml.v2 (which scalars are quoted how, where text is folded) beneath sigs.k8s.io/yaml.
"""

from __future__ import annotations

import re
from typing import Any

_WIDTH = 80
#: Plain scalars that would be read as something else than text: numbers, times, sexagesimals.
_RESOLVED = re.compile(
    r"[-+]?(?:0[bB][01_]+|0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|[0-9][0-9_]*)"
    r"|[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
    r"|\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|\s+)\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?\s*(?:Z|[-+]\d{1,2}(?::?\d{2})?)?)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?",
    re.ASCII,
)
_WORDS = frozenset(
    word
    for base in ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<", "=")
    for word in (base, base.capitalize(), base.upper())
) - {"="}
_ESCAPES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip
_FIRST_SPECIAL = frozenset("#,[]{}&*!|>'\"%@`")
_NUMBER_PART = re.compile(r"(\d)e([-+])(\d)$")


def dump(value: Any) -> str:
    """One document."""
    out: list[str] = []
    if isinstance(value, dict) and value:
        _mapping(out, value, 0, first=True)
    elif isinstance(value, list) and value:
        _sequence(out, value, 0, first=True)
    else:
        out.append(_scalar(value, 0, 0) + "\n")
    return "".join(out)


def _mapping(out: list[str], tree: dict[str, Any], indent: int, *, first: bool) -> None:
    """The entries; the first one stands on the line already begun if `first`."""
    for key in sorted(tree, key=_key_order):
        if not first:
            out.append(" " * indent)
        first = False
        text = _key(key)
        out.append(text + ":")
        _value(out, tree[key], indent, indent + len(text) + 1, sequence_indent=indent)


def _sequence(out: list[str], items: list[Any], indent: int, *, first: bool) -> None:
    for item in items:
        if not first:
            out.append(" " * indent)
        first = False
        out.append("-")
        if isinstance(item, dict) and item:
            out.append(" ")
            _mapping(out, item, indent + 2, first=True)
        elif isinstance(item, list) and item:
            out.append(" ")
            _sequence(out, item, indent + 2, first=True)
        else:
            out.append(" " + _scalar(item, indent + 2, indent + 2) + "\n")


def _value(out: list[str], value: Any, indent: int, column: int, *, sequence_indent: int) -> None:
    if isinstance(value, dict) and value:
        out.append("\n" + " " * (indent + 2))
        _mapping(out, value, indent + 2, first=True)
    elif isinstance(value, list) and value:
        out.append("\n" + " " * sequence_indent)
        _sequence(out, value, sequence_indent, first=True)
    else:
        out.append(" " + _scalar(value, indent + 2, column + 1) + "\n")


def _key(key: str) -> str:
    if not is_text(key):
        return _double_quoted(key, 0, None)
    return key if _fits_plain(key) else _single_quoted(key, 0, None)


def _key_order(key: str) -> list[tuple[int, Any]]:
    """goyaml's order of keys: letters after other characters, digits as numbers."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D", key)]


def _scalar(value: Any, indent: int, column: int) -> str:
    if isinstance(value, str):
        return _text(value, indent, column)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return _NUMBER_PART.sub(r"\1e\g<2>0\3", f"{value:.17g}" if float(repr(value)) != value else repr(value))
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return str(value)


def _text(text: str, indent: int, column: int) -> str:
    if "\n" in text:
        return _literal(text, indent) if _fits_literal(text) else _double_quoted(text, column, indent)
    if not is_text(text):
        return _double_quoted(text, column, indent)
    if _fits_plain(text):
        return _folded(text, column, indent)
    if any(not _printable(char) for char in text):
        return _double_quoted(text, column, indent)
    return _single_quoted(text, column, indent)


def is_text(text: str) -> bool:
    """Whether an unquoted reading would give text."""
    if not text or text in _WORDS:
        return False
    # Underscores may stand anywhere in a number.
    return text[0] not in "+-.0123456789" or not _RESOLVED.fullmatch(text.replace("_", ""))


def _fits_plain(text: str) -> bool:
    if not text or text[0] == " " or text[-1] == " " or text[:3] in ("---", "..."):
        return False
    if text[0] in _FIRST_SPECIAL or (text[0] in "-?:" and text[1:2] in ("", " ")):
        return False
    if ": " in text or " #" in text or text[-1] == ":":
        return False
    return (text.isascii() and text.isprintable()) or all(_printable(char) for char in text)


def _printable(char: str) -> bool:
    code = ord(char)
    return 0x20 <= code <= 0x7E or (0xA0 <= code <= 0xD7FF) or (0xE000 <= code <= 0xFFFD and code != 0xFEFF)


def _fits_literal(text: str) -> bool:
    body = text.replace("\n", "").replace("\t", "")
    return " \n" not in text and text[-1] != " " and all(_printable(char) for char in body)


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    if not text.endswith("\n"):
        hint += "-"
    elif text.endswith("\n\n") or text == "\n":
        hint += "+"
    lines = text.removesuffix("\n").split("\n")
    return f"|{hint}\n" + "\n".join(" " * indent + line if line else "" for line in lines)


def _folded(text: str, column: int, indent: int) -> str:
    """Plain text, broken at single blanks once a line has passed the width."""
    if column + len(text) <= _WIDTH:
        return text
    return _broken(text, text, column, indent)


def _single_quoted(text: str, column: int, indent: int | None) -> str:
    body = text.replace("'", "''")
    if indent is None or column + len(body) <= _WIDTH:
        return f"'{body}'"
    return "'" + _broken(body, text, column + 1, indent, edges=False) + "'"


def _broken(body: str, text: str, column: int, indent: int, *, edges: bool = True) -> str:
    """`body` with its blanks replaced by line breaks where the column is past the width."""
    out: list[str] = []
    blank_before = False
    last = len(body) - 1
    for i, char in enumerate(body):
        if char != " ":
            out.append(char)
            column += 1
            blank_before = False
            continue
        may_break = edges or 0 < i < last
        if may_break and not blank_before and column > _WIDTH and body[i + 1 : i + 2] != " ":
            out.append("\n" + " " * indent)
            column = indent
        else:
            out.append(char)
            column += 1
        blank_before = True
    return "".join(out)


def _double_quoted(text: str, column: int, indent: int | None) -> str:
    out = ['"']
    column += 1
    blank_before = False
    for i, char in enumerate(text):
        if char == " ":
            if indent is not None and not blank_before and column > _WIDTH and 0 < i < len(text) - 1:
                out.append("\n" + " " * indent + ("\\" if text[i + 1] == " " else ""))
                column = indent
            else:
                out.append(char)
                column += 1
            blank_before = True
            continue
        blank_before = False
        shown = _escaped(char)
        out.append(shown)
        column += len(shown)
    return "".join(out) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if _printable(char):
        return char
    code = ord(char)
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
