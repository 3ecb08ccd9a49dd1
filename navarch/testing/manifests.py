"""Manifests as tests give them: a dict, several, YAML text, or a path to a file or directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from navarch.base import yaml
from navarch.base.errors import UsageError
from navarch.schema.types import Tree

Manifest = Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]]


def load(manifest: Manifest) -> list[Tree]:
    """The objects of a manifest; Lists are taken apart.

    Raises: UsageError for text that is no YAML, an object without kind, or a missing file.
    """
    return [item for tree in _documents(manifest) for item in _items(tree)]


def _documents(manifest: Manifest) -> list[Tree]:
    if isinstance(manifest, Mapping):
        return [dict(manifest)]
    if isinstance(manifest, Path) or (isinstance(manifest, str) and _is_path(manifest)):
        return _files(Path(manifest))
    if isinstance(manifest, str):
        return _parse(manifest, "the manifest")
    return [dict(one) for one in manifest]


def _is_path(text: str) -> bool:
    return "\n" not in text and text.endswith((".yaml", ".yml", ".json"))


def _files(path: Path) -> list[Tree]:
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json"))
        return [tree for one in found for tree in _files(one)]
    try:
        text = path.read_text()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    return _parse(text, str(path))


def _parse(text: str, where: str) -> list[Tree]:
    try:
        documents = yaml.load_all(text)
    except yaml.YamlError as error:
        raise UsageError(f"{where}: {error}") from None
    return [d for d in documents if d is not None]


def _items(tree: Any) -> list[Tree]:
    if not isinstance(tree, dict) or not tree.get("kind") or not tree.get("apiVersion"):
        raise UsageError(f"an object with apiVersion and kind is expected, not {str(tree)[:80]!r}")
    if tree["kind"] == "List":
        return [item for one in tree.get("items") or () for item in _items(one)]
    return [tree]
