"""LocalSubjectAccessReview: may a subject act in this namespace? Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authorization.k8s.io",
    version="v1",
    kind="LocalSubjectAccessReview",
    plural="localsubjectaccessreviews",
    singular="localsubjectaccessreview",
    namespaced=True,
    type_name="io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    verbs=("create",),
)
