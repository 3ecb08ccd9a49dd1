"""Writes navarch/schema/data/types.jsonl: the facts of every built-in API type, without its prose.

    python tools/generate_facts.py OPENAPI_DIR [--go GO_SRC] [--out FILE]

OPENAPI_DIR holds the documents below /openapi/v3 of any Kubernetes, one JSON file each, gzipped or
not (their names do not matter). GO_SRC is a Go source root with k8s.io/api, k8s.io/apimachinery and
k8s.io/apiextensions-apiserver, as Debian's golang-k8s-*-dev packages install below
/usr/share/gocode/src; without it fields come in alphabetical order, have no protobuf numbers, and
empty values are dropped. One line per type, sorted: the output depends on nothing but the input.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aggregator_types
import metrics_types
from go_types import GoField, GoSource

Json = dict[str, Any]

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
#: Groups' kinds that every group-version registers; their GVKs are derived, not stored.
_EVERYWHERE = {_META + "DeleteOptions", _META + "WatchEvent"}
_DOMAINS = {
    "io.k8s.api.": "k8s.io/api/",
    "io.k8s.apimachinery.": "k8s.io/apimachinery/",
    "io.k8s.apiextensions-apiserver.": "k8s.io/apiextensions-apiserver/",
}
_FORMATS = {
    ("string", "byte"): "bytes",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("number", "double"): "number",
    ("string", ""): "string",
    ("boolean", ""): "boolean",
    ("object", ""): "any",
    ("", ""): "any",
}
_GO_SCALARS = {"bytes": "[]uint8", "boolean": "bool", "number": "float64"}
_TYPE_KEYS = {
    "description",
    "type",
    "properties",
    "required",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-map-type",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("openapi", type=Path)
    parser.add_argument("--go", type=Path)
    default_out = Path(__file__).resolve().parents[1] / "navarch/schema/data/types.jsonl"
    parser.add_argument("--out", type=Path, default=default_out)
    args = parser.parse_args()
    schemas = read_schemas(args.openapi)
    source = GoSource(args.go) if args.go else None
    rows = {name: type_row(name, schema, source) for name, schema in schemas.items()} | metrics_types.rows()
    lines = [json.dumps(rows[name], separators=(",", ":")) for name in sorted(rows)]
    args.out.write_text("\n".join(lines) + "\n")


def read_schemas(directory: Path) -> dict[str, Json]:
    """All component schemas of all documents by name."""
    schemas: dict[str, Json] = {}
    for path in sorted(directory.iterdir()):
        raw = path.read_bytes()
        document = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
        schemas |= document.get("components", {}).get("schemas", {})
    return schemas


def type_row(name: str, schema: Json, source: GoSource | None) -> Json:
    """One line of the table; see navarch/schema/facts.py for what its keys mean."""
    row: Json = {"name": name}
    if name not in _EVERYWHERE and (gvks := schema.get("x-kubernetes-group-version-kind")):
        row["gvk"] = [[g["group"], g["version"], g["kind"]] for g in gvks]
    if "properties" not in schema:
        row["scalar"] = {k: v for k, v in schema.items() if k != "description"}
        return row
    if schema.get("x-kubernetes-map-type") == "atomic":
        row["atomic"] = True
    if extra := {k: v for k, v in schema.items() if k not in _TYPE_KEYS}:
        row["x"] = extra
    required = schema.get("required", [])
    row["fields"] = [
        field_row(f, prop, f.name in required) for f, prop in ordered(name, schema["properties"], required, source)
    ]
    return row


def ordered(name: str, props: Json, required: list[str], source: GoSource | None) -> Iterator[tuple[GoField, Json]]:
    """Pairs of Go field and OpenAPI property, in printing order."""
    known = {f.name: f for f in go_fields(name, source) or ()}
    for field_name in known:
        if field_name in props:
            yield known[field_name], props[field_name]
    first = {"kind": 0, "apiVersion": 1, "metadata": 2}
    for field_name in sorted(props.keys() - known.keys(), key=lambda n: (first.get(n, 9), n)):
        yield GoField(field_name, "", "always" if field_name in required else "omit", 0), props[field_name]


def go_fields(name: str, source: GoSource | None) -> list[GoField] | None:
    for prefix, path in _DOMAINS.items():
        if source and name.startswith(prefix):
            package, type_name = (path + name.removeprefix(prefix).replace(".", "/")).rsplit("/", 1)
            return source.fields(package, type_name)
    return aggregator_types.fields(name)


def field_row(field: GoField, prop: Json, required: bool) -> list[Any]:
    """[name, node, options]; options only where they differ from the usual."""
    node = encode(prop)
    options: Json = {}
    if required:
        options["r"] = 1
    if "default" in prop:
        options["d"] = prop["default"]
    if strategy := prop.get("x-kubernetes-patch-strategy"):
        options["s"] = strategy
    if key := prop.get("x-kubernetes-patch-merge-key"):
        options["k"] = key
    if enum := prop.get("enum"):
        options["e"] = enum
    inner = prop.get("items") or prop.get("additionalProperties") or {}
    if "enum" in inner:
        options["ie"] = inner["enum"]
    if "default" in inner:
        options["id"] = inner["default"]
    if prop.get("x-kubernetes-list-type") and "items" not in prop:
        options["l"] = prop["x-kubernetes-list-type"]
    if prop.get("x-kubernetes-map-type") and "additionalProperties" not in prop:
        options["m"] = prop["x-kubernetes-map-type"]
    if field.number:
        options["n"] = field.number
    if field.presence != "omit":
        options["p"] = field.presence
    if field.inline:
        options["i"] = [list(step) for step in field.inline]
    if field.go_type and field.go_type != go_name(node):
        options["g"] = field.go_type
    return [field.name, node, options] if options else [field.name, node]


def encode(prop: Json) -> Any:
    """A node: a scalar's name, `#` and a type's name, [list, item, type, keys] or [map, value, type]."""
    if ref := prop.get("$ref") or (prop["allOf"][0]["$ref"] if "allOf" in prop else ""):
        return "#" + ref.removeprefix(_REF)
    if prop.get("type") == "array":
        keys = prop.get("x-kubernetes-list-map-keys", [])
        node = ["list", encode(prop["items"]), prop.get("x-kubernetes-list-type", ""), keys]
        return node if keys else node[: 3 if node[2] else 2]
    if "additionalProperties" in prop:
        node = ["map", encode(prop["additionalProperties"]), prop.get("x-kubernetes-map-type", "")]
        return node if node[2] else node[:2]
    return _FORMATS[prop.get("type", ""), prop.get("format", "")]


def go_name(node: Any) -> str:
    """The Go type that a node has unless the declaration uses a named one."""
    if isinstance(node, list):
        return ("[]" if node[0] == "list" else "map[string]") + go_name(node[1])
    if node.startswith("#"):
        *_, package, name = node[1:].split(".")
        return f"{package}.{name}"
    return _GO_SCALARS.get(node) or str(node)


if __name__ == "__main__":
    main()
