"""The fact tables of the built-in API types, as nodes.

`data/types.jsonl` (written by tools/generate_facts.py) holds one line per type. Loading only finds
where each line is; a type becomes nodes when it is first asked for, together with the types that it
refers to.

Keys of a line: `name`; `gvk` the [group, version, kind] triples it is served as; `atomic`; `x` other
OpenAPI extensions; `scalar` the OpenAPI schema of a type that is no struct; `fields`, a list of
[name, node, options] in Go's order. A node is a scalar's name, "#" and a type's name,
["list", item, list type, keys] or ["map", value, map type]. Options: r required, d default, s patch
strategy, k patch merge key, n protobuf number, p presence, e enum, g Go type, i inline; and for
OpenAPI only: ie and id, enum and default of the items, l and m list and map type of a field that is
neither.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from navarch.schema import types
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

_TABLE = Path(__file__).with_name("data") / "types.jsonl"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."

_SCALARS: dict[str, Scalar] = {
    scalar.name: scalar
    for scalar in (types.STRING, types.INT32, types.INT64, types.NUMBER, types.BOOLEAN, types.BYTES, types.ANY)
}
#: Types that are leaves to us: Go gives them their own JSON form.
_LEAVES: dict[str, Scalar] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": types.QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": types.INT_OR_STRING,
    _META + "Time": types.TIME,
    _META + "MicroTime": types.MICRO_TIME,
    _META + "Duration": types.DURATION,
}


class Facts:
    """All built-in types by their OpenAPI names, such as `io.k8s.api.core.v1.Pod`."""

    def __init__(self, table: bytes) -> None:
        self._lines = {line.split(b'"', 4)[3].decode(): line for line in table.splitlines()}
        self._structs: dict[str, Struct] = {}
        self._kinds: dict[tuple[str, str], str] | None = None

    def names(self) -> list[str]:
        """The names of all types, sorted."""
        return list(self._lines)

    def row(self, name: str) -> dict[str, Any]:
        """A type's line as it stands in the table."""
        row: dict[str, Any] = orjson.loads(self._lines[name])
        return row

    def type(self, name: str) -> Struct:
        """The node of a struct type, the same object every time.

        Raises: KeyError if there is no such type or it is a scalar.
        """
        if (struct := self._structs.get(name)) is not None:
            return struct
        row = self.row(name)
        # Registered before its fields are built: JSONSchemaProps contains itself.
        struct = self._structs[name] = Struct(name, atomic=row.get("atomic", False))
        struct.fields = {field_name: self._field(node, *options) for field_name, node, *options in row["fields"]}
        if name == _OBJECT_META:
            # An empty list resets the owners: it must survive decoding.
            struct.fields["managedFields"].presence = "keep"
        return struct

    def type_name(self, api_version: str, kind: str) -> str | None:
        """The name of the type served as this kind, None if there is none."""
        if self._kinds is None:
            self._kinds = {}
            for name, line in self._lines.items():
                if b'"gvk":' in line:
                    for group, version, kind_name in orjson.loads(line)["gvk"]:
                        self._kinds[f"{group}/{version}" if group else version, kind_name] = name
        return self._kinds.get((api_version, kind))

    def _field(self, node: Any, options: Tree | None = None) -> Field:
        o = options or {}
        built = self._node(node)
        if o.get("m") == "granular" and isinstance(built, Struct):
            # The field overrules its type: PersistentVolume's claimRef is no atomic reference.
            built = Struct(built.name, built.fields)
        return Field(
            built,
            required="r" in o,
            default=o.get("d"),
            patch_strategy=o.get("s", ""),
            patch_merge_key=o.get("k", ""),
            number=o.get("n", 0),
            presence=o.get("p", "omit"),
            enum=tuple(o.get("e", ())),
            go_type=o.get("g", ""),
            inline=tuple((name, number) for name, number in o.get("i", ())),
        )

    def _node(self, encoded: Any) -> Node:
        if isinstance(encoded, str):
            if not encoded.startswith("#"):
                return _SCALARS[encoded]
            name = encoded[1:]
            if name in _LEAVES:
                return _LEAVES[name]
            return types.ANY if b'"scalar":' in self._lines[name] else self.type(name)
        shape, inner, *rest = encoded
        if shape == "map":
            return Map(self._node(inner), atomic=rest == ["atomic"])
        return List(self._node(inner), rest[0] if rest else "atomic", tuple(rest[1]) if len(rest) > 1 else ())


_OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


@cache
def load() -> Facts:
    """The facts that the package carries."""
    return Facts(_TABLE.read_bytes())
