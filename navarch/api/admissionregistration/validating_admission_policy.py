"""ValidatingAdmissionPolicy: CEL expressions that refuse objects on admission."""

from __future__ import annotations

from typing import Any

from navarch.api.admissionregistration.match import default_match_resources
from navarch.api.cells import age, name, param_kind
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status, reset_status
from navarch.api.validation.admission_policies import validating_policy_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Validations",
        "Validations indicates the number of validation rules defined in this configuration",
        type="integer",
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
    return [name(tree), len(spec.get("validations") or ()), param_kind(spec), age(tree, now)]


KIND = Kind(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="ValidatingAdmissionPolicy",
    plural="validatingadmissionpolicies",
    singular="validatingadmissionpolicy",
    namespaced=False,
    type_name="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    categories=("api-extensions",),
    subresources=(status_of("ValidatingAdmissionPolicy"),),
    storage_version_hash="6OxvlMmQ6is=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    cells=_cells,
    validate=validating_policy_errors,
)
