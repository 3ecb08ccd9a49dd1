"""MutatingAdmissionPolicyBinding: where a mutating policy applies, and its parameters."""

from __future__ import annotations

from typing import Any

from navarch.api.admissionregistration.match import default_match_resources
from navarch.api.cells import age, name, param_ref
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.admission_policies import mutating_binding_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
    Column("ParamRef", "ParamRef indicates the param resource which sets the configration param"),
    AGE,
)


def _default(tree: Tree) -> None:
    default_match_resources((tree.get("spec") or {}).get("matchResources"))


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), spec.get("policyName", ""), param_ref(spec), age(tree, now)]


KIND = Kind(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="MutatingAdmissionPolicyBinding",
    plural="mutatingadmissionpolicybindings",
    singular="mutatingadmissionpolicybinding",
    namespaced=False,
    type_name="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
    categories=("api-extensions",),
    storage_version_hash="90V5FRZZ3Zg=",
    columns=COLUMNS,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    cells=_cells,
    validate=mutating_binding_errors,
)
