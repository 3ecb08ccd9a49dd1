"""What reconciling adds, removes and says."""

from __future__ import annotations

from typing import Any

from navarch.cli.rbac_reconcile import reconcile, report

GROUP = "rbac.authorization.k8s.io"


def role(*rules: tuple[str, str], **metadata: Any) -> dict[str, Any]:
    """Rules as (verbs, resources), each separated by blanks."""
    said = [{"verbs": v.split(), "apiGroups": [""], "resources": r.split()} for v, r in rules]
    return {"kind": "Role", "metadata": {"name": "r", **metadata}, "rules": said}


def binding(to: str, *users: str) -> dict[str, Any]:
    subjects = [{"kind": "User", "apiGroup": GROUP, "name": name} for name in users]
    metadata = {"name": "b", "uid": "1", "resourceVersion": "2"}
    return {"kind": "RoleBinding", "metadata": metadata, "roleRef": {"name": to}, "subjects": subjects}


def test_a_new_role() -> None:
    result = reconcile(None, role(("get list", "pods")), remove_extra=False)
    assert (result.operation, len(result.missing)) == ("create", 2)
    text = "\t\t{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n"
    assert report(result, "Role").startswith("\treconciliation required create\n\tmissing rules added:\n" + text)


def test_what_is_covered_is_not_missing() -> None:
    for present in (role(("*", "pods")), role(("get list watch", "*")), role(("get", "pods"), ("list", "pods"))):
        result = reconcile(present, role(("get list", "pods")), remove_extra=False)
        assert (result.operation, report(result, "Role")) == ("none", "")


def test_missing_rules_are_added_and_extra_ones_stay_unless_told() -> None:
    live, wanted = role(("get", "pods"), ("delete", "nodes")), role(("get", "pods"), ("list", "pods"))
    kept = reconcile(live, wanted, remove_extra=False)
    assert [rule["verbs"] for rule in kept.tree["rules"]] == [["get"], ["delete"], ["list"]]
    removed = reconcile(live, wanted, remove_extra=True)
    assert removed.tree["rules"] == wanted["rules"]
    assert "extra rules removed:\n\t\t{Verbs:[delete]" in report(removed, "Role")


def test_labels_are_merged_and_opting_out_is_told() -> None:
    live = role(
        ("get", "pods"), labels={"a": "1"}, annotations={f"{GROUP.replace('k8s', 'kubernetes')}/autoupdate": "false"}
    )
    result = reconcile(live, role(("get", "pods"), labels={"b": "2"}), remove_extra=False)
    assert (result.operation, result.protected) == ("update", True)
    assert result.tree["metadata"]["labels"] == {"a": "1", "b": "2"}
    assert "but object opted out" in report(result, "Role")


def test_bindings() -> None:
    live = binding("view", "a", "b")
    more = reconcile(live, binding("view", "b", "c"), remove_extra=False)
    assert [s["name"] for s in more.tree["subjects"]] == ["a", "b", "c"]
    exact = reconcile(live, binding("view", "b", "c"), remove_extra=True)
    assert [s["name"] for s in exact.tree["subjects"]] == ["b", "c"]
    assert f"\t\t{{Kind:User APIGroup:{GROUP} Name:a Namespace:}}\n" in report(exact, "RoleBinding")
    other = reconcile(live, binding("edit", "a"), remove_extra=False)
    assert other.operation == "recreate" and "uid" not in other.tree["metadata"]
