"""What approving and denying do to a request's conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from navarch.cli.errors import CliError
from navarch.cli.verbs.certificate import APPROVE, DENY, decided

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OPEN: dict[str, Any] = {"metadata": {"name": "r"}, "spec": {}}


def test_a_decision_is_a_condition() -> None:
    tree = decided(OPEN, APPROVE, NOW, False)
    assert tree is not None and tree["status"]["conditions"] == [
        {
            "type": "Approved",
            "status": "True",
            "reason": "KubectlApprove",
            "message": "This CSR was approved by kubectl certificate approve.",
            "lastUpdateTime": "2030-01-02T03:04:05Z",
        }
    ]
    assert "status" not in OPEN


def test_the_same_decision_twice_changes_nothing_unless_forced() -> None:
    tree = decided(OPEN, DENY, NOW, False)
    assert tree is not None
    assert decided(tree, DENY, NOW, False) is None
    again = decided(tree, DENY, NOW.replace(year=2031), True)
    assert again is not None
    assert [c["lastUpdateTime"][:4] for c in again["status"]["conditions"]] == ["2031"]


def test_a_decision_cannot_be_turned_round() -> None:
    tree = decided(OPEN, APPROVE, NOW, False)
    assert tree is not None
    with pytest.raises(CliError, match='certificate signing request "r" is already Approved'):
        decided(tree, DENY, NOW, True)
