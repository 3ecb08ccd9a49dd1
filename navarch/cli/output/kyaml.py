"""KYAML: YAML in flow style with every text quoted.

Source: KEP-5295.
"""

from __future__ import annotations

import json as std_json
import re
from typing import Any

from navarch.cli.output.yaml import is_text

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def dump(value: Any) -> str:
    return "---\n" + _shown(value, 0) + "\n"


def _shown(value: Any, level: int) -> str:
    if isinstance(value, dict):
        if not value:
            return "{}"
        inner = "  " * (level + 1)
        rows = "".join(f"{inner}{_key(key)}: {_shown(value[key], level + 1)},\n" for key in sorted(value))
        return "{\n" + rows + "  " * level + "}"
    if isinstance(value, list):
        return _list(value, level)
    return std_json.dumps(value, ensure_ascii=False)


def _list(items: list[Any], level: int) -> str:
    if not items:
        return "[]"
    if all(isinstance(item, dict | list) for item in items):
        return "[" + ", ".join(_shown(item, level) for item in items) + "]"
    inner = "  " * (level + 1)
    return "[\n" + "".join(f"{inner}{_shown(item, level + 1)},\n" for item in items) + "  " * level + "]"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and is_text(key) else std_json.dumps(key)
