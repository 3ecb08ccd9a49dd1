"""What all typed views share: how they are decoded, and the empty mapping.

A view is read-only. It is decoded from an object's bytes in microseconds and may leave out fields, so
it is never written back: writers send patches, or whole trees.

Worked example:
    >>> decode(Pod, b'{"metadata":{"name":"web"},"spec":{"nodeName":"n1"}}').spec.nodeName
    'n1'
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeVar

import msgspec


class View(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The base of all views."""


#: Immutable, so that every view can share it.
EMPTY: Mapping[str, str] = MappingProxyType({})

V = TypeVar("V", bound=View)


@cache
def decoder(view: type[V]) -> msgspec.json.Decoder[V]:
    """The compiled decoder of a view type."""
    return msgspec.json.Decoder(view)


def decode(view: type[V], raw: bytes) -> V:
    """The view of an object's bytes; null counts as absent, as some objects write empty lists.
    Raises: msgspec.ValidationError if a field has the wrong type."""
    try:
        view_of: V = decoder(view).decode(raw)
        return view_of
    except msgspec.ValidationError:
        return msgspec.convert(_without_nulls(msgspec.json.decode(raw)), type=view)


def _without_nulls(tree: object) -> object:
    if isinstance(tree, dict):
        return {k: _without_nulls(v) for k, v in tree.items() if v is not None}
    if isinstance(tree, list):
        return [_without_nulls(v) for v in tree]
    return tree
