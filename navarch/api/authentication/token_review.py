"""TokenReview: whose token this is. Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="authentication.k8s.io",
    version="v1",
    kind="TokenReview",
    plural="tokenreviews",
    singular="tokenreview",
    namespaced=False,
    type_name="io.k8s.api.authentication.v1.TokenReview",
    verbs=("create",),
)
