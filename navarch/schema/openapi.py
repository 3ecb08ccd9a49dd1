"""OpenAPI schemas of types, from the fact tables and from CustomResourceDefinitions.

Descriptions are not in the tables: they come with `prose.py`, where they come at all. Version 3 is made
first; `to_v2` turns a schema into the form of Swagger 2.0, which knows fewer words.

Called by server/openapi.py.

Source: kube-openapi's documents of a 1.36 server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from navarch.schema.facts import Facts
from navarch.schema.prose import NONE, Prose, of_field, of_type
from navarch.schema.types import Tree

V3_PREFIX: Final = "#/components/schemas/"
V2_PREFIX: Final = "#/definitions/"
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
#: A type and its list that say of apiVersion, kind and metadata what all types say of them.
_ANY: Final = "io.k8s.api.core.v1.Pod"
_ANY_LIST: Final = "io.k8s.api.core.v1.PodList"
LIST_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"

_SCALARS: Final[dict[str, Tree]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "number": {"type": "number", "format": "double"},
    "bytes": {"type": "string", "format": "byte"},
    "any": {"type": "object"},
}
_V2_TYPES: Final[dict[str, Tree]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
}
#: All that version 2 says of a custom resource that may hold anything.
_OF_WHOLE: Final = ("type", "x-kubernetes-group-version-kind")
#: What Swagger 2.0 cannot say.
_NOT_IN_V2: Final = {"nullable", "oneOf", "anyOf", "not", "allOf"}


def schemas(facts: Facts, names: Iterable[str], prose: Prose = NONE) -> dict[str, Tree]:
    """The version 3 schemas of these types and of all they refer to, by name."""
    found: dict[str, Tree] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _type(facts.row(name), prose)
            waiting += references(found[name])
    return dict(sorted(found.items()))


def references(tree: Any) -> Iterator[str]:
    """The names of the types that a version 3 schema or path refers to."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(V3_PREFIX)
            else:
                yield from references(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from references(item)


def custom_schemas(
    schema: Tree, group: str, version: str, kind: str, list_kind: str, prose: Prose = NONE
) -> dict[str, Tree]:
    """The schemas of a custom resource and of its list."""
    name = custom_name(group, version, kind)
    gvk = {"group": group, "version": version}
    identity = {field: of_field(prose, _ANY_LIST, field) | {"type": "string"} for field in ("apiVersion", "kind")}
    about = of_field(prose, _ANY_LIST, "metadata")
    whole = {"type": "object", **schema}
    whole["properties"] = {
        **whole.get("properties", {}),
        **identity,
        "metadata": _refer(OBJECT_META, of_field(prose, _ANY, "metadata") | {"default": {}}),
    }
    whole["x-kubernetes-group-version-kind"] = [{**gvk, "kind": kind}]
    items = {"type": "array", "items": _refer(name, {})}
    listed = {
        "type": "object",
        "required": ["items"],
        "properties": {**identity, "items": items, "metadata": _refer(LIST_META, about | {"default": {}})},
        "x-kubernetes-group-version-kind": [{**gvk, "kind": list_kind}],
    }
    return {name: whole, custom_name(group, version, list_kind): listed}


def custom_name(group: str, version: str, kind: str) -> str:
    """`com.example.ex.v1.Gamma`: the name of a custom type among all types."""
    return ".".join([*reversed(group.split(".")), version, kind])


def _closed(schema: Tree) -> Tree:
    """Without what readers of version 2 would take for all there may be: an object that keeps unknown fields
    names none, and what may be null has no type."""
    if schema.get("x-kubernetes-preserve-unknown-fields") is True:
        whole = "x-kubernetes-group-version-kind" in schema
        return {k: v for k, v in schema.items() if (k in _OF_WHOLE if whole else k not in ("properties", "items"))}
    if schema.get("nullable") is True:
        return {k: v for k, v in schema.items() if k not in ("nullable", "type", "properties", "items")}
    required, properties = schema.get("required"), schema.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        kept = [name for name in required if not _nullable(properties.get(name))]
        if kept != required:
            return {k: v for k, v in schema.items() if k != "required"} | ({"required": kept} if kept else {})
    return schema


def _nullable(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("nullable") is True


def to_v2(schema: Any, name: str = "") -> Any:
    """A version 3 schema as Swagger 2.0 has it."""
    if name in _V2_TYPES:
        return dict(_V2_TYPES[name])
    if isinstance(schema, list):
        return [to_v2(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: Tree = {}
    for key, value in _closed(schema).items():
        if key == "allOf" and len(value) == 1 and "$ref" in value[0]:
            out |= to_v2(value[0])
        elif key == "$ref" and isinstance(value, str):
            out[key] = V2_PREFIX + value.removeprefix(V3_PREFIX)
        elif key in ("properties", "patternProperties"):
            out[key] = {member: to_v2(sub) for member, sub in value.items()}
        elif key in ("default", "enum"):
            out[key] = value
        elif key not in _NOT_IN_V2:
            out[key] = to_v2(value)
    return out


def _type(row: Tree, prose: Prose) -> Tree:
    gvks = [{"group": g, "version": v, "kind": k} for g, v, k in row.get("gvk", ())]
    out: Tree = of_type(prose, row["name"]) | row.get("scalar", {"type": "object"})
    if "fields" in row:
        wanted = [name for name, _, *options in row["fields"] if options and "r" in options[0]]
        if wanted:
            out["required"] = wanted
        out["properties"] = {
            name: _property(of_field(prose, row["name"], name), node, *options)
            for name, node, *options in sorted(row["fields"])
        }
    if gvks:
        out["x-kubernetes-group-version-kind"] = gvks
    if row.get("atomic"):
        out["x-kubernetes-map-type"] = "atomic"
    out |= row.get("x", {})
    return out


def _property(description: Tree, node: Any, options: Tree | None = None) -> Tree:
    o = options or {}
    out: Tree = description | ({"default": o["d"]} if "d" in o else {})
    inner = {"default": o["id"]} if "id" in o else {}
    if "ie" in o:
        inner["enum"] = o["ie"]
    if "e" in o:
        out["enum"] = o["e"]
    if "l" in o:
        out["x-kubernetes-list-type"] = o["l"]
    if "m" in o:
        out["x-kubernetes-map-type"] = o["m"]
    if "k" in o:
        out["x-kubernetes-patch-merge-key"] = o["k"]
    if "s" in o:
        out["x-kubernetes-patch-strategy"] = o["s"]
    return _node(node, out, inner)


def _node(node: Any, extra: Tree, inner: Tree) -> Tree:
    """The schema of a node; `inner` holds what belongs to its items or values."""
    if isinstance(node, str):
        return _refer(node[1:], extra) if node.startswith("#") else {**_SCALARS[node], **extra}
    shape, item, *rest = node
    if shape == "map":
        out = {"type": "object", "additionalProperties": _node(item, inner, {}), **extra}
        return out | ({"x-kubernetes-map-type": rest[0]} if rest else {})
    out = {"type": "array", "items": _node(item, inner, {}), **extra}
    if rest:
        out["x-kubernetes-list-type"] = rest[0]
    if len(rest) > 1:
        out["x-kubernetes-list-map-keys"] = rest[1]
    return out


def _refer(name: str, extra: Tree) -> Tree:
    """A reference. Version 3 allows nothing beside `$ref`, hence the allOf."""
    reference = {"$ref": V3_PREFIX + name}
    return {"allOf": [reference], **extra} if extra else reference
