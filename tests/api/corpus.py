"""Recorded answers of a real control plane, for tests that compare with them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.recordings import DIRECTORY as CORPUS

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no recorded corpus at {CORPUS}: set NAVARCH_CORPUS")


def records(name: str) -> Iterator[dict[str, Any]]:
    """The records of a corpus file, gzipped or not."""
    path = CORPUS / name
    data = path.read_bytes()
    text = gzip.decompress(data) if name.endswith(".gz") else data
    for line in text.splitlines():
        yield json.loads(line)


def document(name: str) -> Any:
    """The answer in a corpus file that holds a single record."""
    return json.loads((CORPUS / name).read_text())["response"]["body"]
