"""Trees to Kubernetes' protobuf form, byte for byte as Go's generated code writes it. The way back is `protobuf.py`.

    body = encode({"kind": "Pod", "apiVersion": "v1", "metadata": {...}, ...}, pod_node)

What Go holds in plain fields is written even when it is zero (`name: ""` is two bytes), what it holds
in pointers, lists and maps only when it is there: `Field.presence` tells which is which. Fields go in
the order of their numbers, map entries in the order of their keys.

Each Struct is compiled to one closure that keeps a plan for every set of keys it has met, as in
`canon.py`: one step per field that is given, and the zeros of the others as ready bytes between them.
Trees must be canonical (`canon.py`). Called by the server for answers, and by clients for bodies.

Source: gogo/protobuf's marshal plugin; apimachinery `runtime/serializer/protobuf`, `api/resource`
(Quantity), `util/intstr`, `meta/v1` (Time, MicroTime); the generated.proto files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from navarch.schema import facts
from navarch.schema import protobuf_values as values
from navarch.schema.protobuf import EMPTY_MESSAGES, MAGIC, SCHEMA, SCHEMA_OR
from navarch.schema.protobuf_values import Encode, Put, delimited, varint
from navarch.schema.types import ANY, Field, List, Map, Node, Scalar, Struct, Tree

#: The steps of a message: the key of what a step takes from the tree, or one of these two.
_Plan = list[tuple[str, Put]]
_ZEROS: Final = ""
_WHOLE: Final = "*"

#: A struct meets few sets of keys in practice; a client that sends ever new ones must not fill memory.
_MAX_PLANS: Final = 1024


def encode(tree: Tree, node: Struct) -> bytes:
    """A whole body: the magic and the envelope that names apiVersion and kind."""
    return envelope(tree.get("apiVersion", ""), tree.get("kind", ""), encoder(node)(tree))


def encode_list(kind: str, api_version: str, metadata: Tree, messages: Iterable[bytes]) -> bytes:
    """A whole list of objects, given as their messages."""
    put = delimited(2, lambda message: message)
    return envelope(api_version, kind, b"".join([_list_metadata()(metadata), *map(put, messages)]))


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    """Magic, and the runtime.Unknown message around an object's message."""
    return b"".join((_head(api_version, kind), varint(len(message)), message, b"\x1a\x00\x22\x00"))


def watch_event(type_: str, body: bytes) -> bytes:
    """One frame of a watch: its length in four bytes, and a WatchEvent around a whole body."""
    name = type_.encode()
    inner = b"\x0a" + varint(len(body)) + body
    event = b"\x0a" + varint(len(name)) + name + b"\x12" + varint(len(inner)) + inner
    return len(event).to_bytes(4, "big") + event


def encoder(node: Struct) -> Encode:
    """The compiled function of a type: canonical tree to message."""
    if (compiled := _compiled.get(node)) is None:
        compiled = _compiled[node] = _message(node.fields, 0, node.name)
    return compiled


_compiled: dict[Struct, Encode] = {}


@lru_cache(512)
def _head(api_version: str, kind: str) -> bytes:
    version, name = api_version.encode(), kind.encode()
    meta = b"\x0a" + varint(len(version)) + version + b"\x12" + varint(len(name)) + name
    return MAGIC + b"\x0a" + varint(len(meta)) + meta + b"\x12"


@cache
def _list_metadata() -> Put:
    return delimited(1, encoder(facts.load().type("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")))


# --- messages


def _message(fields: dict[str, Field], level: int, owner: str) -> Encode:
    """The message of these fields; `level` counts the embedded structs around it."""
    plans: dict[tuple[str, ...], _Plan] = {}
    steps = [_Step(name, field, owner) for name, field in fields.items() if len(field.inline) == level and field.number]
    inner = list(_embedded(fields, level, owner))

    def learn(keys: tuple[str, ...]) -> _Plan:
        plan = _planned(steps, inner, frozenset(keys))
        if len(plans) < _MAX_PLANS:
            plans[keys] = plan
        return plan

    def run(tree: Tree) -> bytes:
        keys = tuple(tree)
        get = tree.get
        return b"".join([put(get(key)) for key, put in plans.get(keys) or learn(keys)])

    def run_embedding(tree: Tree) -> bytes:
        keys = tuple(tree)
        get = tree.get
        plan = plans.get(keys) or learn(keys)
        return b"".join([put(tree if key == _WHOLE else get(key)) for key, put in plan])

    return run_embedding if inner else run


def _embedded(fields: dict[str, Field], level: int, owner: str) -> Iterator[tuple[int, Put]]:
    """(number, step) of the structs embedded at this level. They are no pointers: always there."""
    groups: dict[int, dict[str, Field]] = {}
    for name, field in fields.items():
        if len(field.inline) > level and (number := field.inline[level][1]):
            groups.setdefault(number, {})[name] = field
    for number, members in groups.items():
        yield number, delimited(number, _message(members, level + 1, owner))


