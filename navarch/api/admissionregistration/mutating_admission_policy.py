"""MutatingAdmissionPolicy: CEL expressions that change objects on admission."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column(
        "Mutations", "Mutation indicates the number of mutations rules defined in this configuration", type="integer"
    ),
    Column("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy"),
    AGE,
)


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
)
