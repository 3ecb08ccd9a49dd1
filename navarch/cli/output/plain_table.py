"""`get --server-print=false`: name and age, made here from the objects alone."""

from __future__ import annotations

import time

from navarch.base import times
from navarch.cli.output.printer import Print
from navarch.cli.output.tables import Aligner
from navarch.schema.types import Tree


def plain_printer(*, namespace: bool, no_headers: bool) -> Print:
    def show(tree: Tree) -> str:
        rows = [] if no_headers else [(["NAMESPACE"] if namespace else []) + ["NAME", "AGE"]]
        for item in tree["items"] if isinstance(tree.get("items"), list) else [tree]:
            metadata = item.get("metadata") or {}
            row = [metadata.get("namespace", "")] if namespace else []
            rows.append([*row, metadata.get("name", ""), age(metadata.get("creationTimestamp"))])
        return Aligner().lay_out(rows)

    return show


def age(timestamp: str | None) -> str:
    """How long ago, as tables say it: `5m3s`."""
    return times.age(timestamp, time.time())
