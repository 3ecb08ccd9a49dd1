"""What `kubectl explain` prints, from an OpenAPI v3 document: a type's or field's description and its fields.

Source: kubectl `explain` (layout, names of types, what is said of fields that do not exist).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from navarch.cli.errors import CliError

if TYPE_CHECKING:
    from navarch.schema.types import Tree

_WIDTH = 80


class Kind(NamedTuple):
    """Whose schema it is."""

    group: str
    version: str
    kind: str


class Missing(CliError):
    """A field that the type has not; `heading` is printed all the same."""

    def __init__(self, field: str, heading: str) -> None:
        super().__init__(f'field "{field}" does not exist')
        self.heading = heading


def explain(document: Tree, kind: Kind, path: Sequence[str], recursive: bool) -> str:
    """The text for a kind of the document, or for the field that the path names.

    Raises: CliError if the document has no such kind, Missing for a field that does not exist.
    """
    schemas = _Schemas(document)
    schema = schemas.of(kind)
    heading = f"GROUP:      {kind.group}\n" if kind.group else ""
    heading += f"KIND:       {kind.kind}\nVERSION:    {kind.version}\n\n"
    for name in path:
        properties = schemas.inner(schema).get("properties") or {}
        if name not in properties:
            raise Missing(name, heading)
        schema = properties[name]
    if path:
        heading += f"FIELD: {path[-1]} <{schemas.type_name(schema)}>\n"
        if values := schemas.enum(schema):
            heading += "ENUM:\n" + "".join(f"    {value}\n" for value in values)
        heading += "\n\n" if _fields_of(schemas, schema) else "\n"
    return heading + _description(schemas, schema) + _fields(schemas, schema, recursive)


def _description(schemas: _Schemas, schema: Tree) -> str:
    texts = [text for each in schemas.layers(schema) if (text := each.get("description"))]
    if not texts:
        return "DESCRIPTION:\n    <empty>\n" + ("" if _fields_of(schemas, schema) else "    \n\n")
    return "DESCRIPTION:\n" + "".join(_wrapped(text, 4) for text in texts) + "    \n"


def _fields_of(schemas: _Schemas, schema: Tree) -> dict[str, Tree]:
    found: dict[str, Tree] = schemas.inner(schema).get("properties") or {}
    return found


def _fields(schemas: _Schemas, schema: Tree, recursive: bool) -> str:
    if not _fields_of(schemas, schema):
        return "\n"
    if recursive:
        return "FIELDS:\n" + "".join(_nested(schemas, schema, 2, ())) + "\n\n"
    text = "FIELDS:\n"
    inner = schemas.inner(schema)
    for name, field in sorted(inner["properties"].items()):
        text += f"  {name}\t<{schemas.type_name(field)}>{_required(inner, name)}\n"
        if values := schemas.enum(field):
            text += f"  enum: {', '.join(values)}\n"
        text += (_wrapped(field.get("description") or "<no description>", 4)) + "\n"
    return text + "\n"


def _nested(schemas: _Schemas, schema: Tree, indent: int, above: tuple[str, ...]) -> Iterator[str]:
    """A line for each field below; a type is not opened again within itself."""
    inner = schemas.inner(schema)
    for name, field in sorted((inner.get("properties") or {}).items()):
        yield f"{' ' * indent}{name}\t<{schemas.type_name(field)}>{_required(inner, name)}\n"
        if values := schemas.enum(field):
            yield f"{' ' * indent}enum: {', '.join(values)}\n"
        reference = schemas.reference(field)
        if reference not in above:
            yield from _nested(schemas, field, indent + 2, (*above, reference) if reference else above)


def _required(schema: Tree, name: str) -> str:
    return " -required-" if name in (schema.get("required") or ()) else ""


def _wrapped(text: str, indent: int) -> str:
    """Paragraphs broken at the width; a list's lines keep their own beginning."""
    lines: list[str] = []
    for line in text.split("\n"):
        wrapped = textwrap.wrap(
            line, _WIDTH - indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
        )
        lines += wrapped or [""]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


class _Schemas:
    """The schemas of a document, with references followed."""

    def __init__(self, document: Tree) -> None:
        self._all: dict[str, Tree] = (document.get("components") or {}).get("schemas") or {}

    def of(self, kind: Kind) -> Tree:
        wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        for schema in self._all.values():
            if wanted in (schema.get("x-kubernetes-group-version-kind") or ()):
                return schema
        raise CliError(f"GVR ({kind.group}/{kind.version}, Kind={kind.kind}) not found in OpenAPI schema")

    def reference(self, schema: Tree) -> str:
        """The name of the type behind the schema, its items or its values; empty for one written in place."""
        for each in (schema, schema.get("items"), schema.get("additionalProperties")):
            if isinstance(each, dict) and (name := _reference(each)):
                return name
        return ""

    def layers(self, schema: Tree) -> Iterator[Tree]:
        """The schema, then the types that it refers to, through lists and maps."""
        here: Tree | None = schema
        while here is not None:
            yield here
            name = _reference(here)
            below: Any = self._all.get(name) if name else here.get("items") or here.get("additionalProperties")
            here = below if isinstance(below, dict) else None

    def inner(self, schema: Tree) -> Tree:
        """The type whose fields a path goes on with."""
        return next((each for each in self.layers(schema) if each.get("properties")), schema)

    def enum(self, schema: Tree) -> list[str]:
        found: list[object] = next((each["enum"] for each in self.layers(schema) if each.get("enum")), [])
        return [str(value) if value != "" else '""' for value in found]

    def type_name(self, schema: Tree) -> str:
        """`string`, `PodSpec`, `[]Container`, `map[string]string`."""
        name = _reference(schema)
        if name:
            target = self._all.get(name) or {}
            simple = target.get("type")
            return simple if simple and simple != "object" else name.rpartition(".")[2]
        if schema.get("type") == "array":
            return "[]" + self.type_name(schema.get("items") or {})
        values = schema.get("additionalProperties")
        if schema.get("type") == "object" and isinstance(values, dict):
            return "map[string]" + self.type_name(values)
        if schema.get("x-kubernetes-int-or-string"):
            return "IntOrString"
        simple = schema.get("type") or "Object"
        return "Object" if simple == "object" else str(simple)


def _reference(schema: Tree) -> str:
    found: str = schema.get("$ref") or next((each["$ref"] for each in schema.get("allOf") or () if "$ref" in each), "")
    return found.rpartition("/")[2]
