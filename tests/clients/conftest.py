"""Unchanged client libraries against one served API: TLS, a token, RBAC, all controllers, no nodes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl.site import Site, served

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("site"), "--all-plugins") as site:
        yield site


@pytest.fixture
def namespace(site: Site) -> str:
    name = f"client-{next(_NUMBERS)}"
    site.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for event in site.events(f"/api/v1/namespaces/{name}/serviceaccounts", {}):
        if event["type"] == "ADDED":
            break
    return name


@pytest.fixture
def kubeconfig(site: Site, namespace: str) -> Path:
    """A file whose context is the administrator in the test's namespace."""
    return site.kubeconfig(namespace)
