"""The small rules of which the validation of every kind is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from navarch.base import names
from navarch.base.field import FieldError, duplicate, invalid_value, not_supported, required
from navarch.schema.types import Tree

Errors = list[FieldError]

INT32_MAX: Final = 2**31 - 1
NOT_NEGATIVE: Final = "must be greater than or equal to 0"
POSITIVE: Final = "must be greater than 0"
ABOVE_ZERO: Final = "must be greater than zero"


def invalid_each(path: str, value: Any, messages: Iterable[str]) -> Errors:
    """One error per message of a name rule."""
    return [invalid_value(path, value, message) for message in messages]


def not_negative(path: str, value: int | None) -> Errors:
    return [invalid_value(path, value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def between(path: str, value: int | None, low: int, high: int) -> Errors:
    if value is None or low <= value <= high:
        return []
    return [invalid_value(path, value, f"must be between {low} and {high}, inclusive")]


def one_of(path: str, value: str | None, allowed: Sequence[str], *, needed: bool = False) -> Errors:
    """A value of a closed set; the empty one is an error only where `needed`."""
    if not value:
        return [required(path)] if needed else []
    return [] if value in allowed else [not_supported(path, value, allowed)]


def supported(path: str, value: str | None, allowed: Sequence[str]) -> Errors:
    """A value of a closed set to which the empty one does not belong."""
    return [] if value in allowed else [not_supported(path, value or "", allowed)]


def present(tree: Tree, path: str, *keys: str) -> Errors:
    """Entries that may not be empty."""
    return [required(f"{path}.{key}") for key in keys if not tree.get(key)]


def named(path: str, value: str | None, rule: Callable[[str], list[str]]) -> Errors:
    """A name that is needed and follows a rule."""
    return invalid_each(path, value, rule(value)) if value else [required(path)]


def indexed(tree: Tree, key: str, path: str) -> Iterator[tuple[str, Tree]]:
    """Path and object of each element of a list."""
    for index, item in enumerate(tree.get(key) or ()):
        yield f"{path}.{key}[{index}]", item if isinstance(item, dict) else {}


def unique(path: str, values: Iterable[Any]) -> Errors:
    """Duplicates in a list of scalars."""
    seen: set[Any] = set()
    errors = []
    for index, value in enumerate(values):
        if value in seen:
            errors.append(duplicate(f"{path}[{index}]", value))
        seen.add(value)
    return errors


def port_number(path: str, value: int | None) -> Errors:
    return invalid_each(path, value or 0, names.port_number_errors(value or 0))


def port(path: str, value: Any) -> Errors:
    """A port by number or by name."""
    if isinstance(value, str):
        return invalid_each(path, value, names.port_name_errors(value))
    return port_number(path, value)


def absolute_path(path: str, value: str) -> Errors:
    return [] if value.startswith("/") else [invalid_value(path, value, "must be an absolute path")]


def no_backsteps(path: str, value: str) -> Errors:
    return [invalid_value(path, value, "must not contain '..'")] if ".." in value.split("/") else []


def descending_path(path: str, value: str) -> Errors:
    """A relative path that stays below where it starts."""
    errors = [invalid_value(path, value, "must be a relative path")] if value.startswith("/") else []
    return errors + no_backsteps(path, value)


def unreserved_path(path: str, value: str) -> Errors:
    """A relative path that stays below, and is none of those by which files are swapped: `..data`."""
    errors = descending_path(path, value)
    if not errors and value.startswith(".."):
        errors.append(invalid_value(path, value, "must not start with '..'"))
    return errors


def percent_or_int(path: str, value: Any) -> Errors:
    if isinstance(value, str):
        return invalid_each(path, value, names.percent_errors(value))
    return not_negative(path, value)


_HTTP_HEADER: Final = re.compile("[-A-Za-z0-9]+")


def http_header_errors(value: str) -> list[str]:
    if _HTTP_HEADER.fullmatch(value):
        return []
    text = "a valid HTTP header must consist of alphanumeric characters or '-' "
    return [text + "(e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"]
