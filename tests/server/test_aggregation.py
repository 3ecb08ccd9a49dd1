"""Aggregated API servers: what APIServices say, and one that answers over TLS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from navarch.server import aggregation
from navarch.server.aggregation import Remote
from navarch.server.app import ApiServer
from navarch.wire.collect import collected
from navarch.wire.messages import Request, Response, User
from tests.server.hooks import Hooked, hooked
from tests.server.peer import Peer

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
FLUNDERS = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Tree = dict[str, Any]

RESOURCES = [
    {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder", "verbs": ["get", "list"]},
    {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
]
OPENAPI = {"openapi": "3.0.0", "info": {"title": "w", "version": "1"}, "paths": {}, "components": {"schemas": {}}}


class Wardle:
    """The other server. `status` is what it answers discovery with."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.status = 200
        self.openapi: dict[str, Tree] = {"/openapi/v3/apis/wardle.example.com/v1alpha1": OPENAPI}

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if request.path == "/apis/wardle.example.com/v1alpha1":
            body = {"kind": "APIResourceList", "groupVersion": "wardle.example.com/v1alpha1", "resources": RESOURCES}
            return Response(self.status, json.dumps(body).encode())
        if request.path in self.openapi:
            return Response(200, json.dumps(self.openapi[request.path]).encode())
        if request.path.startswith("/openapi/"):
            return Response(404)
        return Response(201, json.dumps({"path": request.path, "query": request.query}).encode())


def api_service(world: Hooked, **more: Any) -> Tree:
    spec = {
        "group": "wardle.example.com",
        "version": "v1alpha1",
        "service": {"namespace": "default", "name": "hook", "port": 443},
        "groupPriorityMinimum": 2000,
        "versionPriority": 200,
        "caBundle": world.bundle,
        **more,
    }
    return {"metadata": {"name": "v1alpha1.wardle.example.com"}, "spec": spec}


@pytest.fixture
def wardle() -> Wardle:
    return Wardle()


@pytest.fixture
async def world(tmp_path: Path, wardle: Wardle) -> AsyncIterator[Hooked]:
    async with hooked(tmp_path, wardle.answer) as world:
        yield world


async def until(world: Hooked, holds: Callable[[Tree], bool]) -> Tree:
    """The condition Available, once it is as wanted."""

    def is_noted(tree: Tree) -> bool:
        conditions = tree.get("status", {}).get("conditions", [])
        return bool(conditions) and holds(conditions[0])

    tree = await world.until(f"{SERVICES}/v1alpha1.wardle.example.com", is_noted)
    condition: Tree = tree["status"]["conditions"][0]
    return condition


def passed(condition: Tree) -> bool:
    return bool(condition["status"] == "True")


async def test_requests_go_to_the_service_with_the_users_identity(world: Hooked, wardle: Wardle) -> None:
    await world.ok("POST", SERVICES, api_service(world))
    condition = await until(world, passed)
    assert (condition["reason"], condition["message"]) == ("Passed", "all checks passed")
    user = User("ann", groups=("system:masters", "b"), extra={"a/b": ("x", "y")})
    response, _ = await world.send("POST", f"{FLUNDERS}?fieldManager=x", {"a": 1}, user=user, x_remote_user="eve")
    assert response.status == 201
    asked = wardle.asked[-1]
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", FLUNDERS, "fieldManager=x", b'{"a": 1}')
    shown = {name: value for name, value in asked.headers.items() if name.startswith("x-remote")}
    assert shown == {
        "x-remote-user": "ann",
        "x-remote-group": "system:masters, b",
        "x-remote-extra-a%2fb": "x, y",
    }
    assert response.stream is not None
    assert json.loads(await collected(response, 1000)) == {"path": FLUNDERS, "query": "fieldManager=x"}


async def test_discovery_and_openapi_tell_of_it(world: Hooked) -> None:
    await world.ok("POST", SERVICES, api_service(world))
    await until(world, passed)
    groups = [group["name"] for group in (await world.ok("GET", "/apis"))["groups"]]
    assert groups[-2:] == ["wardle.example.com", "metrics.k8s.io"]
    group = await world.ok("GET", "/apis/wardle.example.com")
    assert group["preferredVersion"]["groupVersion"] == "wardle.example.com/v1alpha1"
    listed = await world.ok("GET", "/apis", accept=AGGREGATED)
    (version,) = listed["items"][-2]["versions"]
    assert (version["version"], version["freshness"]) == ("v1alpha1", "Current")
    assert version["resources"][0]["subresources"][0]["subresource"] == "status"
    index = await world.ok("GET", "/openapi/v3")
    url = index["paths"]["apis/wardle.example.com/v1alpha1"]["serverRelativeURL"]
    assert await world.ok("GET", url) == OPENAPI
    await world.ok("DELETE", f"{SERVICES}/v1alpha1.wardle.example.com")
    assert "wardle.example.com" not in str(await world.ok("GET", "/apis"))
    response, _ = await world.send("GET", FLUNDERS)
    assert response.status == 404


