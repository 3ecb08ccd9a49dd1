"""Binding: the scheduler's word that a pod goes to a node. Never stored."""

from __future__ import annotations

from navarch.api.kind import Kind

KIND = Kind(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    singular="binding",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Binding",
    verbs=("create",),
)
