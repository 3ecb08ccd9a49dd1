"""FlowSchema: which requests belong to which priority level."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, at, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status, reset_status
from navarch.api.validation.flow_control import flow_schema_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("PriorityLevel", "`name` is the name of the priority level configuration being referenced Required."),
    Column(
        "MatchingPrecedence",
        "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The"
        " chosen FlowSchema is among those with the numerically lowest (which we take to be logically"
        " highest) MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. "
        "Note that if the precedence is not specified, it will be set to 1000 as default.",
    ),
    Column(
        "DistinguisherMethod",
        "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match "
        "this schema. `nil` specifies that the distinguisher is disabled and thus will always be the "
        "empty string.",
    ),
    AGE,
    Column("MissingPL", "references a broken or non-existent PriorityLevelConfiguration"),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    dangling = [
        c.get("status", "") for c in each(tree.get("status") or {}, "conditions") if c.get("type") == "Dangling"
    ]
    return [
        name(tree),
        at(spec, "priorityLevelConfiguration", "name") or "",
        spec.get("matchingPrecedence", 0),
        at(spec, "distinguisherMethod", "type") or NONE,
        age(tree, now),
        dangling[0] if dangling else "?",
    ]


KIND = Kind(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="FlowSchema",
    plural="flowschemas",
    singular="flowschema",
    namespaced=False,
    type_name="io.k8s.api.flowcontrol.v1.FlowSchema",
    subresources=(status_of("FlowSchema"),),
    storage_version_hash="GJVAJZSZBIw=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    has_generation=True,
    default=_default,
    table_order=lambda tree: ((tree.get("spec") or {}).get("matchingPrecedence", 0), tree["metadata"]["name"]),
    cells=_cells,
    validate=flow_schema_errors,
)
