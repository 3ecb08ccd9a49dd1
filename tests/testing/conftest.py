"""A small cluster for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from navarch.testing import Cluster


@pytest.fixture
def c() -> Iterator[Cluster]:
    with Cluster(nodes=3, seed=1) as cluster:
        yield cluster
