"""`--sort-by`: objects in the order of one of their fields.

Source: kubectl `cmd/get/sorter.go`: numbers before text, quantities by amount, absent values first.
"""

from __future__ import annotations

from typing import Any

from navarch.base import jsonpath, quantity
from navarch.cli.errors import CliError
from navarch.schema.types import Tree

_ABSENT = (0, 0)


def sort_objects(items: list[Tree], path: str) -> list[Tree]:
    """Raises: CliError for a path that does not parse."""
    keys = _keys(items, path)
    return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]


def sort_rows(rows: list[Tree], path: str) -> list[Tree]:
    """Rows of a Table that carries whole objects; none if no object has the field, as kubectl has it."""
    keys = _keys([row["object"] for row in rows], path)
    if all(key == _ABSENT for key in keys):
        return []
    return [rows[i] for i in sorted(range(len(rows)), key=keys.__getitem__)]


def _keys(items: list[Tree], path: str) -> list[tuple[int, Any]]:
    try:
        compiled = jsonpath.compile(jsonpath.relaxed(path))
        return [_key(compiled.find(item)) for item in items]
    except jsonpath.JsonPathError as error:
        raise CliError(f"error parsing sorting field: {error}") from error


def _key(values: list[Any]) -> tuple[int, Any]:
    value = values[0] if values else None
    if value is None:
        return _ABSENT
    if isinstance(value, str):
        try:
            return 1, quantity.parse(value).nano
        except quantity.QuantityError:
            return 2, _natural(value)
    return (1, value * quantity.NANO) if isinstance(value, int | float) else (3, str(value))


def _natural(text: str) -> str:
    return text
