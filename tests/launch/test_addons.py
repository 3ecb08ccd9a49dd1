"""Addons: what is listed, what is refused, and that the objects of `ingress` are what the API takes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch.addons import ingress, verbs
from navarch.launch.output import Output
from navarch.launch.profile import DriverName, Home, NodeEntry, Profile
from navarch.testing import Cluster


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.save(Profile("navarch", DriverName.FAKE, nodes=(NodeEntry("navarch", 0),)))
    return made


def output() -> Output:
    return Output(io.StringIO(), io.StringIO(), style=True)


def test_what_is_always_there_can_be_enabled_and_not_disabled(home: Home) -> None:
    out = output()
    assert verbs.enable(home, "navarch", "metrics-server", out) == 0
    assert isinstance(out.out, io.StringIO)
    assert out.out.getvalue() == "🌟  The 'metrics-server' addon is enabled\n"
    with pytest.raises(LaunchError, match="part of every cluster"):
        verbs.disable(home, "navarch", "metrics-server", out)


def test_what_is_refused(home: Home) -> None:
    with pytest.raises(LaunchError, match="there is no addon"):
        verbs.enable(home, "navarch", "istio", output())
    with pytest.raises(LaunchError, match="simulated nodes serve nothing"):
        verbs.enable(home, "navarch", "ingress", output())


def test_the_objects_of_ingress() -> None:
    with Cluster() as cluster:
        for path, tree in ingress.objects(b"certificate", b"key"):
            cluster.apply(tree, ingress.NAMESPACE if "/namespaces/ingress-nginx/" in path else "")
            assert path.endswith(f"/{tree['metadata']['name']}")
        cluster.settle()
        (pod,) = cluster.list("pods", ingress.NAMESPACE)
        assert pod.spec.containers[0].ports[0].hostPort == 80
        # A new Ingress gets the class by itself.
        rule = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "plain"}}
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        cluster.apply({**rule, "spec": {"defaultBackend": backend}})
        assert cluster.get("ingress", "plain").spec.ingressClassName == "nginx"
