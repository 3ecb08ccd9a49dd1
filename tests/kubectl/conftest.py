"""One server for the whole session, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kubectl.programs import MINOR, found, ours
from tests.kubectl.site import Kubectl, Site, served

PROGRAMS = found()
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(params=("navarch", "kubectl"))
def k(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Kubectl]:
    """kubectl in a new namespace: our own, and the real one."""
    if request.param == "kubectl" and MINOR not in PROGRAMS:
        pytest.skip("NO KUBECTL ON THIS MACHINE: its command suite is run with our own alone")
    program = PROGRAMS[MINOR] if request.param == "kubectl" else ours(site.directory)
    with in_new_namespace(site, tmp_path, program) as k:
        yield k


@contextmanager
def in_new_namespace(site: Site, directory: Path, program: str) -> Iterator[Kubectl]:
    """What is left in the namespace afterwards goes by itself, nobody waits for that."""
    name = f"ns-{next(_NUMBERS)}"
    site.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    k = Kubectl(site, program, name, directory)
    k.until("serviceaccounts", bool)
    k.until("configmaps", bool)
    try:
        yield k
    finally:
        site.request("DELETE", f"/api/v1/namespaces/{name}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "suite(*names): the suites of kubectl's own tests that a test stands for")
