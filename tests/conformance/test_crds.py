"""Custom resource definitions: their objects, watches, status, defaults, discovery, and the schemas that are published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from navarch.schema import prose
from tests.conformance.api import Api
from tests.kubectl.objects import custom, definition
from tests.kubectl.site import Kubectl, Tree

CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"
SCHEMA: Tree = {
    "type": "object",
    "description": "Foo CRD for Testing",
    "properties": {
        "spec": {
            "type": "object",
            "description": "Specification of Foo",
            "properties": {
                "bars": {
                    "type": "array",
                    "description": "List of Bars and their specs.",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "description": "Name of Bar."},
                            "age": {"type": "string", "description": "Age of Bar."},
                        },
                    },
                }
            },
        }
    },
}


@contextmanager
def defined(api: Api, *crds: Tree) -> Iterator[None]:
    """The definitions while the block runs, established."""
    names = [crd["metadata"]["name"] for crd in crds]
    for crd in crds:
        api.create(CRDS, crd)
    try:
        api.until(CRDS, lambda found: all(_established(found.get(name)) for name in names))
        yield
    finally:
        for name in names:
            api.delete(CRDS, name)


def _established(crd: Tree | None) -> bool:
    conditions = (crd or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def group_of(api: Api, prefix: str = "crd") -> str:
    return f"{api.namespace}.{prefix}.example.com"


@pytest.mark.row(
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition creating/deleting custom resource definition objects works",
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition listing custom resource definition objects works",
)
def test_create_list_and_delete(api: Api) -> None:
    group, label = group_of(api), {"e2e-list": api.namespace}
    crds = [definition(f"things{n}", group, f"Thing{n}") for n in range(3)]
    for crd in crds:
        crd["metadata"]["labels"] = label
    with defined(api, crds[0]):
        assert api.names(CRDS, labelSelector=f"e2e-list={api.namespace}") == [f"things0.{group}"]
    api.until(CRDS, lambda found: f"things0.{group}" not in found)
    for crd in crds:
        api.create(CRDS, crd)
    assert len(api.names(CRDS, labelSelector=f"e2e-list={api.namespace}")) == 3
    api.delete_collection(CRDS, labelSelector=f"e2e-list={api.namespace}")
    api.until(CRDS, lambda found: not any(name.endswith(group) for name in found))


@pytest.mark.row(
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works"
)
def test_status(api: Api) -> None:
    name = f"things.{group_of(api)}"
    with defined(api, definition("things", group_of(api), "Thing")):
        condition = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
        whole = api.json("GET", api.path(CRDS, name, "status"))
        whole["status"]["conditions"].append(condition)
        updated = api.json("PUT", api.path(CRDS, name, "status"), whole)
        assert condition.items() <= updated["status"]["conditions"][-1].items()
        patch = [{"op": "add", "path": "/status/conditions", "value": [condition]}]
        patched = api.patch(CRDS, name, patch, "json", sub="status")
        assert [each["type"] for each in patched["status"]["conditions"]] == ["StatusUpdate"]


@pytest.mark.row(
    "sig-api-machinery: CustomResourceDefinition resources should include custom resource definition resources in discovery documents"
)
def test_discovery(api: Api) -> None:
    groups = {each["name"]: each for each in api.json("GET", "/apis")["groups"]}
    assert {"groupVersion": "apiextensions.k8s.io/v1", "version": "v1"} in groups["apiextensions.k8s.io"]["versions"]
    versions = api.json("GET", "/apis/apiextensions.k8s.io")["versions"]
    assert "v1" in [each["version"] for each in versions]
    resources = api.json("GET", "/apis/apiextensions.k8s.io/v1")["resources"]
    assert "customresourcedefinitions" in [each["name"] for each in resources]


@pytest.mark.row(
    "sig-api-machinery: CustomResourceDefinition Watch CustomResourceDefinition Watch watch on custom resource definition objects"
)
def test_watch_of_custom_objects(api: Api) -> None:
    group = group_of(api)
    resource = f"{group}/v1/noxus"
    with defined(api, definition("noxus", group, "WishIHadChosenNoxu", scope="Cluster", singular="nonenglishnoxu")):
        version = api.list(resource)["metadata"]["resourceVersion"]
        named = [
            api.watch(resource, resourceVersion=version, fieldSelector=f"metadata.name={name}") for name in ("a", "b")
        ]
        for name in ("a", "b"):
            api.create(resource, custom("WishIHadChosenNoxu", group, name))
            api.patch(resource, name, {"content": {"key": "changed"}})
            api.delete(resource, name)
        for events in named:
            assert [next(events)["type"] for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]
            events.close()  # type: ignore[attr-defined]


@pytest.mark.row(
    "sig-api-machinery: CustomResourceDefinition resources custom resource defaulting for requests and from storage works"
)
def test_defaulting(api: Api) -> None:
    group = group_of(api)
    resource = f"{group}/v1/foos"
    fields = {"a": {"type": "string", "default": "A"}, "b": {"type": "string"}}
    crd = definition("foos", group, "Foo", schema={"type": "object", "properties": fields})
    with defined(api, crd):
        # For requests.
        first = api.create(resource, custom("Foo", group, "one"))
        assert (first["a"], "b" in first) == ("A", False)
        # From storage: what was stored before the default came.
        patch = [
            {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/b/default", "value": "B"},
            {"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/a/default"},
        ]
        api.patch(CRDS, f"foos.{group}", patch, "json")
        api.until(resource, lambda found: found["one"].get("b") == "B")
        stored = api.get(resource, "one")
        assert (stored["a"], stored["b"]) == ("A", "B")
        second = api.create(resource, custom("Foo", group, "two"))
        assert ("a" in second, second["b"]) == (False, "B")


# --- what is published


def published(api: Api, group: str, version: str, kind: str) -> Tree | None:
    """The type in the version 2 document, None where it is not there."""
    name = ".".join([*reversed(group.split(".")), version, kind])
    document = api.json("GET", "/openapi/v2")
    found: Tree | None = document["definitions"].get(name)
    assert found is None or found["x-kubernetes-group-version-kind"] == [
        {"group": group, "kind": kind, "version": version}
    ]
    return found


@pytest.mark.row(
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD with validation schema",
    "sig-api-machinery: FieldValidation should create/apply a valid CR for CRD with validation schema",
)
def test_published_with_a_schema(api: Api, k: Kubectl) -> None:
    group = group_of(api)
    with defined(api, definition("foos", group, "Foo", schema=SCHEMA)):
        found = published(api, group, "v1", "Foo")
        assert found is not None
        assert found["description"] == "Foo CRD for Testing"
        assert found["properties"]["spec"] == SCHEMA["properties"]["spec"]
        good = custom("Foo", group, "test", spec={"bars": [{"name": "test-bar", "age": "10"}]})
        for verb in ("create", "apply"):
            k(f"{verb} -f -", text=json.dumps(good))
        k(f"delete foos.{group} test")
        bad = custom("Foo", group, "test", spec={"bars": [{"age": "10"}]})
        for verb in ("create", "apply"):
            assert "name: Required value" in k.fails(f"{verb} -f -", text=json.dumps(bad))
        unknown = custom("Foo", group, "test", spec={"foo": True})
        for verb in ("create", "apply"):
            assert 'unknown field "spec.foo"' in k.fails(f"{verb} -f -", text=json.dumps(unknown))
        explained = f"--api-version={group}/v1"
        of_foo, of_meta = k(f"explain foos {explained}"), k(f"explain foos.metadata {explained}")
        assert re.search(
            r"DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*<Object>.*Specification of Foo", of_foo, re.DOTALL
        )
        if prose.installed():
            assert re.search(r"FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>", of_foo, re.DOTALL)
            assert re.search(
                r"DESCRIPTION:.*Standard object's metadata"
                r".*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp",
                of_meta,
                re.DOTALL,
            )
        assert "List of Bars and their specs." in k(f"explain foos.spec.bars {explained}")
        assert "Name of Bar." in k(f"explain foos.spec.bars.name {explained}")
        assert "does not exist" in k.fails(f"explain foos.spec.bars2 {explained}")


@pytest.mark.row("sig-api-machinery: CustomResourcePublishOpenAPI works for CRD without validation schema")
@pytest.mark.row(
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD preserving unknown fields at the schema root"
)
def test_published_with_an_open_root(api: Api, k: Kubectl) -> None:
    group = group_of(api)
    with defined(api, definition("waldos", group, "Waldo")):
        found = published(api, group, "v1", "Waldo")
        assert found is not None and (found["type"], "properties" in found) == ("object", False)
        tree = custom("Waldo", group, "test", a={"b": [{"c": "d"}]})
        for verb in ("create", "apply"):
            k(f"{verb} -f -", text=json.dumps(tree))
        assert re.search(
            r"KIND:       Waldo.*DESCRIPTION:.*<empty>", k(f"explain waldos --api-version={group}/v1"), re.DOTALL
        )


@pytest.mark.row(
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD preserving unknown fields in an embedded object"
)
def test_published_with_an_open_object_inside(api: Api, k: Kubectl) -> None:
    group = group_of(api)
    spec = {"type": "object", "description": "Specification of Waldo", "x-kubernetes-preserve-unknown-fields": True}
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "embedded": embedded}}
    with defined(api, definition("waldos", group, "Waldo", schema=schema)):
        found = published(api, group, "v1", "Waldo")
        assert found is not None
        assert found["properties"]["spec"] == spec
        k("create -f -", text=json.dumps(custom("Waldo", group, "test", spec={"anything": [1, {"a": "b"}]})))
        assert "Specification of Waldo" in k(f"explain waldos.spec --api-version={group}/v1")


def _two(api: Api, rows: list[tuple[str, str, str]]) -> None:
    """Each of several kinds, (group, version, kind), is published."""
    crds = [definition(f"{kind.lower()}s", group, kind, version=v, schema=SCHEMA) for group, v, kind in rows]
    with defined(api, *crds):
        for group, version, kind in rows:
            assert published(api, group, version, kind) is not None


@pytest.mark.row("sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of different groups")
def test_published_in_two_groups(api: Api) -> None:
    _two(api, [(group_of(api, "one"), "v1", "Foo"), (group_of(api, "two"), "v1", "Foo")])


@pytest.mark.row(
    "sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of same group and version but different kinds"
)
def test_published_as_two_kinds(api: Api) -> None:
    _two(api, [(group_of(api), "v1", "Foo"), (group_of(api), "v1", "Bar")])


def versioned(group: str, *versions: str, schema: Tree = SCHEMA, **more: Any) -> Tree:
    crd = definition("foos", group, "Foo", schema=schema)
    one = crd["spec"]["versions"][0]
    crd["spec"]["versions"] = [
        {**one, "name": name, "storage": number == 0, **more} for number, name in enumerate(versions)
    ]
    return crd


@pytest.mark.row(
    "sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of same group but different versions",
    "sig-api-machinery: CustomResourcePublishOpenAPI updates the published spec when one version gets renamed",
    "sig-api-machinery: CustomResourcePublishOpenAPI removes definition from spec when one version gets changed to not be served",
)
def test_published_in_versions(api: Api) -> None:
    group = group_of(api)
    name = f"foos.{group}"

    def shown(*versions: str) -> None:
        found = [v for v in ("v1", "v2", "v3", "v4") if published(api, group, v, "Foo") is not None]
        assert found == list(versions)

    with defined(api, versioned(group, "v2", "v3")):
        shown("v2", "v3")
        api.patch(CRDS, name, [{"op": "test", "path": "/spec/versions/1/name", "value": "v3"}], "json")
        api.patch(CRDS, name, [{"op": "replace", "path": "/spec/versions/1/name", "value": "v4"}], "json")
        shown("v2", "v4")
        api.patch(CRDS, name, [{"op": "replace", "path": "/spec/versions/1/served", "value": False}], "json")
        shown("v2")


# --- field validation


def strict(api: Api, method: str, path: str, body: bytes, media: str) -> tuple[int, str]:
    status, raw = api.site.request(method, path, body, {"Content-Type": media})
    return status, json.loads(raw).get("message", "")


APPLY = "?fieldValidation=Strict&fieldManager=e2e&force=true"


@pytest.mark.row(
    "sig-api-machinery: FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema"
)
def test_unknown_fields_of_an_open_resource(api: Api, k: Kubectl) -> None:
    group = group_of(api)
    with defined(api, definition("foos", group, "Foo")):
        tree = custom("Foo", group, "test", spec={"unknown": "u"}, extra=1)
        for verb in ("create", "apply"):
            k(f"{verb} --validate=true -f -", text=json.dumps(tree))
        assert api.get(f"{group}/v1/foos", "test")["extra"] == 1


@pytest.mark.row(
    "sig-api-machinery: FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema"
)
def test_extra_properties(api: Api, k: Kubectl) -> None:
    group = group_of(api)
    with defined(api, definition("foos", group, "Foo", schema=SCHEMA)):
        tree = custom("Foo", group, "test", spec={"bars": [{"name": "a"}], "extra": 1})
        for verb in ("create", "apply"):
            assert 'unknown field "spec.extra"' in k.fails(f"{verb} --validate=true -f -", text=json.dumps(tree))
            k(f"{verb} --validate=false -f -", text=json.dumps(tree))
        assert api.get(f"{group}/v1/foos", "test")["spec"] == {"bars": [{"name": "a"}]}
        path = api.path(f"{group}/v1/foos", "other") + APPLY
        body = json.dumps(custom("Foo", group, "other", unknownField="unknown")).encode()
        status, message = strict(api, "PATCH", path, body, "application/apply-patch+yaml")
        assert status == 500 and ".unknownField: field not declared in schema" in message


@pytest.mark.row("sig-api-machinery: FieldValidation should detect duplicates in a CR when preserving unknown fields")
def test_duplicates_in_an_open_resource(api: Api) -> None:
    group = group_of(api)
    with defined(api, definition("foos", group, "Foo")):
        text = (
            f"apiVersion: {group}/v1\nkind: Foo\nmetadata:\n  name: test\n"
            "spec:\n  unknown: uk1\n  cronSpec: '* * * * */5'\n  cronSpec: '* * * * */10'\n"
        )
        path = api.path(f"{group}/v1/foos", "test") + APPLY
        status, message = strict(api, "PATCH", path, text.encode(), "application/apply-patch+yaml")
        assert status == 400 and 'key "cronSpec" already set in map' in message


@pytest.mark.row(
    "sig-api-machinery: FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR"
)
def test_unknown_metadata_of_custom_resources(api: Api) -> None:
    group = group_of(api)
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "properties": {"metadata": {"type": "object"}, "spec": {"type": "object", "properties": {}}},
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"template": embedded}}}}
    with defined(api, definition("foos", group, "Foo", schema=schema)):
        inner = {"apiVersion": "foo/v1", "kind": "Sub", "metadata": {"name": "sub", "unknownSubMeta": "y"}}
        tree = custom("Foo", group, "test", spec={"template": inner})
        tree["metadata"]["unknownMeta"] = "x"
        path = api.path(f"{group}/v1/foos", "test") + APPLY
        status, message = strict(api, "PATCH", path, json.dumps(tree).encode(), "application/apply-patch+yaml")
        assert status == 500
        assert ".metadata.unknownMeta: field not declared in schema" in message
        assert ".spec.template.metadata.unknownSubMeta: field not declared in schema" in message


DEPLOYMENT = """{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "my-dep"%s, "labels": {"app": "nginx"}},
"spec": {%s"replicas": 1, "selector": {"matchLabels": {"app": "nginx"}}, "template": {"metadata": {"labels": {"app": "nginx"}},
"spec": {"containers": [{"name": "nginx", "image": "nginx", "ports": [{"containerPort": 80}]}]}}}}"""


@pytest.mark.row("sig-api-machinery: FieldValidation should detect unknown and duplicate fields of a typed object")
def test_unknown_and_duplicate_fields(api: Api) -> None:
    path = api.path("apps/v1/deployments") + "?fieldValidation=Strict"
    body = (DEPLOYMENT % ("", '"unknown": 1, "replicas": 2, ')).encode()
    status, message = strict(api, "POST", path, body, "application/json")
    assert status == 400
    assert 'strict decoding error: unknown field "spec.unknown", duplicate field "spec.replicas"' in message
    applied = api.path("apps/v1/deployments", "my-dep") + APPLY
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: my-dep}\nspec:\n  unknown: 1\n  replicas: 1\n  replicas: 2\n"
    status, message = strict(api, "PATCH", applied, text.encode(), "application/apply-patch+yaml")
    assert status == 400 and 'key "replicas" already set in map' in message


@pytest.mark.row("sig-api-machinery: FieldValidation should detect unknown metadata fields of a typed object")
def test_unknown_metadata_of_a_typed_object(api: Api) -> None:
    body = (DEPLOYMENT % (', "unknownMeta": "foobar"', "")).encode()
    path = api.path("apps/v1/deployments") + "?fieldValidation=Strict"
    status, message = strict(api, "POST", path, body, "application/json")
    assert status == 400 and 'unknown field "metadata.unknownMeta"' in message
    applied = api.path("apps/v1/deployments", "my-dep") + APPLY
    status, message = strict(api, "PATCH", applied, body, "application/apply-patch+yaml")
    assert (status, "metadata.unknownMeta: field not declared in schema" in message) == (500, True)
