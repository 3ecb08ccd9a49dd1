"""Patches of a kustomization: what they are meant for, and what they make of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from navarch.base.patch import apply_json_patch, apply_merge_patch
from navarch.base.selector import parse_labels
from navarch.base.yaml import load, load_all
from navarch.cli.errors import CliError
from navarch.cli.kustomize.item import Item
from navarch.schema.types import Tree

Read = Callable[[str], bytes]


def apply(items: list[Item], entry: Tree, read: Read) -> list[Item]:
    """The objects after a patch of the field `patches`. Raises: CliError for a patch that fits nothing."""
    text = read(entry["path"]) if entry.get("path") else str(entry.get("patch", "")).encode()
    operations = load(text) if text.lstrip()[:1] in (b"-", b"[") and not text.lstrip().startswith(b"---") else None
    target = entry.get("target")
    if isinstance(operations, list):
        if not target:
            raise CliError("must specify a target for JSON patch")
        return _each(items, lambda item: _matches(item, target), lambda item: _json(item, operations))
    for patch in load_all(text):
        if patch is not None:
            items = merge(items, patch, target)
    return items


def merge(items: list[Item], patch: Tree, target: Tree | None = None) -> list[Item]:
    """The objects after a strategic merge patch. Without a target it is meant for the object that it names."""
    metadata = patch.get("metadata") or {}

    def named(item: Item) -> bool:
        place = metadata.get("namespace")
        same_place = place is None or place == item.namespace or not item.namespace
        return item.kind == patch.get("kind") and metadata.get("name") in item.names and same_place

    def fits(item: Item) -> bool:
        return _matches(item, target) if target else named(item)

    if not target and not any(map(named, items)):
        raise CliError(f'no resource matches strategic merge patch "{patch.get("kind")}.{metadata.get("name")}"')
    if patch.get("$patch") == "delete":
        return [item for item in items if not fits(item)]
    return _each(items, fits, lambda item: _merged(item, patch))


def _each(items: list[Item], fits: Callable[[Item], bool], change: Callable[[Item], None]) -> list[Item]:
    for item in items:
        if fits(item):
            change(item)
    return items


def _matches(item: Item, target: Tree) -> bool:
    """Names and kinds of a target are regular expressions for the whole word."""
    version = str(item.tree.get("apiVersion", "")).rpartition("/")[2]
    words = (("group", item.group), ("version", version), ("kind", item.kind), ("namespace", item.namespace))
    if any(target.get(key) and not re.fullmatch(str(target[key]), value) for key, value in words):
        return False
    if target.get("name") and not any(re.fullmatch(str(target["name"]), name) for name in item.names):
        return False
    metadata = item.tree.get("metadata") or {}
    pairs = ((target.get("labelSelector"), "labels"), (target.get("annotationSelector"), "annotations"))
    return all(not text or parse_labels(text).matches(metadata.get(key) or {}) for text, key in pairs)


def _json(item: Item, operations: list[Any]) -> None:
    item.tree = apply_json_patch(item.tree, operations)


def _merged(item: Item, patch: Tree) -> None:
    """The name stays: patches say it to find the object."""
    kind, api_version, name = item.kind, item.tree.get("apiVersion"), item.name
    if item.builtin:
        from navarch.schema.facts import load as facts
        from navarch.schema.strategic import merge as strategic

        table = facts()
        type_name = table.type_name(str(api_version), kind)
        item.tree = strategic(table.type(type_name), item.tree, patch) if type_name else item.tree
    else:
        item.tree = apply_merge_patch(item.tree, patch)
    item.tree.update({"kind": kind, "apiVersion": api_version})
    item.tree.setdefault("metadata", {})["name"] = name
