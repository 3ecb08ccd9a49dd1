"""SubjectAccessReview: may a subject act? Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authorization.k8s.io",
    version="v1",
    kind="SubjectAccessReview",
    plural="subjectaccessreviews",
    singular="subjectaccessreview",
    namespaced=False,
    type_name="io.k8s.api.authorization.v1.SubjectAccessReview",
    verbs=("create",),
)
