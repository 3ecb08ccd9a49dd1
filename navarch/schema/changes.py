"""Which fields a write adds, changes and removes, along a type's nodes.

`managed_fields.py` asks this on every write, so a root type is compiled once into objects that
know their children by name; nothing here is decided twice. Field sets come out sorted.

A Go server keeps structs that it holds by value even when nobody set them (`spec`, `status`,
`strategy`): a new object is compared with that empty one, so such structs are not themselves
added. `Field.presence` "always" marks them.

Source: structured-merge-diff `typed` (compare, deduced types, empty containers as leaves).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from navarch.schema.field_set import FieldSet, element_key, sort_node, value_key
from navarch.schema.types import List, Map, Node, Scalar, Struct, Tree

#: Fields that nobody owns.
_UNOWNED = frozenset({"apiVersion", "kind"})
_UNOWNED_METADATA = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    }
)

#: What was added or changed, and what was removed. None is the empty set below the root.
Changes = tuple[FieldSet | None, FieldSet | None]
_NONE: Changes = (None, None)
_CHANGED: Changes = ({}, None)

_ABSENT = object()
#: Zero values of Go's scalars; a null stands for the absent list, map or pointer.
_ZEROS = (None, "", 0, False)


class Differ(Protocol):
    """Compares values of one node."""

    def added(self, value: Any) -> FieldSet:
        """The set of a value that was not there at all."""

    def compare(self, old: Any, new: Any) -> Changes:
        """The change from one present value to another."""


class _Leaf:
    """Scalars, atomic lists, maps and structs: changed as a whole."""

    def added(self, _value: Any) -> FieldSet:
        return {}

    def compare(self, old: Any, new: Any) -> Changes:
        return _NONE if old == new else _CHANGED


#: How a field of a new object is looked at (`_Object.created`).
_ADD, _CREATE, _COMPARE_STRUCT, _COMPARE = range(4)

#: (field, its step, its differ or None where that goes by the value, one of the above).
_Step = tuple[str, str, Differ | None, int]

#: Objects of a type have few sets of keys in practice; a client that sends ever new ones must not fill memory.
_MAX_SHAPES = 512


class _Object:
    """A struct or map whose fields are owned one by one.

    What a new value adds depends on its keys, and only below its branches on its values: so the set of
    its leaves is kept for every set of keys that was met, and given out again and again."""

    __slots__ = ("_children", "_compiler", "_creations", "_node", "_shapes")

    def __init__(self, node: Struct | Map | None, compiler: _Compiler) -> None:
        self._node = node
        self._compiler = compiler
        self._children: dict[str, Differ] = {}
        #: keys -> (the set of the leaves, with the branches' places in order; the branches).
        self._shapes: dict[tuple[str, ...], tuple[FieldSet, list[_Step]]] = {}
        self._creations: dict[tuple[tuple[str, ...], frozenset[str]], tuple[FieldSet, list[_Step]]] = {}
        if isinstance(node, Struct):
            self._children = dict.fromkeys((name for name, field in node.fields.items() if _is_leaf(field.node)), _LEAF)

    def child(self, name: str, value: Any) -> Differ:
        """How to compare the field; fields that no schema declares go by their values."""
        differ = self._children.get(name)
        if differ is not None:
            return differ
        node = self._node
        if isinstance(node, Struct) and name in node.fields:
            differ = self._children[name] = self._compiler.differ(node.fields[name].node)
            return differ
        if isinstance(node, Map):
            return self._compiler.differ(node.value)
        return self._compiler.deduced if isinstance(value, dict) else _LEAF

    def added(self, value: Any) -> FieldSet:
        if not value or not isinstance(value, dict):
            return {}
        keys = tuple(value)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._shape(keys)
            if len(self._shapes) < _MAX_SHAPES:
                self._shapes[keys] = shape
        leaves, branches = shape
        if not branches:
            return leaves
        out = dict(leaves)
        for name, step, differ, _ in branches:
            item = value[name]
            out[step] = (differ or self.child(name, item)).added(item)
        return out

    def _shape(self, keys: tuple[str, ...]) -> tuple[FieldSet, list[_Step]]:
        out: FieldSet = {".": {}}
        branches: list[_Step] = []
        for name in sorted(keys):
            step, differ = "f:" + name, self._declared(name)
            out[step] = {}
            if differ is not _LEAF:
                branches.append((name, step, differ, _ADD))
        return out, branches

    def _declared(self, name: str) -> Differ | None:
        """How to compare a field, None where that goes by its value."""
        node = self._node
        if isinstance(node, Map) or (isinstance(node, Struct) and name in node.fields):
            return self.child(name, None)
        return None

    def compare(self, old: Any, new: Any) -> Changes:
        if not old and not new:
            return _NONE if old == new else _CHANGED
        before, after = old or {}, new or {}
        if not isinstance(before, dict) or not isinstance(after, dict):
            return _CHANGED  # a custom resource that its validation will refuse
        return self.compare_fields(before, after, frozenset())

    def compare_fields(self, old: Tree, new: Tree, skip: frozenset[str]) -> Changes:
        changed: FieldSet = {}
        removed: FieldSet = {}
        for name, value in new.items():
            before = old.get(name, _ABSENT)
            if before is value or name in skip or before == value:
                continue
            if before is _ABSENT:
                changed["f:" + name] = self.child(name, value).added(value)
                continue
            inner_changed, inner_removed = self.child(name, value).compare(before, value)
            if inner_changed is not None:
                changed["f:" + name] = inner_changed
            if inner_removed is not None:
                removed["f:" + name] = inner_removed
        for name, before in old.items():
            if name not in new and name not in skip:
                removed["f:" + name] = self.child(name, before).added(before)
        return _sorted(changed), _sorted(removed)

    def created(self, value: Tree, skip: frozenset[str]) -> FieldSet | None:
        """The set of a new object, compared with the empty one of a Go server."""
        shape = tuple(value), skip
        known = self._creations.get(shape)
        if known is None:
            known = self._creation_of(*shape)
            if len(self._creations) < _MAX_SHAPES:
                self._creations[shape] = known
        leaves, branches = known
        if not branches:
            return leaves or None
        out = dict(leaves)
        for name, step, differ, how in branches:
            item = value[name]
            if how == _ADD:
                out[step] = (differ or self.child(name, item)).added(item)
                continue
            assert differ is not None
            node: FieldSet | None = None
            if how == _CREATE:
                assert isinstance(differ, _Object)
                node = differ.created(item, frozenset()) if isinstance(item, dict) else None
            elif item not in _ZEROS:
                node, _ = differ.compare({} if how == _COMPARE_STRUCT else None, item)
            if node is not None:
                out[step] = node
            else:
                del out[step]
        return out or None

    def _creation_of(self, keys: tuple[str, ...], skip: frozenset[str]) -> tuple[FieldSet, list[_Step]]:
        """As `_shape`, for `created`."""
        out: FieldSet = {}
        branches: list[_Step] = []
        for name in sorted(key for key in keys if key not in skip):
            step = self._creation(name)
            out[step[1]] = {}
            if step[2] is not _LEAF or step[3] != _ADD:
                branches.append(step)
        return out, branches

    def _creation(self, name: str) -> _Step:
        differ = self._declared(name)
        field = self._node.fields.get(name) if isinstance(self._node, Struct) else None
        how = _ADD
        if field is not None and field.presence == "always":
            how = _COMPARE
            if isinstance(field.node, Struct):
                how = _CREATE if isinstance(differ, _Object) else _COMPARE_STRUCT
        return name, "f:" + name, differ, how


class _Elements:
    """A list whose elements are told apart by keys (`map`) or by their own values (`set`)."""

    __slots__ = ("_compiler", "_defaults", "_differ", "_keys", "_steps")

    def __init__(self, node: List, compiler: _Compiler) -> None:
        self._keys = tuple(sorted(node.keys)) if node.list_type == "map" else ()
        self._defaults = key_defaults(node)
        self._differ: Differ | None = None if self._keys else _LEAF
        self._compiler = compiler
        #: Texts of steps by key values: the same few names come again and again.
        self._steps: dict[Any, str] = {}
        if self._keys:
            self._differ = compiler.differ(node.item)

    def step(self, item: Any) -> str:
        keys = self._keys
        if not keys or not isinstance(item, dict):
            return value_key(item)
        defaults = self._defaults
        if len(keys) == 1:
            values: Any = item.get(keys[0], defaults[0])
        else:
            values = tuple([item.get(key, default) for key, default in zip(keys, defaults, strict=True)])
        try:
            return self._steps[values]
        except (KeyError, TypeError):
            pass
        step = element_key(key_values(keys, defaults, item))
        if len(self._steps) > 1000:
            self._steps.clear()
        if isinstance(values, str | tuple):  # a lone 1 and True would be the same key
            self._steps[values] = step
        return step

    def added(self, value: Any) -> FieldSet:
        if not value or not isinstance(value, list):
            return {}
        assert self._differ is not None
        out: FieldSet = {".": {}}
        for item in value:
            step = self.step(item)
            out[step] = {} if step in out else self._differ.added(item)  # duplicates have no identity
        return out if len(out) == 2 else sort_node(out)

    def compare(self, old: Any, new: Any) -> Changes:
        if not old and not new:
            return _NONE if old == new else _CHANGED
        if not isinstance(old or [], list) or not isinstance(new or [], list):
            return _CHANGED
        assert self._differ is not None
        before = self._by_step(old or [])
        after = self._by_step(new or [])
        changed: FieldSet = {}
        removed: FieldSet = {}
        for step, items in after.items():
            others = before.get(step)
            if others is None:
                changed[step] = self._differ.added(items[0])
            elif items == others:
                continue
            elif len(items) > 1 or len(others) > 1:
                changed[step] = {}  # duplicates have no identity
            else:
                inner_changed, inner_removed = self._differ.compare(others[0], items[0])
                if inner_changed is not None:
                    changed[step] = inner_changed
                if inner_removed is not None:
                    removed[step] = inner_removed
        for step, items in before.items():
            if step not in after:
                removed[step] = self._differ.added(items[0])
        return _sorted(changed), _sorted(removed)

    def _by_step(self, items: list[Any]) -> dict[str, list[Any]]:
        out: dict[str, list[Any]] = {}
        for item in items:
            out.setdefault(self.step(item), []).append(item)
        return out


_LEAF = _Leaf()


class _Compiler:
    """Differs of the nodes below one root, each made when it is first needed."""

    def __init__(self) -> None:
        self._made: dict[Node, Differ] = {}
        self.deduced: Differ = _Object(None, self)

    def differ(self, node: Node) -> Differ:
        made = self._made.get(node)
        if made is None:
            if _is_leaf(node):
                made = _LEAF
            elif isinstance(node, List):
                made = _Elements(node, self)
            else:
                assert isinstance(node, Struct | Map)
                made = _Object(node, self)
            self._made[node] = made
        return made


class Changed:
    """The differ of whole objects of one root type."""

    def __init__(self, root: Struct) -> None:
        compiler = _Compiler()
        self._root = _Object(root, compiler)
        metadata = root.fields.get("metadata")
        node = metadata.node if metadata is not None and isinstance(metadata.node, Struct) else None
        self._metadata = _Object(node, compiler)

    def compare(self, old: Tree | None, new: Tree, reset: frozenset[str]) -> tuple[FieldSet, FieldSet]:
        """What was added or changed, and what was removed. `reset` names root fields to leave out."""
        skip = _UNOWNED | {"metadata"} | reset
        metadata = new.get("metadata") or {}
        if old is None:
            created = self._root.created(new, skip) or {}
            owned = self._metadata.created(metadata, _UNOWNED_METADATA)
            return (sort_node({**created, "f:metadata": owned}) if owned else created), {}
        changed, removed = self._root.compare_fields(old, new, skip)
        before = old.get("metadata") or {}
        meta_changed, meta_removed = self._metadata.compare_fields(before, metadata, _UNOWNED_METADATA)
        return _with_metadata(changed, meta_changed), _with_metadata(removed, meta_removed)


@lru_cache(maxsize=1024)
def compiled(root: Struct) -> Changed:
    """The differ of a root type, made once."""
    return Changed(root)


def key_defaults(node: List) -> tuple[Any, ...]:
    """Defaults of a list's keys, in the order of the sorted keys: a port without protocol is TCP's."""
    if not isinstance(node.item, Struct):
        return (None,) * len(node.keys)
    fields = node.item.fields
    return tuple(fields[key].default if key in fields else None for key in sorted(node.keys))


def key_values(keys: tuple[str, ...], defaults: tuple[Any, ...], item: Tree) -> Tree:
    """The keys that tell an element apart, with their defaults; a key with neither is left out."""
    out: Tree = {}
    for key, default in zip(keys, defaults, strict=True):
        value = item.get(key, default)
        if value is not None:
            out[key] = value
    return out


def _is_leaf(node: Node) -> bool:
    if isinstance(node, Scalar):
        return True
    if isinstance(node, List):
        return node.list_type not in ("map", "set")
    return node.atomic


def _sorted(node: FieldSet) -> FieldSet | None:
    if len(node) > 1:
        return sort_node(node)
    return node or None


def _with_metadata(node: FieldSet | None, metadata: FieldSet | None) -> FieldSet:
    if metadata is None:
        return node or {}
    return sort_node({**(node or {}), "f:metadata": metadata})