FLUNDER = "com.example.wardle.v1alpha1.Flunder"
GVK = [{"group": "wardle.example.com", "version": "v1alpha1", "kind": "Flunder"}]
SWAGGER: Tree = {
    "swagger": "2.0",
    "info": {"title": "wardle", "version": "1"},
    "paths": {
        FLUNDERS: {
            "parameters": [{"uniqueItems": True, "type": "string", "name": "pretty", "in": "query"}],
            "post": {
                "operationId": "createFlunder",
                "consumes": ["*/*"],
                "produces": ["application/json", "application/yaml"],
                "parameters": [
                    {"name": "body", "in": "body", "required": True, "schema": {"$ref": f"#/definitions/{FLUNDER}"}}
                ],
                "responses": {"200": {"description": "OK", "schema": {"$ref": f"#/definitions/{FLUNDER}"}}},
                "x-kubernetes-action": "post",
            },
        },
        "/apis/other.example.com/v1/things": {"get": {"responses": {"200": {"description": "OK"}}}},
    },
    "definitions": {
        FLUNDER: {
            "type": "object",
            "properties": {"spec": {"$ref": "#/definitions/com.example.Spec", "description": "What is wanted."}},
            "x-kubernetes-group-version-kind": GVK,
        },
        "com.example.Spec": {"type": "object", "properties": {"default": {"type": "integer", "default": 1}}},
        "com.example.Thing": {"type": "object"},
    },
}


async def test_openapi_of_a_server_that_knows_version_2_alone(world: Hooked, wardle: Wardle) -> None:
    wardle.openapi = {"/openapi/v2": SWAGGER}
    await world.ok("POST", SERVICES, api_service(world))
    await until(world, passed)
    index = await world.ok("GET", "/openapi/v3")
    document = await world.ok("GET", index["paths"]["apis/wardle.example.com/v1alpha1"]["serverRelativeURL"])
    reference = {"$ref": f"#/components/schemas/{FLUNDER}"}
    post = document["paths"][FLUNDERS]["post"]
    assert post["requestBody"] == {"required": True, "content": {"application/json": {"schema": reference}}}
    assert post["responses"]["200"]["content"]["application/yaml"] == {"schema": reference}
    (pretty,) = document["paths"][FLUNDERS]["parameters"]
    assert pretty == {"name": "pretty", "in": "query", "schema": {"uniqueItems": True, "type": "string"}}
    schemas = document["components"]["schemas"]
    assert sorted(schemas) == ["com.example.Spec", FLUNDER]
    spec = {"description": "What is wanted.", "allOf": [{"$ref": "#/components/schemas/com.example.Spec"}]}
    assert schemas[FLUNDER]["properties"]["spec"] == spec
    assert list(document["paths"]) == [FLUNDERS]
    merged = await world.ok("GET", "/openapi/v2")
    assert merged["definitions"][FLUNDER]["x-kubernetes-group-version-kind"] == GVK
    assert merged["paths"][FLUNDERS]["post"]["responses"]["200"]["schema"] == {"$ref": f"#/definitions/{FLUNDER}"}


@pytest.mark.parametrize(
    "openapi",
    [
        {"/openapi/v2": {**SWAGGER, "paths": {FLUNDERS: {"post": []}}}},
        {"/openapi/v2": {**SWAGGER, "paths": 7}},
        {"/openapi/v3/apis/wardle.example.com/v1alpha1": {"openapi": "3.0.0", "paths": {"/a": {"get": {}}}}},
    ],
)
async def test_documents_that_are_none_are_left_out(world: Hooked, wardle: Wardle, openapi: dict[str, Tree]) -> None:
    wardle.openapi = openapi
    await world.ok("POST", SERVICES, api_service(world))
    await until(world, passed)
    assert "apis/wardle.example.com/v1alpha1" not in (await world.ok("GET", "/openapi/v3"))["paths"]
    assert "definitions" in await world.ok("GET", "/openapi/v2")


async def test_one_that_does_not_answer_well_is_unavailable(world: Hooked, wardle: Wardle) -> None:
    wardle.status = 404
    await world.ok("POST", SERVICES, api_service(world))
    condition = await until(world, lambda c: not passed(c))
    assert condition["reason"] == "FailedDiscoveryCheck"
    assert condition["message"].startswith("failing or missing response from https://hook.default.svc:443/apis/")
    wardle.status = 200
    await until(world, passed)


