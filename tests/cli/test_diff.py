"""What diff hides of secrets, and the program that it runs."""

from __future__ import annotations

import pytest

from navarch.cli.verbs.diff import _program, masked

LAST = "kubectl.kubernetes.io/last-applied-configuration"


def test_a_secrets_values_are_hidden_but_not_that_they_differ() -> None:
    before = {"data": {"same": "YQ==", "other": "YQ==", "gone": "YQ=="}, "metadata": {"annotations": {LAST: "{...}"}}}
    after = {"data": {"same": "YQ==", "other": "Yg==", "new": "YQ=="}}
    old, new = masked(before, after)
    assert old is not None and new is not None
    assert old["data"] == {"same": "***", "other": "*** (before)", "gone": "***"}
    assert new["data"] == {"same": "***", "other": "*** (after)", "new": "***"}
    assert old["metadata"]["annotations"][LAST] == "*** (before)"
    assert before["data"]["other"] == "YQ=="


def test_a_new_secret_has_nothing_to_differ_from() -> None:
    assert masked(None, {"data": {"a": "YQ=="}}) == (None, {"data": {"a": "***"}, "metadata": {}})


@pytest.mark.parametrize(
    ("text", "words"),
    [("", ["diff", "-u", "-N"]), ("colordiff -N -u", ["colordiff", "-N", "-u"]), ("d;x -u $(id)", ["d;x", "-u"])],
)
def test_the_program(text: str, words: list[str]) -> None:
    assert _program(text) == words
