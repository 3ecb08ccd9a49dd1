"""MutatingAdmissionPolicy: CEL expressions that change objects on admission."""

from __future__ import annotations

from typing import Any

from navarch.api.admissionregistration.match import default_match_resources
from navarch.api.cells import age, name, param_kind
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer, struct
from navarch.api.kind import Column, Kind
from navarch.api.validation.admission_policies import mutating_policy_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Mutations", "Mutation indicates the number of mutations rules defined in this configuration", type="integer"
    ),
    Column("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy"),
    AGE,
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    fill_pointer(spec, "failurePolicy", "Fail")
    default_match_resources(spec.get("matchConstraints"))


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), len(spec.get("mutations") or ()), param_kind(spec), age(tree, now)]


KIND = Kind(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    namespaced=False,
    type_name="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
    categories=("api-extensions",),
    storage_version_hash="LYmCf+UMVdg=",
    columns=COLUMNS,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    cells=_cells,
    validate=mutating_policy_errors,
)
