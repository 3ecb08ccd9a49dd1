"""YAML as goyaml writes it, read back by a YAML reader."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from navarch.base.yaml import load
from navarch.cli.output.yaml import dump

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=120)
TREES = st.dictionaries(
    st.text("abcXYZ09./-_", min_size=1, max_size=12),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcyn", min_size=1), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_what_is_written_reads_back(tree: dict[str, object]) -> None:
    assert load(dump(tree)) == tree


def test_forms_of_text() -> None:
    tree = {"a": "yes", "b": "12", "c": "x: y", "d": "two\nlines", "e": "", "f": "- x", "n": "~", "p": "plain text"}
    assert dump(tree) == (
        'a: "yes"\nb: "12"\nc: \'x: y\'\nd: |-\n  two\n  lines\ne: ""\nf: \'- x\'\n"n": "~"\np: plain text\n'
    )
