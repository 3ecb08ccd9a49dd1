"""What may change in a pod that waits behind a scheduling gate."""

from __future__ import annotations

import copy
from typing import Any

from navarch.api.validation.pod import update_errors

NEEDED = "requiredDuringSchedulingIgnoredDuringExecution"


def requirement(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists"}


def gated(*terms: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}], "schedulingGates": [{"name": "g"}], **spec}
    if terms:
        node_terms = [{"matchExpressions": term} for term in terms]
        given["affinity"] = {"nodeAffinity": {NEEDED: {"nodeSelectorTerms": node_terms}}}
    return {"metadata": {"name": "p"}, "spec": given}


def texts(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    return [str(error) for error in update_errors(copy.deepcopy(new), old)]


def test_a_node_selector_grows() -> None:
    old = gated(nodeSelector={"a": "b"})
    assert not texts(gated(nodeSelector={"a": "b", "c": "d"}), old)
    assert texts(gated(nodeSelector={"a": "x"}), old) == [
        'spec.nodeSelector: Invalid value: {"a":"x"}: only additions to spec.nodeSelector are allowed '
        "(no mutations or deletions)"
    ]
    assert not texts(gated(nodeSelector={"a": "b"}), gated())


def test_the_terms_of_an_affinity_are_narrowed() -> None:
    where = f"spec.affinity.nodeAffinity.{NEEDED}.nodeSelectorTerms"
    old = gated([requirement("a")])
    assert not texts(gated([requirement("a"), requirement("b")]), old)
    assert not texts(gated([requirement("a")]), gated())
    assert texts(gated([requirement("b")]), old) == [
        f'{where}[0]: Invalid value: {{"MatchExpressions":[{{"Key":"b","Operator":"Exists","Values":null}}],'
        '"MatchFields":null}: only additions are allowed (no mutations or deletions)'
    ]
    (found,) = texts(gated([requirement("a")], [requirement("b")]), old)
    assert found.startswith(f"{where}: Invalid value: [")
    assert found.endswith("no additions/deletions to non-empty NodeSelectorTerms list are allowed")


def test_gates_only_go() -> None:
    more = gated(schedulingGates=[{"name": "g"}, {"name": "h"}])
    assert texts(more, gated()) == [
        "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'h'"
    ]
