"""A version 3 OpenAPI document of one group version, made from a server's version 2 document of everything.

Called by remote_check.py for aggregated servers that serve version 2 alone. Only the group version's own paths are
taken, and the definitions that they lead to. Pure.

Source: kube-openapi `openapiconv` (what becomes of parameters, bodies, answers and references).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from navarch.schema.openapi import V2_PREFIX, V3_PREFIX
from navarch.schema.types import Tree

_JSON: Final = "application/json"
#: What a parameter says of itself; everything else says what its values are like.
_OF_PARAMETER: Final = ("name", "in", "description", "required", "allowEmptyValue")
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")


def converted(document: Tree, path: str) -> Tree | None:
    """The document of what is served at and below `path`; None if that is nothing, or the document is none."""
    try:
        paths = {
            name: _path(item, document)
            for name, item in (document.get("paths") or {}).items()
            if name == path or name.startswith(f"{path}/")
        }
        if not paths:
            return None
        definitions = document.get("definitions") or {}
        schemas = {name: _schema(definitions[name]) for name in _reached(paths, definitions)}
    except (AttributeError, TypeError, KeyError, ValueError):
        return None
    components: Tree = {"schemas": schemas}
    if security := document.get("securityDefinitions"):
        components["securitySchemes"] = security
    return {
        "openapi": "3.0.0",
        "info": document.get("info") or {"title": "", "version": ""},
        "paths": paths,
        "components": components,
    }


def _reached(paths: Tree, definitions: Tree) -> list[str]:
    """Names of the definitions that paths refer to, directly or not."""
    found: set[str] = set()
    waiting = list(_names(paths))
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in found:
            found.add(name)
            waiting += _names(_schema(definitions[name]))
    return sorted(found)


def _names(value: Any) -> Iterator[str]:
    """What references in a version 3 tree name."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(V3_PREFIX)
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _schema(value: Any) -> Any:
    """A schema with its references where version 3 has them. A reference stands alone there."""
    if isinstance(value, list):
        return [_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        target = {"$ref": V3_PREFIX + reference.removeprefix(V2_PREFIX)}
        beside = {key: _schema(item) for key, item in value.items() if key != "$ref"}
        return {**beside, "allOf": [target]} if beside else target
    return {key: item if key in ("default", "enum", "example") else _schema(item) for key, item in value.items()}


def _path(item: Tree, document: Tree) -> Tree:
    out: Tree = {method: _operation(item[method], document) for method in _METHODS if method in item}
    shared = [_parameter(_resolved(p, document)) for p in item.get("parameters") or ()]
    if shared:
        out["parameters"] = shared
    return out


def _operation(operation: Tree, document: Tree) -> Tree:
    out = {key: value for key, value in operation.items() if key in ("tags", "operationId", "description", "summary")}
    out |= {key: value for key, value in operation.items() if key.startswith("x-")}
    given = [_resolved(p, document) for p in operation.get("parameters") or ()]
    parameters = [_parameter(p) for p in given if p.get("in") != "body"]
    if parameters:
        out["parameters"] = parameters
    consumed = operation.get("consumes") or document.get("consumes") or [_JSON]
    for body in (p for p in given if p.get("in") == "body"):
        required = {"required": True} if body.get("required") else {}
        out["requestBody"] = {**required, "content": _content(consumed, body.get("schema") or {})}
    produced = operation.get("produces") or document.get("produces") or [_JSON]
    out["responses"] = {
        code: {"description": response.get("description", "")}
        | ({"content": _content(produced, response["schema"])} if "schema" in response else {})
        for code, response in (operation.get("responses") or {}).items()
    }
    return out


def _content(media_types: list[str], schema: Tree) -> Tree:
    # Kubernetes' servers consume anything, and mean JSON.
    named = [_JSON if media_type == "*/*" else media_type for media_type in media_types]
    return {media_type: {"schema": _schema(schema)} for media_type in dict.fromkeys(named)}


def _resolved(parameter: Tree, document: Tree) -> Tree:
    """A parameter that stands among the document's shared ones."""
    reference = parameter.get("$ref")
    if not isinstance(reference, str):
        return parameter
    shared: Tree = document["parameters"][reference.rpartition("/")[2]]
    return shared


def _parameter(parameter: Tree) -> Tree:
    """In version 3 the type of a parameter stands in a schema."""
    out: Tree = {key: parameter[key] for key in _OF_PARAMETER if key in parameter}
    schema = {k: v for k, v in parameter.items() if k not in (*_OF_PARAMETER, "collectionFormat")}
    return out | {"schema": schema}
