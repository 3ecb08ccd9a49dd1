"""What the two kinds of role binding share: defaults of subjects and the table row."""

from __future__ import annotations

from typing import Any, Final

from navarch.api.cells import age, name
from navarch.api.defaulting import each, fill
from navarch.schema.types import Tree

GROUP: Final = "rbac.authorization.k8s.io"


def default_binding(tree: Tree) -> None:
    for subject in each(tree, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            fill(subject, "apiGroup", GROUP)
    if isinstance(role := tree.get("roleRef"), dict):
        fill(role, "apiGroup", GROUP)


def binding_cells(tree: Tree, now: float) -> list[Any]:
    role = tree.get("roleRef") or {}
    users, groups, accounts = [], [], []
    for subject in each(tree, "subjects"):
        if subject.get("kind") == "ServiceAccount":
            accounts.append(f"{subject.get('namespace', '')}/{subject.get('name', '')}")
        elif subject.get("kind") == "User":
            users.append(subject.get("name", ""))
        elif subject.get("kind") == "Group":
            groups.append(subject.get("name", ""))
    shown = [", ".join(column) for column in (users, groups, accounts)]
    return [name(tree), f"{role.get('kind', '')}/{role.get('name', '')}", age(tree, now), *shown]
