"""The whole recording of a real API server, replayed: what matched once must go on matching.

`python -m tests.corpus` lists every miss with its reason, and raises the floors.
"""

from __future__ import annotations

import pytest

from tests.corpus.files import FILES, floors, outcome_of
from tests.corpus.reasons import reason
from tests.corpus.replay import directory


@pytest.mark.parametrize("name", FILES)
def test_recorded_answers(name: str) -> None:
    if not directory().is_dir():
        pytest.skip(f"NO RECORDED ANSWERS at {directory()}: set NAVARCH_CORPUS. Nothing was compared.")
    outcome = outcome_of(name)
    print(f"{name}: {outcome.exact} of {outcome.total} exact ({outcome.share:.1%})")
    missed = [f"{key} [{reason(outcome.records[key], wrong)}]: {wrong[0]}" for key, wrong in outcome.misses.items()]
    assert outcome.exact >= floors()[name], "\n".join(missed[:100])
