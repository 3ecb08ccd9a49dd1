"""SelfSubjectReview: who the server thinks the caller is. Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authentication.k8s.io",
    version="v1",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    singular="selfsubjectreview",
    namespaced=False,
    type_name="io.k8s.api.authentication.v1.SelfSubjectReview",
    verbs=("create",),
)
