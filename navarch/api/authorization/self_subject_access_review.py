"""SelfSubjectAccessReview: may the caller act? Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authorization.k8s.io",
    version="v1",
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    singular="selfsubjectaccessreview",
    namespaced=False,
    type_name="io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    verbs=("create",),
)
