"""Every typed view against the fact tables: its fields exist, with a type that can hold the wire's."""

from __future__ import annotations

import typing
from types import UnionType

import msgspec
import pytest

from navarch.api.views import (
    apps,
    autoscaling,
    batch,
    coordination,
    core,
    discovery,
    meta,
    networking,
    node,
    pod,
    policy,
    rbac,
    service,
    volume,
)
from navarch.api.views.base import View
from navarch.schema.facts import load
from navarch.schema.types import List, Map, Scalar, Struct

CORE = "io.k8s.api.core.v1."
HOMES = {
    meta: "io.k8s.apimachinery.pkg.apis.meta.v1.",
    pod: CORE,
    volume: CORE,
    node: CORE,
    service: CORE,
    core: CORE,
    apps: "io.k8s.api.apps.v1.",
    autoscaling: "io.k8s.api.autoscaling.v2.",
    batch: "io.k8s.api.batch.v1.",
    coordination: "io.k8s.api.coordination.v1.",
    discovery: "io.k8s.api.discovery.v1.",
    networking: "io.k8s.api.networking.v1.",
    policy: "io.k8s.api.policy.v1.",
    rbac: "io.k8s.api.rbac.v1.",
}
VIEWS = [
    (view, prefix + name)
    for module, prefix in HOMES.items()
    for name, view in vars(module).items()
    if isinstance(view, type) and issubclass(view, View) and view is not View and view.__module__ == module.__name__
]
SCALARS = {
    str: {"string", "quantity", "time", "micro-time", "duration", "bytes", "int-or-string"},
    int: {"int32", "int64", "int-or-string"},
    bool: {"boolean"},
    float: {"number"},
}


def fits(hint: object, wire: object) -> bool:
    if hint is typing.Any:
        return True
    if isinstance(hint, UnionType):
        return any(fits(one, wire) for one in typing.get_args(hint) if one is not type(None))
    origin = typing.get_origin(hint)
    if origin is tuple:
        return isinstance(wire, List) and fits(typing.get_args(hint)[0], wire.item)
    if origin is not None:
        return isinstance(wire, Map) and fits(typing.get_args(hint)[1], wire.value)
    if isinstance(hint, type) and issubclass(hint, View):
        return isinstance(wire, Struct) and wire.name.endswith("." + hint.__name__)
    assert isinstance(hint, type)
    return isinstance(wire, Scalar) and wire.name in SCALARS[hint]


@pytest.mark.parametrize(("view", "type_name"), VIEWS, ids=[name for _, name in VIEWS])
def test_a_view_is_a_part_of_its_type(view: type[View], type_name: str) -> None:
    facts = load().type(type_name)
    hints = typing.get_type_hints(view)
    wrong = [
        field.encode_name
        for field in msgspec.structs.fields(view)
        if field.encode_name not in facts.fields or not fits(hints[field.name], facts.fields[field.encode_name].node)
    ]
    assert wrong == []
