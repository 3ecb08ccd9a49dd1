"""The shape of API types: a graph of four node classes, the same for built-in types and CRDs.

Built-in types are read from the fact tables (`facts.py`), CRD types are compiled from their
OpenAPI v3 schema (`structural.py`). Everything else in `schema/` walks trees along these nodes.

Worked example, a piece of PodSpec:
    Struct("io.k8s.api.core.v1.PodSpec", {
        "containers": Field(List(container, "map", ("name",)), required=True,
                            patch_strategy="merge", patch_merge_key="name"),
        "nodeSelector": Field(Map(STRING, atomic=True)),
        "hostNetwork": Field(BOOLEAN), ...})

Source: structured-merge-diff's schema model; OpenAPI extensions x-kubernetes-*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

#: A JSON value as orjson decodes it. Objects are dicts, in wire order.
Tree = dict[str, Any]


@dataclass(slots=True, eq=False)
class Scalar:
    """A leaf. `name` is one of: string, int32, int64, number, boolean, quantity, int-or-string,
    time (RFC 3339, seconds), micro-time, duration, bytes (base64), any (untyped JSON)."""

    name: str
    rules: Any = None


@dataclass(slots=True, eq=False)
class Struct:
    """An object with known fields. `atomic`: server-side apply owns it as one value.
    `preserve_unknown`: fields that are not declared are kept (CRDs, RawExtension).
    `embedded`: it is a whole API object (CRDs, x-kubernetes-embedded-resource).
    `rules` belongs to CRD validation and is None for built-in types."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    atomic: bool = False
    preserve_unknown: bool = False
    embedded: bool = False
    rules: Any = None


@dataclass(slots=True, eq=False)
class Map:
    """An object with arbitrary keys, all values alike."""

    value: Node
    atomic: bool = False
    rules: Any = None


@dataclass(slots=True, eq=False)
class List:
    """An array. `list_type` is atomic, set or map; `keys` are the keys of a map's elements."""

    item: Node
    list_type: str = "atomic"
    keys: tuple[str, ...] = ()
    rules: Any = None


Node = Scalar | Struct | Map | List


@dataclass(slots=True, eq=False)
class Field:
    """A field of a Struct. `default` None means that there is none. `patch_strategy` is the
    comma-joined x-kubernetes-patch-strategy (merge, replace, retainKeys). `number` is the protobuf
    field number, 0 if unknown.

    `presence` says when Go prints the field: "omit" drops an empty value, "keep" keeps whatever was
    given (a pointer), "always" prints the zero value where nothing was given (`resources: {}`,
    `rules: null`), "null" is a pointer that prints null then (`selector: null`). `enum` lists the
    allowed values that OpenAPI shows. `go_type` is the Go type that decode errors name, where it does
    not follow from the node. `inline` lists the embedded structs that the field comes from, outermost
    first, with their protobuf numbers: VolumeSource in Volume."""

    node: Node
    required: bool = False
    default: Any = None
    nullable: bool = False
    patch_strategy: str = ""
    patch_merge_key: str = ""
    number: int = 0
    presence: str = "omit"
    enum: tuple[str, ...] = ()
    go_type: str = ""
    inline: tuple[tuple[str, int], ...] = ()


STRING: Final = Scalar("string")
INT32: Final = Scalar("int32")
INT64: Final = Scalar("int64")
NUMBER: Final = Scalar("number")
BOOLEAN: Final = Scalar("boolean")
QUANTITY: Final = Scalar("quantity")
INT_OR_STRING: Final = Scalar("int-or-string")
TIME: Final = Scalar("time")
MICRO_TIME: Final = Scalar("micro-time")
DURATION: Final = Scalar("duration")
BYTES: Final = Scalar("bytes")
ANY: Final = Scalar("any")
