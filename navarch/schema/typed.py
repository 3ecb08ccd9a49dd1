"""Is a configuration of the type that it claims to be? What server-side apply checks before all else.

Source: structured-merge-diff `typed` (validation and its texts).
"""

from __future__ import annotations

from typing import Any

import orjson

from navarch.base.field import MAX_SHOWN
from navarch.schema.changes import key_defaults, key_values
from navarch.schema.field_set import step_text
from navarch.schema.ownable import child_of, element_step
from navarch.schema.types import List, Node, Scalar, Struct

_NUMBERS = ("int32", "int64", "number")
_UNTYPED = ("int-or-string", "quantity")


def type_errors(node: Node | None, value: Any, path: str = "") -> list[str]:
    """All faults, each with its path. Nulls fit everywhere."""
    if value is None or node is None:
        return []
    if isinstance(node, Scalar):
        return _scalar_errors(node.name, value, path)
    if isinstance(node, List):
        if not isinstance(value, list):
            return [f"{path}: expected list, got &{{{_go(value)}}}"]
        return _element_errors(node, value, path)
    if not isinstance(value, dict):
        return [f"{path}: expected map, got &{{{_go(value)}}}"]
    errors: list[str] = []
    for name, item in value.items():
        child, declared = child_of(node, name)
        if isinstance(node, Struct) and not declared and not node.preserve_unknown and not node.embedded:
            errors.append(f"{path}.{name}: field not declared in schema")
        else:
            errors += type_errors(child, item, f"{path}.{name}")
    return errors


def errors_text(errors: list[str]) -> str:
    """All errors, or the first of more than anybody reads."""
    if len(errors) == 1:
        return errors[0]
    more = [f"  and {len(errors) - MAX_SHOWN} more"] if len(errors) > MAX_SHOWN else []
    return "\n".join(["errors:", *("  " + error for error in errors[:MAX_SHOWN]), *more])


def _element_errors(node: List, items: list[Any], path: str) -> list[str]:
    errors: list[str] = []
    seen: set[str] = set()
    for i, item in enumerate(items):
        if node.list_type not in ("map", "set"):
            errors += type_errors(node.item, item, f"{path}[{i}]")
            continue
        if node.list_type == "map" and (fault := _key_fault(node, item)):
            errors.append(f"{path}: element {i}: {fault}")
            continue
        step = element_step(node, item)
        text = step_text(step)
        if step in seen:
            errors.append(f"{path}: duplicate entries for key {text}")
        seen.add(step)
        errors += type_errors(node.item, item, path + text)
    return errors


def _key_fault(node: List, item: Any) -> str:
    if not isinstance(item, dict):
        return f"associative list with keys may not have non-map elements: {_go(item)}"
    if key_values(tuple(sorted(node.keys)), key_defaults(node), item):
        return ""
    keys = " ".join(f'"{key}"' for key in node.keys)
    return (
        f"associative list with keys has an element that omits all key fields [{keys}] "
        "(and doesn't have default values for any key fields)"
    )


def _scalar_errors(name: str, value: Any, path: str) -> list[str]:
    if name == "any":
        return []
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _NUMBERS:
        return [] if is_number else [f"{path}: expected numeric (int or float), got {_go_type(value)}"]
    if name == "boolean":
        return [] if isinstance(value, bool) else [f"{path}: expected boolean, got &{{{_go(value)}}}"]
    if name in _UNTYPED:
        is_scalar = is_number or isinstance(value, str | bool)
        return [] if is_scalar else [f"{path}: expected any scalar, got &{{{_go(value)}}}"]
    if isinstance(value, str):
        return []
    shown = orjson.dumps(value).decode() if not isinstance(value, dict | list) else _go(value)
    return [f"{path}: expected string, got &value.valueUnstructured{{Value:{shown}}}"]


def _go(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list) else type(value).__name__.replace("str", "string")
