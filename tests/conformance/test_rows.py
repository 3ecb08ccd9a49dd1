"""No row is forgotten, and the tables in the documentation are true."""

from __future__ import annotations

from tests.conformance.rows import ABSENT, API, CONTROLLERS, SIMULATED, marked, table
from tests.kubectl.site import ROOT


def test_every_row_has_a_test_or_a_reason() -> None:
    rows, found = {*API, *CONTROLLERS, *SIMULATED}, marked()
    assert set(found) <= rows, "no such row"
    assert rows - set(found) == set(ABSENT)


def test_the_tables_in_the_docs() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text()
    for rows in (API, CONTROLLERS, SIMULATED):
        assert table(rows) in page, "write the tables anew: python -m tests.conformance.rows"
