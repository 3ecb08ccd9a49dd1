"""Clusters for live tests: one for the whole session, started once, and a namespace in it for each test."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.live.cluster import LiveCluster, Namespace

#: Where Google's package of tools keeps them.
OTHER_KUBECTLS = Path("/usr/lib/google-cloud-sdk/bin")


_namespaces = count(1)


@contextmanager
def running(name: str, *words: str) -> Iterator[LiveCluster]:
    """A started cluster in a directory of its own, which is gone afterwards."""
    # Sockets are below it, and their names may have 107 letters at most.
    place = Path(tempfile.mkdtemp(prefix="navarch-live-"))
    cluster = LiveCluster(place / "home", name)
    try:
        cluster.start(*words)
        yield cluster
    finally:
        cluster.delete()
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def cluster() -> Iterator[LiveCluster]:
    with running(f"live-{os.getpid()}") as started:
        yield started


@pytest.fixture
def namespace(cluster: LiveCluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """An empty namespace. What is in it goes away by itself after the test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    # A second attempt must not meet the first one's namespace on its way out.
    name = f"{name}-{next(_namespaces)}"
    cluster.kubectl("create", "namespace", name)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kubectl_version`: the oldest and the newest of the other versions of kubectl on this machine."""
    if "kubectl_version" in metafunc.fixturenames:
        found = sorted(str(path) for path in OTHER_KUBECTLS.glob("kubectl.1.*"))
        chosen = [found[0], found[-1]] if len(found) > 1 else found
        metafunc.parametrize("kubectl_version", chosen, ids=[path.rpartition(".")[2] for path in chosen])
