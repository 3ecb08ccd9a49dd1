"""No suite is forgotten, and the table in the documentation is true."""

from __future__ import annotations

from tests.kubectl.site import ROOT
from tests.kubectl.suites import ABSENT, SUITES, marked, table


def test_every_suite_has_a_test_or_a_reason() -> None:
    found = marked()
    assert set(found) <= set(SUITES)
    assert set(SUITES) - set(found) == set(ABSENT)


def test_the_table_in_the_docs() -> None:
    assert table() in (ROOT / "docs" / "kubectl.md").read_text(), "write the table anew: python -m tests.kubectl.suites"
