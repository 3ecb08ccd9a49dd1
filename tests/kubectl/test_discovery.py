"""Names of resources: long, short, singular, ambiguous; categories; explain; the published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.kubectl.objects import custom, definition
from tests.kubectl.site import Kubectl


@contextmanager
def defined(k: Kubectl, plural: str, kind: str, group: str, **more: Any) -> Iterator[str]:
    """A custom resource while the block runs; its definition's name."""
    name = f"{plural}.{group}"
    k("create -f", k.write(f"{plural}.yaml", definition(plural, group, kind, **more)))
    k(f"wait --for=condition=Established crd/{name}")
    try:
        yield name
    finally:
        k(f"delete crd {name}")


@pytest.mark.suite("RESTMapper_evaluation_tests")
def test_unknown_types(k: Kubectl) -> None:
    said = k.fails("get unknownresourcetype")
    assert said == 'error: the server doesn\'t have a resource type "unknownresourcetype"\n'


@pytest.mark.suite("assert_short_name_tests", "assert_categories_tests")
def test_discovery_names(k: Kubectl) -> None:
    resources = {each["name"]: each for each in json.loads(k("get --raw=/api/v1"))["resources"]}
    found = resources["configmaps"]
    assert list(found)[:5] == ["name", "singularName", "namespaced", "kind", "verbs"]
    assert found["verbs"] == ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    assert (found["singularName"], found["shortNames"]) == ("configmap", ["cm"])
    assert "storageVersionHash" in found
    assert resources["pods"]["categories"] == ["all"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param({"short": ("pod",)}, marks=pytest.mark.suite("assert_short_name_tests"), id="short"),
        pytest.param({"singular": "pod"}, marks=pytest.mark.suite("assert_singular_name_tests"), id="singular"),
    ],
)
def test_no_custom_name_takes_a_builtin_one(k: Kubectl, names: dict[str, Any]) -> None:
    group = f"{k.namespace}.names.test.com"
    with defined(k, "examples", "Example", group, **names):
        k("create -f", k.write("cr.yaml", custom("Example", group, "test-crd-example")))
        for _ in range(2):
            assert "test-crd-example" in k(f"get examples.{group}")
            assert "test-crd-example" not in k("get pod")
            k("api-resources")


@pytest.mark.suite("ambiguous_shortname_tests")
def test_ambiguous_short_names(k: Kubectl) -> None:
    first, second = f"{k.namespace}.first.test.com", f"{k.namespace}.second.test.com"
    short = f"s{k.namespace.replace('-', '')}"
    with (
        defined(k, "foos", "Foo", first, short=(short,)),
        defined(k, "bars", "Bar", second, short=(short,)),
    ):
        k("create -f", k.write("foo.yaml", custom("Foo", first, "test-crd-foo")))
        k("create -f", k.write("bar.yaml", custom("Bar", second, "test-crd-bar")))
        k("api-resources")
        said = k.says(f"get {short}")
        assert f'Warning: short name "{short}" could also match lower priority resource' in said
        assert ("test-crd-foo" in said) != ("test-crd-bar" in said)


@pytest.mark.suite("crd_deletion_recreation_tests")
def test_a_definition_made_anew_with_another_scope(k: Kubectl) -> None:
    group = f"{k.namespace}.scope.test.com"
    with defined(k, "things", "Thing", group, scope="Cluster"):
        assert "created" in k("apply -f", k.write("c.yaml", custom("Thing", group, "example")))
    k("api-resources")
    with defined(k, "things", "Thing", group, scope="Namespaced"):
        assert "created" in k("apply -f", k.write("n.yaml", custom("Thing", group, "example")))
        assert k.names("things", group=f"{group}/v1") == ["example"]


@pytest.mark.suite("kubectl_explain_tests")
def test_explain(k: Kubectl) -> None:
    for word in ("pods", "po", "pod"):
        said = k(f"explain {word}")
        assert "KIND:       Pod" in said and "VERSION:    v1" in said and "spec\t<PodSpec>" in said
    assert "FIELD: message <string>" in k("explain po.status.message")
    assert "GROUP:      batch" in k("explain cronjob --api-version=batch/v1")
    assert "jobTemplate\t<JobTemplateSpec>" in k("explain cronjob.spec")
    recursive = k("explain deployments.spec.template.spec --recursive")
    assert "  containers\t<[]Container> -required-" in recursive and "    image\t<string>" in recursive
    assert 'field "nonsense" does not exist' in k.fails("explain pod.nonsense")


@pytest.mark.suite("explain_crd_with_additional_properties_tests")
def test_explain_of_additional_properties(k: Kubectl) -> None:
    group = f"{k.namespace}.explain.test.com"
    inner = {"type": "object", "properties": {"inner": {"type": "string", "description": "what is inside"}}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "description": "what is wanted",
                "properties": {
                    "texts": {"type": "object", "additionalProperties": {"type": "string"}},
                    "things": {"type": "object", "additionalProperties": inner},
                },
            }
        },
    }
    with defined(k, "mycrds", "MyCRD", group, schema=schema):
        explain = f"--api-version={group}/v1"
        said = k(f"explain mycrds.spec {explain}")
        assert "texts\t<map[string]string>" in said
        assert "things\t<map[string]Object>" in said
        assert "inner\t<string>" in k(f"explain mycrds.spec.things {explain}")


@pytest.mark.suite("swagger_tests")
def test_published_schemas(k: Kubectl) -> None:
    document = json.loads(k("get --raw /openapi/v2"))
    assert document["swagger"] == "2.0"
    assert "io.k8s.api.core.v1.PodSpec" in document["definitions"]
    pods = document["paths"]["/api/v1/namespaces/{namespace}/pods"]
    assert {"get", "post", "delete"} <= set(pods)
    index = json.loads(k("get --raw /openapi/v3"))
    assert index["paths"]["apis/apps/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/apps/v1?hash=")


@pytest.mark.suite("RESTMapper_evaluation_tests")
def test_lists_of_resources(k: Kubectl) -> None:
    rows = [line.split() for line in k("api-resources --api-group=apps --no-headers").splitlines()]
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in rows
    assert "deployments.apps" in k("api-resources --api-group=apps -o name").split()
    assert "pods" in k("api-resources --categories=all --namespaced=true -o name").split()
    assert "nodes" not in k("api-resources --namespaced=true -o name").split()
    versions = k("api-versions").split()
    assert {"v1", "apps/v1", "apiextensions.k8s.io/v1"} <= set(versions)
