"""Reads what OpenAPI leaves out of the published Go declarations of API types.

Field order, whether an empty value is printed, protobuf numbers, names of Go types (they show up in
decode errors). Called by generate_facts.py; knows nothing of OpenAPI. Only the shape of Go that API
packages use is understood: one field per line, tags in backquotes, no anonymous structs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_TYPE = re.compile(r"^type (\w+) (.+)$")
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?(\*?[\w.\[\]*]+)\s+`(.*)`")
_TAG = re.compile(r'(\w+):"([^"]*)"')
_NUMBER = re.compile(r"^\w+,(\d+),")
_IMPORT = re.compile(r'^\s+(?:(\w+) )?"([^"]+)"')

_BASIC = {"string", "bool", "int32", "int64", "float64", "int", "byte", "uint8"}


@dataclass(frozen=True)
class GoField:
    """One JSON field. `presence` is omit, keep, null or always (see schema.types.Field); `inline` lists the
    embedded structs on the way, outermost first, with their protobuf numbers."""

    name: str
    go_type: str
    presence: str
    number: int
    inline: tuple[tuple[str, int], ...] = ()


@dataclass
class Package:
    """Declarations of one Go package: structs as raw field lines, other named types by definition."""

    path: str
    imports: dict[str, str] = field(default_factory=dict)
    structs: dict[str, list[tuple[str, str, dict[str, str]]]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)


class GoSource:
    """All packages below a Go source root, parsed on demand."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._packages: dict[str, Package] = {}

    def fields(self, package: str, name: str) -> list[GoField] | None:
        """The JSON fields of a struct in the order in which Go prints them, None if it is not here."""
        pkg = self._package(package)
        if name not in pkg.structs:
            return None
        out: list[GoField] = []
        for go_name, go_type, tags in pkg.structs[name]:
            json_name, *options = tags.get("json", go_name).split(",")
            number = int(m.group(1)) if (m := _NUMBER.match(tags.get("protobuf", ""))) else 0
            if json_name == "-":
                continue
            if not go_name and (not json_name or "inline" in options):
                out += self._embedded(pkg, go_type, number)
                continue
            presence = self._presence(pkg, go_type, options)
            out.append(GoField(json_name, self._full_name(pkg, go_type.lstrip("*")), presence, number))
        return out

    def _embedded(self, pkg: Package, go_type: str, number: int) -> list[GoField]:
        target, name = self._resolve(pkg, go_type.lstrip("*"))
        fields = self.fields(target.path, name) or []
        step = ((name, number),)
        return [GoField(f.name, f.go_type, f.presence, f.number, step + f.inline) for f in fields]

    def _presence(self, pkg: Package, go_type: str, options: list[str]) -> str:
        if "omitzero" in options:
            return "omit"
        if "omitempty" not in options:
            return "null" if go_type.startswith("*") else "always"
        if go_type.startswith("*"):
            return "keep"
        return "always" if self._is_struct(pkg, go_type) else "omit"

    def _is_struct(self, pkg: Package, go_type: str) -> bool:
        """encoding/json never counts a struct value as empty."""
        if go_type in _BASIC or go_type.startswith(("[]", "map[")):
            return False
        target, name = self._resolve(pkg, go_type)
        if name in target.named:
            return self._is_struct(target, target.named[name])
        return True

    def _full_name(self, pkg: Package, go_type: str) -> str:
        """The type as Go's reflection prints it: `[]v1.Container`, `map[string][]uint8`."""
        if go_type.startswith("[]"):
            return "[]" + self._full_name(pkg, go_type[2:].lstrip("*"))
        if go_type.startswith("map["):
            key, value = go_type[4:].split("]", 1)
            return f"map[{self._full_name(pkg, key)}]{self._full_name(pkg, value)}"
        if go_type in _BASIC:
            return "uint8" if go_type == "byte" else go_type
        target, name = self._resolve(pkg, go_type)
        return f"{target.path.rsplit('/', 1)[-1]}.{name}"

    def _resolve(self, pkg: Package, go_type: str) -> tuple[Package, str]:
        if "." not in go_type:
            return pkg, go_type
        alias, name = go_type.split(".")
        return self._package(pkg.imports[alias]), name

    def _package(self, path: str) -> Package:
        if path not in self._packages:
            pkg = self._packages[path] = Package(path)
            for file in sorted((self._root / path).glob("*.go")):
                if not file.name.startswith("zz_") and not file.name.endswith(("_test.go", "generated.go", "pb.go")):
                    _parse(file.read_text(), pkg)
        return self._packages[path]


def _parse(text: str, pkg: Package) -> None:
    struct: list[tuple[str, str, dict[str, str]]] | None = None
    importing = False
    for line in text.splitlines():
        if struct is not None:
            if line.startswith("}"):
                struct = None
            elif m := _FIELD.match(line):
                struct.append((m.group(1) or "", m.group(2), dict(_TAG.findall(m.group(3)))))
        elif importing:
            if line.startswith(")"):
                importing = False
            elif m := _IMPORT.match(line):
                pkg.imports[m.group(1) or m.group(2).rsplit("/", 1)[-1]] = m.group(2)
        elif line.startswith("import ("):
            importing = True
        elif m := _TYPE.match(line):
            name, rest = m.groups()
            if rest.startswith("struct {"):
                struct = pkg.structs.setdefault(name, [])
                if rest.endswith("}"):
                    struct = None
            elif not rest.startswith("interface"):
                pkg.named[name] = rest.split("//")[0].lstrip("= ").strip()
