"""`replacements`: a value of one object, or a text, put into fields of others.

Field paths are keys with dots between them; `\\.` is a dot within a key, `[name=web]` chooses elements of a list by a
field, `[a.b/c]` is a key with dots, a number or `*` stands for elements.

    >>> path_of("spec.containers.[name=web].env.0.value")
    ['spec', 'containers', '[name=web]', 'env', '0', 'value']

Source: kustomize `filters/replacement` (selection, options, error texts).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from navarch.base.yaml import load
from navarch.cli.errors import CliError
from navarch.cli.kustomize.item import Item
from navarch.schema.types import Tree

_PART = re.compile(r"\[[^\]]*\]|(?:\\.|[^.\\\[])+")
_MISSING = object()


def apply(items: list[Item], entry: Tree, read: Callable[[str], bytes]) -> None:
    """Change the objects as one entry of the list says, or the entries of the file that it names. Raises: CliError."""
    if "path" in entry:
        loaded = load(read(entry["path"])) or []
        for each in loaded if isinstance(loaded, list) else [loaded]:
            apply(items, each, read)
        return
    if not entry.get("targets"):
        raise CliError("replacements must specify at least one target")
    value = _source(items, entry)
    for target in entry["targets"]:
        if not target.get("select"):
            raise CliError("target must specify resources to select")
        rejected = target.get("reject") or []
        for item in items:
            if _selected(item, target["select"]) and not any(_selected(item, each) for each in rejected):
                for path in target.get("fieldPaths") or ["metadata.name"]:
                    _put(item, path_of(path), path, value, target.get("options") or {})


def path_of(text: str) -> list[str]:
    """The parts of a field path."""
    return [part if part.startswith("[") else re.sub(r"\\(.)", r"\1", part) for part in _PART.findall(text)]


def _source(items: list[Item], entry: Tree) -> Any:
    if "sourceValue" in entry:
        return entry["sourceValue"]
    source = entry.get("source")
    if not source:
        raise CliError("replacements must specify a source and at least one target")
    found = [item for item in items if _selected(item, source)]
    if len(found) != 1:
        what = "nothing selected" if not found else f"multiple matches for selector ({len(found)})"
        raise CliError(f"{what} by {_described(source)}")
    path = source.get("fieldPath") or "metadata.name"
    places = list(_places(found[0].tree, path_of(path), create=False))
    value = _get(*places[0]) if places else _MISSING
    if value is _MISSING:
        raise CliError(f"fieldPath `{path}` is missing for replacement source {_described(source)}")
    return _part(value, source.get("options") or {}, path)


def _part(value: Any, options: Tree, path: str) -> Any:
    """The piece between delimiters that is asked for, decoded if it is encoded."""
    if options.get("encoding") == "base64":
        value = base64.b64decode(str(value)).decode()
    delimiter = options.get("delimiter")
    if not delimiter:
        return value
    if not isinstance(value, str):
        raise CliError("delimiter option can only be used with scalar nodes")
    pieces, index = value.split(delimiter), options.get("index", 0)
    if not 0 <= index < len(pieces):
        raise CliError(f"options.index {index} is out of bounds for value {value}")
    return pieces[index]


def _put(item: Item, path: list[str], shown: str, value: Any, options: Tree) -> None:
    create = bool(options.get("create"))
    places = list(_places(item.tree, path, create=create))
    if not create:
        places = [(holder, key) for holder, key in places if _get(holder, key) is not _MISSING]
    if not places:
        if "*" in path and not create:
            return
        raise CliError(f'unable to find field "{shown}" in replacement target')
    for holder, key in places:
        new = value if not options.get("delimiter") else _pieced(_get(holder, key), value, options)
        if path == ["metadata", "name"]:
            item.rename(str(new))
        else:
            holder[key] = base64.b64encode(str(new).encode()).decode() if options.get("encoding") == "base64" else new


def _pieced(old: Any, value: Any, options: Tree) -> str:
    """The old text with one piece replaced; an index before the first or behind the last adds one."""
    pieces, index = str("" if old is _MISSING else old).split(options["delimiter"]), options.get("index", 0)
    if index < 0:
        pieces.insert(0, str(value))
    elif index >= len(pieces):
        pieces.append(str(value))
    else:
        pieces[index] = str(value)
    return str(options["delimiter"]).join(pieces)


def _places(tree: Any, path: list[str], *, create: bool) -> Iterator[tuple[Any, Any]]:
    """What holds the value, and under which key or index."""
    part, rest = path[0], path[1:]
    for key in _keys(tree, part, create):
        if not rest:
            yield tree, key
            continue
        inner = _get(tree, key)
        if create and (inner is _MISSING or inner is None):
            inner = [] if rest[0].startswith("[") and "=" in rest[0] else {}
            tree[key] = inner
        if isinstance(inner, dict | list):
            yield from _places(inner, rest, create=create)


def _keys(tree: Any, part: str, create: bool) -> list[Any]:
    """The keys or indices that a part of a path stands for."""
    if isinstance(tree, dict):
        return list(tree) if part == "*" else [part.strip("[]")]
    if part == "*":
        return list(range(len(tree)))
    if part.isdecimal():
        return [int(part)] if int(part) < len(tree) else []
    if not part.startswith("["):
        raise CliError(f"expected sequence or mapping node: {part}")
    name, _, wanted = part.strip("[]").partition("=")
    found = [i for i, each in enumerate(tree) if isinstance(each, dict) and str(each.get(name)) == wanted]
    if not found and create:
        tree.append({name: wanted})
        return [len(tree) - 1]
    return found


def _get(holder: Any, key: Any) -> Any:
    if isinstance(holder, dict):
        return holder.get(key, _MISSING)
    return holder[key] if 0 <= key < len(holder) else _MISSING


def _selected(item: Item, selector: Tree) -> bool:
    """Absent fields stand for anything; an object may be called by any of the names that it had."""
    version = str(item.tree.get("apiVersion", "")).rpartition("/")[2]
    known = {"group": item.group, "version": version, "kind": item.kind, "namespace": item.namespace}
    if any(selector.get(key) not in (None, "", value) for key, value in known.items()):
        return False
    return not selector.get("name") or selector["name"] in item.names


def _described(selector: Tree) -> str:
    kind, version = selector.get("kind") or "[noKind]", selector.get("version") or "[noVer]"
    where = selector.get("namespace") or "[noNs]"
    return f"{kind}.{version}.{selector.get('group') or '[noGrp]'}/{selector.get('name') or '[noName]'}.{where}"
