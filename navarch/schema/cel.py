"""CEL expressions over trees: validation rules of custom resources, admission policies.

Expressions are compiled once and remembered. All variables are untyped: a wrong type shows when the
expression is evaluated. Of Kubernetes' own functions those on lists and texts are here.

Worked example:
    >>> evaluate("self.n > 1 && !has(self.m)", {"self": {"n": 2}})
    True

Source: CEL language definition; Kubernetes' CEL libraries.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from navarch.base import quantity

#: Compiled expressions that are kept.
_KEEP: Final = 2048


class CelError(ValueError):
    """An expression that does not compile, or fails on its data; the text says why."""


def evaluate(expression: str, data: Mapping[str, Any]) -> Any:
    """The value of an expression over variables, as plain data. Raises: CelError."""
    program = compiled(expression, frozenset(data))
    result = program.eval(data=data)
    if result.type() == _library().Type.ERROR:
        raise CelError(str(result.plain_value()))
    return result.plain_value()


@lru_cache(maxsize=_KEEP)
def compiled(expression: str, variables: frozenset[str]) -> Any:
    """The program of an expression. Raises: CelError."""
    try:
        return _environment(variables).compile(expression)
    except RuntimeError as error:
        text = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        raise CelError(f"compilation failed: {text}") from None


@cache
def _library() -> Any:
    """The CEL runtime, loaded with the first expression: it is large."""
    from cel_expr_python import cel

    return cel


@cache
def _environment(variables: frozenset[str]) -> Any:
    from cel_expr_python.ext import ext_optional, ext_strings

    cel = _library()
    types = dict.fromkeys(sorted(variables), cel.Type.DYN)
    extensions = [ext_strings.ExtStrings(), ext_optional.ExtOptional(), _kubernetes()]
    return cel.NewEnv(variables=types, extensions=extensions)


@cache
def _kubernetes() -> Any:
    cel = _library()
    text, untyped = cel.Type.STRING, cel.Type.DYN
    items = cel.Type.List(untyped)
    declared = [
        _function("isQuantity", [text], cel.Type.BOOL, _succeeds(quantity.parse)),
        _function("isIP", [text], cel.Type.BOOL, _succeeds(ipaddress.ip_address)),
        _function("isCIDR", [text], cel.Type.BOOL, _succeeds(ipaddress.ip_network)),
        _function("isURL", [text], cel.Type.BOOL, _is_url),
        _function("find", [text, text], text, _find, is_member=True),
        _function("findAll", [text, text], cel.Type.List(text), _find_all, is_member=True),
        _function("sum", [items], untyped, sum, is_member=True),
        _function("min", [items], untyped, min, is_member=True),
        _function("max", [items], untyped, max, is_member=True),
        _function("isSorted", [items], cel.Type.BOOL, lambda found: list(found) == sorted(found), is_member=True),
        _function("indexOf", [items, untyped], cel.Type.INT, _index_of, is_member=True),
    ]
    return cel.CelExtension("kubernetes", declared)


def _function(
    name: str, parameters: list[Any], result: Any, implementation: Callable[..., Any], *, is_member: bool = False
) -> Any:
    cel = _library()
    overload = cel.Overload(
        f"kubernetes_{name}", return_type=result, parameters=parameters, is_member=is_member, impl=implementation
    )
    return cel.FunctionDecl(name, [overload])


def _succeeds(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and (parts.netloc or parts.path))


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str) -> list[str]:
    return [found[0] for found in re.finditer(pattern, text)]


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if item == wanted), -1)
