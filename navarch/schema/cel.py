"""CEL expressions over trees: validation rules of custom resources, admission policies.

Expressions are compiled once and remembered. All variables are untyped: a wrong type shows when the
expression is evaluated. Kubernetes' own functions are declared in cel_library.py.

Worked example:
    >>> evaluate("self.n > 1 && !has(self.m)", {"self": {"n": 2}})
    True

Source: CEL language definition; Kubernetes' CEL libraries; cel-go's words for errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from navarch.schema.cel_library import environment, runtime
from navarch.schema.cel_rewrite import rewrite

#: Compiled expressions that are kept.
_KEEP: Final = 2048

#: Answers `authorizer....check(verb)`: the question that the steps before it made, and the verb.
Authorize = Callable[[dict[str, Any], str], dict[str, Any]]

#: How the runtime says what cel-go says otherwise.
_WORDS: Final = (
    (re.compile(r'Key not found in map : "?(.*?)"?$'), r"no such key: \1"),
    (re.compile(r"No matching overloads found : .*"), "no such overload"),
    (re.compile(r"Applying SELECT to non-message type"), "no such overload"),
    (re.compile(r"divide by zero"), "division by zero"),
    (re.compile(r"Index error: index=(-?\d+) size=\d+"), r"index out of bounds: \1"),
)
_CODE: Final = re.compile(r"^[A-Z_]+: ")


class CelError(ValueError):
    """An expression that does not compile, or fails on its data; the text says why."""


class NotPlainError(CelError):
    """The value of an expression is one that only other parts of an expression can take: an optional."""


def evaluate(expression: str, data: Mapping[str, Any], authorize: Authorize | None = None) -> Any:
    """The value of an expression over variables, as plain data. Raises: CelError."""
    program = compiled(expression, frozenset(data))
    if authorize is None:
        result = program.eval(data=data)
    else:
        types = runtime().Type
        check = runtime().Function("check", [types.MAP, types.STRING], True, authorize, types.DYN)
        result = program.eval(data=data, functions=[check])
    try:
        value = result.plain_value()
    except (TypeError, SystemError):
        raise NotPlainError("the result is no plain value") from None
    if result.type() == runtime().Type.ERROR:
        raise CelError(_worded(str(value)))
    return value


@lru_cache(maxsize=_KEEP)
def compiled(expression: str, variables: frozenset[str]) -> Any:
    """The program of an expression. Raises: CelError."""
    try:
        return environment(variables).compile(rewrite(expression))
    except RuntimeError as error:
        text = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        raise CelError(f"compilation failed: {text}") from None


def _worded(text: str) -> str:
    text = _CODE.sub("", text, count=1)
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
