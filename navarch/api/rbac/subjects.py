"""Defaults of role bindings: which API group a subject and a role belong to."""

from __future__ import annotations

from typing import Final

from navarch.api.defaulting import each, fill
from navarch.schema.types import Tree

GROUP: Final = "rbac.authorization.k8s.io"


def default_binding(tree: Tree) -> None:
    for subject in each(tree, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            fill(subject, "apiGroup", GROUP)
    if isinstance(role := tree.get("roleRef"), dict):
        fill(role, "apiGroup", GROUP)
