"""ValidatingAdmissionPolicyBinding: where a validating policy applies, and what a violation does."""

from __future__ import annotations

from typing import Any

from navarch.api.admissionregistration.match import default_match_resources
from navarch.api.cells import age, name, param_ref
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.admission_policies import validating_binding_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
    Column("ParamRef", "ParamRef indicates the param resource which sets the configuration param"),
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
    kind="ValidatingAdmissionPolicyBinding",
    plural="validatingadmissionpolicybindings",
    singular="validatingadmissionpolicybinding",
    namespaced=False,
    type_name="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    categories=("api-extensions",),
    storage_version_hash="v9715VZqakg=",
    columns=COLUMNS,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    cells=_cells,
    validate=validating_binding_errors,
)
