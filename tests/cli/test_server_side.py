"""Managed fields on their way from client-side to server-side apply."""

from __future__ import annotations

from typing import Any

from navarch.cli.server_side import upgraded


def entry(manager: str, operation: str, *fields: str, subresource: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"manager": manager, "operation": operation, "fieldsV1": {f"f:{f}": {} for f in fields}}
    return found | ({"subresource": subresource} if subresource else {})


CLIENT = "kubectl-client-side-apply"


def test_fields_become_those_of_the_server_side_manager() -> None:
    status = entry(CLIENT, "Update", "c", subresource="status")
    before = [entry("kubectl", "Apply", "a"), entry(CLIENT, "Update", "b"), entry("else", "Update", "d"), status]
    after = upgraded(before, {CLIENT}, "kubectl")
    assert after == [entry("kubectl", "Apply", "a", "b"), entry("else", "Update", "d"), status]


def test_without_an_entry_of_its_own_the_manager_takes_the_other_ones() -> None:
    assert upgraded([entry(CLIENT, "Update", "b")], {CLIENT}, "kubectl") == [entry("kubectl", "Apply", "b")]


def test_nothing_to_hand_over() -> None:
    before = [entry("kubectl", "Apply", "a"), entry(CLIENT, "Update", "b")]
    assert upgraded(before, {"other"}, "kubectl") == before
