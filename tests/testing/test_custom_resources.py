"""Custom resources in the whole cluster: owned objects go with them, and they go with their namespace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from navarch.base.errors import StatusError, UsageError
from navarch.base.resource import Resource
from navarch.control.collectors import DEFINITIONS
from navarch.testing.cluster import Cluster

BOATS = Resource("ex.example.com", "v1", "boats", "Boat", True)
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "boats.ex.example.com"},
    "spec": {
        "group": "ex.example.com",
        "names": {"plural": "boats", "kind": "Boat"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def exists(cluster: Cluster, resource: Resource, namespace: str, name: str) -> bool:
    try:
        cluster.run(cluster.client.get(resource, name, namespace))
    except StatusError as error:
        assert error.reason == "NotFound"
        return False
    return True


@pytest.fixture
def cluster() -> Any:
    with Cluster(nodes=0) as cluster:
        cluster.run(cluster.client.create(DEFINITIONS, CRD))
        cluster.settle()
        yield cluster


def boat(namespace: str) -> dict[str, Any]:
    return {"apiVersion": "ex.example.com/v1", "kind": "Boat", "metadata": {"name": "argo", "namespace": namespace}}


def test_what_a_custom_resource_owns_goes_with_it(cluster: Cluster) -> None:
    owner = json.loads(cluster.run(cluster.client.create(BOATS, boat("default"), "default")))
    reference = {
        "apiVersion": "ex.example.com/v1",
        "kind": "Boat",
        "name": "argo",
        "uid": owner["metadata"]["uid"],
    }
    owned = {"metadata": {"name": "sail", "namespace": "default", "ownerReferences": [reference]}}
    cluster.run(cluster.client.create(CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", **owned}, "default"))
    cluster.settle()
    assert exists(cluster, CONFIGMAPS, "default", "sail")
    cluster.run(cluster.client.delete(BOATS, "argo", "default"))
    cluster.settle()
    assert not exists(cluster, CONFIGMAPS, "default", "sail")


def test_a_namespace_takes_its_custom_resources_along(cluster: Cluster) -> None:
    namespaces = Resource("", "v1", "namespaces", "Namespace", False)
    cluster.run(cluster.client.create(namespaces, {"metadata": {"name": "sea"}}))
    cluster.run(cluster.client.create(BOATS, boat("sea"), "sea"))
    cluster.run(cluster.client.delete(namespaces, "sea"))
    cluster.settle()
    assert not exists(cluster, namespaces, "", "sea")
    assert cluster.store.index.get("boats.ex.example.com/sea/argo") is None


def test_a_definition_and_its_objects_in_one_manifest() -> None:
    with Cluster(nodes=0) as cluster:
        cluster.apply([CRD, boat("default")])
        assert [each.metadata.name for each in cluster.list("boats")] == ["argo"]
        assert cluster.get("Boat", "argo").kind == cluster.get("boat.ex.example.com", "argo").kind == "Boat"
        cluster.delete("crd", "boats.ex.example.com")
        cluster.settle()
        with pytest.raises(UsageError, match="no resource is called 'boats'"):
            cluster.list("boats")
