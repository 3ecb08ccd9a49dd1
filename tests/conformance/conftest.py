"""One server for the session, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.api import Api
from tests.kubectl.site import Kubectl, Site, served

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With all admission plug-ins, as a cluster has them."""
    with served(tmp_path_factory.mktemp("site"), "--all-plugins") as site:
        yield site


@pytest.fixture
def api(site: Site) -> Iterator[Api]:
    name = f"conformance-{next(_NUMBERS)}"
    site.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    api = Api(site, name)
    api.until("v1/serviceaccounts", bool)
    api.until("v1/configmaps", bool)
    try:
        yield api
    finally:
        site.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def k(api: Api, tmp_path: Path) -> Kubectl:
    """The real kubectl in the test's namespace."""
    from tests.kubectl.programs import MINOR, found

    program = found().get(MINOR)
    if program is None:
        pytest.skip("NO KUBECTL ON THIS MACHINE: its conformance tests are not run")
    return Kubectl(api.site, program, api.namespace, tmp_path)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(*names): the conformance tests that a test stands for")
