"""Columns as kubectl aligns them."""

from __future__ import annotations

from navarch.cli.output.tables import Aligner, TableOptions, cells, header
from navarch.cli.output.tabs import elastic

COLUMNS = [{"name": "Name"}, {"name": "Status"}, {"name": "Node", "priority": 1}]
ROW = {
    "cells": ["web-0", "Running", None],
    "object": {"metadata": {"namespace": "a", "labels": {"app": "web", "tier": "x"}}},
}


def test_short_columns_are_six_wide_and_the_last_is_not_padded() -> None:
    assert Aligner().lay_out([["A", "B", "C"], ["x", "long-one", ""]]) == "A     B          C\nx     long-one   \n"


def test_widths_stay_for_later_rows() -> None:
    aligner = Aligner()
    aligner.lay_out([["long-name", "B"]])
    assert aligner.lay_out([["x", "y"]]) == "x           y\n"


def test_namespace_kind_and_labels() -> None:
    options = TableOptions(namespace=True, prefix="pod", show_labels=True, label_columns=("app",))
    assert header(COLUMNS, options) == ["NAMESPACE", "NAME", "STATUS", "APP", "LABELS"]
    assert cells(COLUMNS, ROW, options) == ["a", "pod/web-0", "Running", "web", "app=web,tier=x"]


def test_only_neighbouring_lines_share_a_column() -> None:
    assert elastic("a:\t1\nlong:\t2\nheading\nb:\t3\n") == "a:     1\nlong:  2\nheading\nb:  3\n"
