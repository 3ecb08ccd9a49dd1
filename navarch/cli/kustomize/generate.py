"""ConfigMaps and Secrets that a kustomization makes of literals and files."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from navarch.cli.content_hash import content_hash
from navarch.cli.errors import CliError
from navarch.cli.kustomize.item import Item
from navarch.cli.kustomize.patches import Read
from navarch.schema.types import Tree


def generated(kind: str, entry: Tree, options: Tree, read: Read) -> Item:
    """The object of an entry of `configMapGenerator` or `secretGenerator`; `options` are the `generatorOptions`."""
    name = entry.get("name")
    if not name:
        raise CliError(f"configuring {kind} generator: missing name")
    own = {**options, **(entry.get("options") or {})}
    metadata: Tree = {"name": name}
    if entry.get("namespace"):
        metadata["namespace"] = entry["namespace"]
    for key in ("labels", "annotations"):
        pairs = {**(options.get(key) or {}), **((entry.get("options") or {}).get(key) or {})}
        if pairs:
            metadata[key] = pairs
    tree: Tree = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **_content(kind, entry, read)}
    if own.get("immutable"):
        tree["immutable"] = True
    return Item(tree, hashed=not own.get("disableNameSuffixHash"))


def _content(kind: str, entry: Tree, read: Read) -> Tree:
    values: dict[str, bytes] = {}
    for key, value in _pairs(entry, read):
        if key in values:
            raise CliError(f"cannot add key {key}, another key by that name already exists")
        values[key] = value
    if kind == "Secret":
        data = {key: b64encode(values[key]).decode() for key in sorted(values)}
        return {"type": entry.get("type") or "Opaque", **({"data": data} if data else {})}
    out: Tree = {}
    for key in sorted(values):
        try:
            out.setdefault("data", {})[key] = values[key].decode()
        except UnicodeDecodeError:
            out.setdefault("binaryData", {})[key] = b64encode(values[key]).decode()
    return out


def _pairs(entry: Tree, read: Read) -> Iterator[tuple[str, bytes]]:
    for env in [*(entry.get("envs") or ()), *([entry["env"]] if entry.get("env") else ())]:
        for line in read(env).decode(errors="replace").splitlines():
            text = line.lstrip()
            if text and not text.startswith("#"):
                key, equals, value = text.partition("=")
                yield key, (value if equals else os.environ.get(key, "")).encode()
    for literal in entry.get("literals") or ():
        key, equals, value = str(literal).partition("=")
        if not equals or not key:
            raise CliError(f"invalid literal source {literal}, expected key=value")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        yield key, (value[1:-1] if quoted else value).encode()
    for source in entry.get("files") or ():
        key, equals, path = str(source).partition("=")
        yield (key, read(path)) if equals else (os.path.basename(source), read(source))


def combined(old: Item, new: Item, behavior: str) -> Item:
    """An entry that replaces or is merged into an object of the same name."""
    merged: dict[str, Any] = {}
    for key in ("data", "binaryData"):
        before = old.tree.get(key) or {} if behavior == "merge" else {}
        if pairs := {**before, **(new.tree.get(key) or {})}:
            merged[key] = dict(sorted(pairs.items()))
    metadata = {**new.tree["metadata"], "name": old.name}
    for key in ("labels", "annotations"):
        if pairs := {**(old.tree["metadata"].get(key) or {}), **(new.tree["metadata"].get(key) or {})}:
            metadata[key] = pairs
    rest = {key: value for key, value in new.tree.items() if key not in ("data", "binaryData", "metadata")}
    return Item({**rest, "metadata": metadata, **merged}, names=[*old.names], hashed=new.hashed)


def hash_of(item: Item) -> str:
    """The suffix that stands for the content."""
    tree = item.tree
    if item.kind == "Secret":
        return content_hash("Secret", item.name, {"type": tree.get("type", ""), "data": tree.get("data", "")})
    binary = {"binaryData": tree["binaryData"]} if tree.get("binaryData") else {}
    return content_hash("ConfigMap", item.name, {"data": tree.get("data", ""), **binary})
