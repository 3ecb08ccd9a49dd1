"""The bootstrap objects are those of a real cluster; reconciling them adds and never takes away."""

from __future__ import annotations

import copy
import json

import pytest

from navarch.schema.types import Tree
from navarch.server.authz.bootstrap_policy import AUTOUPDATE, bootstrap_objects, reconcile
from tests.server import recorded

PLURALS = ["clusterroles", "clusterrolebindings", "roles", "rolebindings"]


@recorded.needs_corpus
@pytest.mark.parametrize("plural", PLURALS)
def test_objects_are_those_of_a_fresh_cluster(plural: str) -> None:
    path = recorded.ROOT / "bootstrap" / f"{plural}.rbac.authorization.k8s.io.json"
    items = json.loads(path.read_bytes())["response"]["body"]["items"]
    ours = [o for o in bootstrap_objects() if o["kind"].lower() + "s" == plural]
    for item in items:
        for stamped in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            item["metadata"].pop(stamped, None)
    assert [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in ours] == items


def role(rules: list[Tree], annotations: dict[str, str] | None = None) -> Tree:
    return {
        "metadata": {"name": "r", "labels": {}, "annotations": {AUTOUPDATE: "true"} | (annotations or {})},
        "rules": rules,
    }


def rule(resource: str, *verbs: str) -> Tree:
    return {"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}


def test_nothing_is_written_for_what_is_there() -> None:
    for tree in bootstrap_objects():
        assert reconcile(tree, copy.deepcopy(tree)) is None


def test_missing_objects_are_created_and_missing_rules_added() -> None:
    wanted = role([rule("pods", "get", "list")])
    assert reconcile(wanted, None) == wanted
    written = reconcile(wanted, role([rule("pods", "get"), rule("nodes", "get")]))
    assert written is not None
    assert written["rules"] == [rule("pods", "get"), rule("nodes", "get"), rule("pods", "list")]


def test_autoupdate_false_is_left_alone() -> None:
    assert reconcile(role([rule("pods", "get")]), role([], {AUTOUPDATE: "false"})) is None


def test_subjects_are_added_and_kept() -> None:
    wanted = next(o for o in bootstrap_objects() if o["kind"] == "ClusterRoleBinding")
    existing = copy.deepcopy(wanted)
    existing["subjects"] = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}]
    written = reconcile(wanted, existing)
    assert written is not None
    assert [s["name"] for s in written["subjects"]] == ["eve", "system:masters"]
