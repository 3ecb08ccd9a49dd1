"""SelfSubjectRulesReview: what the caller may do in a namespace. Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authorization.k8s.io",
    version="v1",
    kind="SelfSubjectRulesReview",
    plural="selfsubjectrulesreviews",
    singular="selfsubjectrulesreview",
    namespaced=False,
    type_name="io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    verbs=("create",),
)
