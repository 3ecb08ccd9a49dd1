"""The version 2 (Swagger) document of everything, made from the version 3 documents.

Called by openapi.py only. Older clients, generators and conformance tests read it.
"""

from __future__ import annotations

from collections.abc import Iterable

from navarch.schema.openapi import to_v2
from navarch.schema.types import Tree


def document(documents: Iterable[Tree], info: Tree, security: Tree, gvks: dict[str, list[Tree]]) -> Tree:
    """One document of all. `gvks` replaces the kinds of types that every group-version serves."""
    paths: dict[str, Tree] = {}
    definitions: dict[str, Tree] = {}
    for one in documents:
        paths |= {path: _path(item) for path, item in one["paths"].items()}
        for name, schema in one["components"].get("schemas", {}).items():
            if name not in definitions:
                definitions[name] = to_v2(schema, name)
    for name, kinds in gvks.items():
        if name in definitions:
            definitions[name]["x-kubernetes-group-version-kind"] = kinds
    return {
        "swagger": "2.0",
        "info": info,
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": security,
        "security": [{name: []} for name in security],
    }


def is_readable(one: Tree) -> bool:
    """Whether a version 3 document of somebody else's can be a part of it."""
    try:
        document([one], {}, {}, {})
    except (AttributeError, KeyError, TypeError, ValueError, StopIteration):
        return False
    return True


def _path(item: Tree) -> Tree:
    out: Tree = {method: _operation(part) for method, part in item.items() if method != "parameters"}
    if item.get("parameters"):
        out["parameters"] = [_parameter(p) for p in item["parameters"]]
    return out


def _operation(operation: Tree) -> Tree:
    out: Tree = {key: operation[key] for key in ("tags", "operationId") if key in operation}
    out["schemes"] = ["https"]
    parameters = [_parameter(p) for p in operation.get("parameters", ())]
    if (body := operation.get("requestBody")) is not None:
        content = body["content"]
        out["consumes"] = list(content)
        schema = to_v2(next(iter(content.values()))["schema"])
        required = {"required": True} if body.get("required") else {}
        parameters.append({"name": "body", "in": "body", **required, "schema": schema})
    if parameters:
        out["parameters"] = parameters
    responses: Tree = {}
    for code, response in operation["responses"].items():
        responses[code] = {"description": response["description"]}
        if content := response.get("content"):
            out.setdefault("produces", list(content))
            responses[code]["schema"] = to_v2(next(iter(content.values()))["schema"])
    out["responses"] = responses
    return out | {key: value for key, value in operation.items() if key.startswith("x-")}


def _parameter(parameter: Tree) -> Tree:
    """In version 2 the type of a parameter stands beside its name."""
    out: Tree = {key: value for key, value in parameter.items() if key != "schema"}
    out |= parameter["schema"]
    return out
