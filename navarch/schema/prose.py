"""Descriptions of the API's types and fields, which are not ours: read from a package where it is installed.

The extra `explain` brings the package kubernetes-validate, which carries the schemas that Kubernetes
publishes. Without it OpenAPI documents say all but prose, and `kubectl explain` shows fields without texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson

from navarch.schema.types import Tree

#: Type name -> its published schema, of which only descriptions are read.
Prose = Mapping[str, Tree]

NONE: Final[Prose] = {}

_PACKAGE: Final = "kubernetes_validate"
_FILES: Final = "kubernetes-json-schema/v1.36.*-local/_definitions.json"


@cache
def installed() -> Prose:
    """The descriptions that this Python has, none without the extra."""
    spec = find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    found = sorted(path for place in places or () for path in Path(place).glob(_FILES))
    if not found:
        return NONE
    definitions: Prose = orjson.loads(found[-1].read_bytes())["$defs"]
    return definitions


def of_type(prose: Prose, name: str) -> Tree:
    """The description of a type, as a part of its schema."""
    return _described(prose.get(name, {}))


def of_field(prose: Prose, name: str, field: str) -> Tree:
    """The same of a field."""
    return _described(prose.get(name, {}).get("properties", {}).get(field, {}))


def _described(schema: Tree) -> Tree:
    return {"description": schema["description"]} if "description" in schema else {}