class _Step:
    """What one field contributes. Compiled when a plan first needs it: types may contain themselves."""

    __slots__ = ("_field", "_owner", "_put", "name", "number")

    def __init__(self, name: str, field: Field, owner: str) -> None:
        self.name = name
        self.number = field.number
        self._field = field
        self._owner = owner
        self._put: Put | None = None

    @property
    def put(self) -> Put:
        if self._put is None:
            special = _special(self._owner, self.name, self._field)
            self._put = _field(self._field) if special is None else special
        return self._put

    @property
    def zero(self) -> bytes:
        """What is written where nothing is given."""
        return _zero(self._field)


def _planned(steps: list[_Step], inner: list[tuple[int, Put]], given: frozenset[str]) -> _Plan:
    """The steps for a tree with these keys, by number. Keys that the type does not know are left out."""
    members: list[tuple[int, str, Put | bytes]] = [(number, _WHOLE, put) for number, put in inner]
    for step in steps:
        if step.name in given:
            members.append((step.number, step.name, step.put))
        elif step.zero:
            members.append((step.number, _ZEROS, step.zero))
    plan: _Plan = []
    zeros = b""
    for _, key, put in sorted(members, key=lambda member: member[0]):
        if isinstance(put, bytes):
            zeros += put
            continue
        if zeros:
            plan.append((_ZEROS, _constant(zeros)))
            zeros = b""
        plan.append((key, put))
    if zeros:
        plan.append((_ZEROS, _constant(zeros)))
    return plan


def _constant(raw: bytes) -> Put:
    return lambda _: raw


# --- fields


def _field(field: Field) -> Put:
    """A field's key, length and value; nothing for null, which is a pointer or a list that is not there."""
    node = field.node
    if isinstance(node, List):
        return _items(_put(field.number, node.item))
    if isinstance(node, Map):
        return _entries(field.number, _put(2, node.value))
    put = _put(field.number, node)
    nullable = field.presence == "null" or (field.presence == "always" and _may_be_null(node))
    return _or(put, _zero(field)) if nullable or node is ANY else put


def _may_be_null(node: Node) -> bool:
    """Whether Go prints null for the zero value."""
    return isinstance(node, Scalar) and node.name in ("time", "micro-time", "bytes", "any")


def _or(put: Put, zero: bytes) -> Put:
    """For a field that may be null."""
    return lambda value: zero if value is None else put(value)


def _items(put: Put) -> Put:
    def put_items(value: Sequence[Any] | None) -> bytes:
        return b"".join([put(item) for item in value]) if value else b""

    return put_items


def _entries(number: int, put_value: Put) -> Put:
    """A map is repeated messages of key (1) and value (2), sorted by key."""
    put_key = values.string(1)
    put_entry = delimited(number, lambda entry: put_key(entry[0]) + put_value(entry[1]))

    def put_entries(value: Tree | None) -> bytes:
        return b"".join([put_entry(entry) for entry in sorted(value.items())]) if value else b""

    return put_entries


def _put(number: int, node: Node) -> Put:
    """One value with its key, and with its length where it has one."""
    if isinstance(node, Scalar):
        return values.scalar(number, node.name)
    if isinstance(node, Struct):
        return delimited(number, encoder(node))
    if isinstance(node, List):
        # A named slice type, as the values of `extra` in UserInfo: a message of items (1).
        return delimited(number, _items(_put(1, node.item)))
    raise TypeError("a map of maps has no protobuf form")


def _zero(field: Field) -> bytes:
    """What Go writes of a field that nothing was given for: nothing if it is a pointer, list or map."""
    node = field.node
    if field.presence in ("keep", "null") or isinstance(node, List | Map):
        return b""
    if isinstance(node, Struct):
        return delimited(field.number, encoder(node))({})
    return values.zero(field.number, node.name)


# --- fields with a message of their own


def _special(owner: str, name: str, field: Field) -> Put | None:
    """The step of such a field, None for all others."""
    if field.go_type == "v1.Verbs":
        return delimited(field.number, _items(values.string(1)))
    if (owner, name) in EMPTY_MESSAGES:
        return delimited(field.number, lambda _: b"")
    either = SCHEMA_OR.get(name) if owner == SCHEMA else None
    if either is None:
        return None
    encode_either = _schema_or(either)
    if isinstance(field.node, Map):
        return _entries(field.number, delimited(2, encode_either))
    return _or(delimited(field.number, encode_either), b"")


def _schema_or(either: str) -> Encode:
    """A schema, or what may stand in its place: a boolean, schemas or strings."""
    schema = encoder(facts.load().type(SCHEMA))
    as_first, as_second = delimited(1, schema), delimited(2, schema)
    strings = _items(values.string(2))

    def encode_either(value: Any) -> bytes:
        if either == "boolean":
            return b"\x08\x01" + as_second(value) if isinstance(value, dict) else b"\x08\x01" if value else b"\x08\x00"
        if isinstance(value, dict):
            return as_first(value)
        return strings(value) if either == "strings" else b"".join([as_second(item) for item in value])

    return encode_either
