"""The RBAC objects that every cluster starts with, and how they are kept up to date.

At start the server reads what exists and writes what `reconcile` returns. Objects annotated with
`rbac.authorization.kubernetes.io/autoupdate: "false"` are left alone. Rules and subjects are only
ever added: what an administrator granted on top stays.

Source: the objects of a fresh Kubernetes 1.36 (`bootstrap_policy.json`, written by
`tools/bootstrap_policy.py`); rbac reconciliation rules.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson

from navarch.schema.types import Tree
from navarch.server.authz.aggregation import aggregated_rules
from navarch.server.authz.rules import rules_of, uncovered

API_VERSION = "rbac.authorization.k8s.io/v1"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
LABEL = "kubernetes.io/bootstrapping"


def bootstrap_objects() -> list[Tree]:
    """Fresh trees of all bootstrap objects: ClusterRoles, their bindings, Roles, their bindings.
    Aggregated ClusterRoles already hold the rules that aggregation gives them."""
    objects = [_tree(kind, facts) for kind, all_facts in _facts().items() for facts in all_facts]
    roles = [tree for tree in objects if tree["kind"] == "ClusterRole"]
    # Aggregation goes in layers (view -> edit -> admin), so the union is repeated until it rests.
    changed = True
    while changed:
        changed = False
        for role in roles:
            if "aggregationRule" in role:
                rules = aggregated_rules(role, roles)
                if rules != role.get("rules"):
                    role["rules"] = rules
                    changed = True
    return objects


def reconcile(wanted: Tree, existing: Tree | None) -> Tree | None:
    """What has to be written for `wanted`, None if nothing. A changed roleRef means that the binding
    has to be deleted and created, so the caller compares `roleRef` of both."""
    if existing is None:
        return wanted
    annotations = existing["metadata"].get("annotations") or {}
    if annotations.get(AUTOUPDATE) == "false":
        return None
    merged = orjson.loads(orjson.dumps(existing))
    metadata = merged["metadata"]
    for field in ("labels", "annotations"):
        metadata[field] = {**wanted["metadata"][field], **(metadata.get(field) or {})}
    if "roleRef" in wanted:
        merged["roleRef"] = wanted["roleRef"]
        have = merged.get("subjects") or []
        merged["subjects"] = have + [subject for subject in wanted.get("subjects") or () if subject not in have]
    elif "aggregationRule" in wanted:
        merged["aggregationRule"] = wanted["aggregationRule"]
    else:
        missing = uncovered(rules_of(existing), rules_of(wanted))
        merged["rules"] = (merged.get("rules") or []) + [rule.to_dict() for rule in missing]
    return merged if _differs(merged, existing) else None


@cache
def _facts() -> dict[str, list[Tree]]:
    raw = files("navarch.server.authz").joinpath("bootstrap_policy.json").read_bytes()
    facts: dict[str, list[Tree]] = orjson.loads(raw)
    return facts


def _tree(kind: str, facts: Tree) -> Tree:
    metadata: Tree = {"name": facts["name"]}
    if "namespace" in facts:
        metadata["namespace"] = facts["namespace"]
    metadata["labels"] = {LABEL: "rbac-defaults", **facts.get("labels", {})}
    metadata["annotations"] = {AUTOUPDATE: "true"}
    tree: Tree = {"kind": kind, "apiVersion": API_VERSION, "metadata": metadata}
    if "aggregationRule" in facts:
        tree["aggregationRule"] = facts["aggregationRule"]
    if "rules" in facts:
        tree["rules"] = [{key: list(values) for key, values in rule.items()} for rule in facts["rules"]]
    if "role" in facts:
        if facts["subjects"]:
            tree["subjects"] = [_subject(*subject) for subject in facts["subjects"]]
        tree["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": facts["role"][0], "name": facts["role"][1]}
    return tree


def _subject(kind: str, name: str, namespace: str = "") -> Tree:
    if kind == "ServiceAccount":
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}


def _differs(one: Tree, other: Tree) -> bool:
    keys = ("rules", "aggregationRule", "subjects", "roleRef")
    return any((one.get(k) or None) != (other.get(k) or None) for k in keys) or any(
        (one["metadata"].get(k) or {}) != (other["metadata"].get(k) or {}) for k in ("labels", "annotations")
    )
