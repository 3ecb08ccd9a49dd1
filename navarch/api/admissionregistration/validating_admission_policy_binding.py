"""ValidatingAdmissionPolicyBinding: where a validating policy applies, and what a violation does."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.base import names

COLUMNS = (
    NAME,
    Column("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
    Column("ParamRef", "ParamRef indicates the param resource which sets the configuration param"),
    AGE,
)


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
    name_errors=names.path_segment_errors,
)
