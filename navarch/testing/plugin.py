"""The pytest plugin: fixtures for tests against a cluster. It comes with `pip install navarch[test]`.

- `cluster`: a fresh simulated cluster of three nodes;
- `cluster_factory`: makes clusters of any shape, and closes them after the test;
- `live_cluster`: one in real time with an HTTP endpoint and a kubeconfig, for unchanged clients.

Nothing of Navarch is imported before a test asks for a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster
    from navarch.testing.live import LiveCluster


@pytest.fixture
def cluster_factory() -> Iterator[Callable[..., Cluster]]:
    """Takes the arguments of `navarch.testing.Cluster`."""
    from navarch.testing.cluster import Cluster

    with ExitStack() as stack:

        def make(*arguments: Any, **options: Any) -> Cluster:
            return stack.enter_context(Cluster(*arguments, **options))

        yield make


@pytest.fixture
def cluster(cluster_factory: Callable[..., Cluster]) -> Cluster:
    """A simulated cluster of three nodes, settled."""
    made = cluster_factory(nodes=3)
    made.settle()
    return made


@pytest.fixture
def live_cluster() -> Iterator[LiveCluster]:
    """A cluster of two nodes in real time: `live_cluster.kubeconfig`, `live_cluster.url`."""
    from navarch.testing.live import LiveCluster

    with LiveCluster(nodes=2) as live:
        yield live