async def test_a_certificate_must_be_trusted_unless_told_otherwise(world: Hooked) -> None:
    tree = api_service(world)
    del tree["spec"]["caBundle"]
    await world.ok("POST", SERVICES, tree)
    condition = await until(world, lambda c: not passed(c))
    assert "certificate verify failed" in condition["message"]
    response, _ = await world.send("GET", FLUNDERS)
    assert (response.status, response.body) == (503, b"service unavailable\n")
    patch = {"spec": {"insecureSkipTLSVerify": True}}
    path = f"{SERVICES}/v1alpha1.wardle.example.com"
    await world.ok("PATCH", path, patch, content_type="application/merge-patch+json")
    await until(world, passed)


REMOTE = Remote("v1.g", "g", "v1", "ns", "svc", 443, "", False, 100, 100)
SERVICE = {"spec": {"ports": [{"port": 443, "name": "https"}]}}
READY = {"ports": [{"name": "https", "port": 8443}], "endpoints": [{"addresses": ["10.0.0.1"]}]}


@pytest.mark.parametrize(
    ("service", "slices", "reason", "message"),
    [
        (None, [], "ServiceNotFound", 'service/svc in "ns" is not present'),
        (
            {"spec": {"ports": [{"port": 80}]}},
            [],
            "ServicePortError",
            'service/svc in "ns" is not listening on port 443',
        ),
        (SERVICE, [], "EndpointsNotFound", 'cannot find endpointslices for service/svc in "ns"'),
        (
            SERVICE,
            [{**READY, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]}],
            "MissingEndpoints",
            'endpoints for service/svc in "ns" have no addresses with port name "https"',
        ),
        (SERVICE, [READY], None, ""),
        ({"spec": {"type": "ExternalName"}}, [], None, ""),
    ],
)
def test_what_is_wrong_with_a_backend(
    service: Tree | None, slices: list[Tree], reason: str | None, message: str
) -> None:
    found = aggregation.check_backend(REMOTE, service, slices)
    assert (None, "") if found is None else (found.reason, found.message) == (reason, message)


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    finding = aggregation.Finding(False, "MissingEndpoints", "m")
    tree = aggregation.with_condition({}, finding, "t1")
    assert tree["status"]["conditions"][0]["lastTransitionTime"] == "t1"
    assert aggregation.with_condition(tree, finding, "t2") is tree
    again = aggregation.with_condition(tree, aggregation.Finding(False, "Other", "m"), "t3")
    assert again["status"]["conditions"][0]["lastTransitionTime"] == "t1"
    passed_ = aggregation.with_condition(again, aggregation.PASSED, "t4")
    assert [c["lastTransitionTime"] for c in passed_["status"]["conditions"]] == ["t4"]


def test_every_group_version_has_an_apiservice(peer: Peer) -> None:
    listed = {tree["metadata"]["name"]: tree for tree in peer.get(SERVICES)["items"]}
    assert len(listed) == 22
    assert listed["v2.autoscaling"]["spec"] == {
        "group": "autoscaling",
        "version": "v2",
        "groupPriorityMinimum": 17500,
        "versionPriority": 30,
    }
    assert listed["v1."]["status"]["conditions"][0]["reason"] == "Local"
    names = {"plural": "boats", "kind": "Boat"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    spec = {"group": "ex.example.com", "names": names, "scope": "Namespaced", "versions": versions}
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    peer.post(crds, {"metadata": {"name": "boats.ex.example.com"}, "spec": spec})
    added = peer.get(f"{SERVICES}/v1.ex.example.com")
    assert added["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    peer.ok("DELETE", f"{crds}/boats.ex.example.com")
    assert peer.send("GET", f"{SERVICES}/v1.ex.example.com").status == 404


async def test_another_server_on_the_same_store_knows_the_remotes(world: Hooked) -> None:
    await world.ok("POST", SERVICES, api_service(world))
    await until(world, passed)
    again = ApiServer(world.server.store, world.server.seams)
    assert list(again.aggregator.remotes) == [("wardle.example.com", "v1alpha1")]
    again.close()


def test_what_a_broken_server_lists_is_passed_over() -> None:
    listed: list[Any] = [None, {"kind": "Nameless"}, {"name": 7}, {"name": "flunders", "kind": "Flunder"}]
    found = aggregation.aggregated_resources(listed, "wardle.example.com", "v1")
    assert [each["resource"] for each in found] == ["flunders"]
