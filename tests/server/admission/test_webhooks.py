"""Webhooks over real TLS on the loopback."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from navarch.wire.messages import Request, Response
from tests.server.hooks import DEFINITIONS, Hooked, hooked

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
GROUP = "/apis/admissionregistration.k8s.io/v1"


class World:
    """An API server, and a webhook behind Service `hook` that answers as `answer` says."""

    def __init__(self, hooked: Hooked) -> None:
        self.hooked = hooked
        self.server = hooked.server
        self.send = hooked.send
        self.service = hooked.service
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {"allowed": True}

    async def register(self, kind: str, name: str = "w", **more: Any) -> None:
        webhook = {
            "name": "w.example.com",
            "clientConfig": self.service,
            "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **more,
        }
        tree = {"metadata": {"name": name}, "webhooks": [webhook]}
        response, found = await self.send("POST", f"{GROUP}/{kind}webhookconfigurations", tree)
        assert response.status == 201, found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async def ask(request: Request) -> Response:
        review = json.loads(request.body)
        world.asked.append(review["request"])
        answer = {"uid": review["request"]["uid"], **world.answer(review["request"])}
        whole = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        return Response(body=json.dumps(whole).encode())

    async with hooked(tmp_path, ask) as found:
        world = World(found)
        yield world


def configmap(name: str = "c", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


async def test_a_validating_webhook_refuses(world: World) -> None:
    await world.register("validating")
    world.answer = lambda _: {"allowed": False, "status": {"message": "not today", "code": 403}}
    response, status = await world.send("POST", CONFIGMAPS, configmap())
    assert response.status == 403
    assert status["message"] == 'admission webhook "w.example.com" denied the request: not today'
    asked = world.asked[0]
    assert asked["operation"] == "CREATE"
    assert asked["object"]["kind"] == "ConfigMap"
    assert asked["oldObject"] is None
    assert asked["userInfo"]["username"] == "system:apiserver"
    world.answer = lambda _: {"allowed": False}
    response, status = await world.send("POST", CONFIGMAPS, configmap())
    assert (response.status, status["message"]) == (
        400,
        'admission webhook "w.example.com" denied the request without explanation',
    )


async def test_a_mutating_webhook_changes_and_warns(world: World) -> None:
    await world.register("mutating")
    operation = {"op": "add", "path": "/data/sail", "value": "white"}
    world.answer = lambda _: {**patch(operation), "warnings": ["mind the wind"]}
    response, made = await world.send("POST", CONFIGMAPS, configmap(a="b"))
    assert made["data"] == {"a": "b", "sail": "white"}
    assert ("Warning", '299 - "mind the wind"') in response.headers
    response, _ = await world.send("DELETE", f"{CONFIGMAPS}/c")
    assert response.status == 200
    assert [asked["operation"] for asked in world.asked] == ["CREATE", "DELETE"]


async def test_a_webhook_is_asked_again_when_a_later_one_changed_something(world: World) -> None:
    await world.register("mutating", "a", reinvocationPolicy="IfNeeded")
    await world.register("mutating", "b")

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        count = len(request["object"]["data"])
        return patch({"op": "add", "path": f"/data/n{count}", "value": "x"})

    world.answer = answer
    _, made = await world.send("POST", CONFIGMAPS, configmap(n0="x"))
    assert len(world.asked) == 3
    assert made["data"] == {"n0": "x", "n1": "x", "n2": "x", "n3": "x"}


async def test_selectors_decide(world: World) -> None:
    labels = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    await world.register("validating", namespaceSelector=labels, objectSelector={"matchLabels": {"a": "b"}})
    world.answer = lambda _: {"allowed": False}
    response, _ = await world.send("POST", CONFIGMAPS, configmap())
    assert response.status == 201
    tree = configmap("d")
    tree["metadata"]["labels"] = {"a": "b"}
    response, _ = await world.send("POST", CONFIGMAPS, tree)
    assert response.status == 400
    response, _ = await world.send("POST", CONFIGMAPS.replace("default", "kube-system"), tree)
    assert response.status == 201


async def test_what_cannot_be_asked(world: World) -> None:
    await world.hooked.stop()
    await world.register("validating")
    response, status = await world.send("POST", CONFIGMAPS, configmap())
    assert response.status == 500
    start = (
        'Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: '
        'Post "https://hook.default.svc:443/ask?timeout=10s": '
    )
    assert status["message"].startswith(start)
    response, _ = await world.send("DELETE", f"{GROUP}/validatingwebhookconfigurations/w")
    assert response.status == 200
    await world.register("validating", failurePolicy="Ignore")
    response, _ = await world.send("POST", CONFIGMAPS, configmap())
    assert response.status == 201


async def test_side_effects_and_dry_run_do_not_go_together(world: World) -> None:
    await world.register("validating", sideEffects="NoneOnDryRun")
    response, _ = await world.send("POST", f"{CONFIGMAPS}?dryRun=All", configmap())
    assert response.status == 201
    assert world.asked[0]["dryRun"] is True


HPAS = {
    "operations": ["*"],
    "apiGroups": ["autoscaling"],
    "apiVersions": ["v1"],
    "resources": ["horizontalpodautoscalers"],
}


def autoscaler() -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    return {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}


async def test_a_webhook_sees_the_version_that_it_names(world: World) -> None:
    await world.register("mutating", rules=[HPAS])
    world.answer = lambda _: patch({"op": "replace", "path": "/spec/targetCPUUtilizationPercentage", "value": 33})
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    tree = autoscaler()
    tree["spec"]["metrics"] = [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    ]
    response, made = await world.send("POST", path, tree)
    assert response.status == 201, made
    assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 33
    asked = world.asked[0]
    assert (asked["kind"]["version"], asked["requestKind"]["version"]) == ("v1", "v2")
    assert (asked["resource"]["version"], asked["requestResource"]["version"]) == ("v1", "v2")
    assert asked["object"]["apiVersion"] == "autoscaling/v1"
    assert asked["object"]["spec"]["targetCPUUtilizationPercentage"] == 80


async def test_exact_rules_are_for_one_version(world: World) -> None:
    await world.register("validating", rules=[HPAS], matchPolicy="Exact")
    world.answer = lambda _: {"allowed": False}
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    response, _ = await world.send("POST", path, autoscaler())
    assert response.status == 201
    response, _ = await world.send("DELETE", path.replace("v2", "v1") + "/h")
    assert response.status == 400


async def test_conditions_that_fail_forbid(world: World) -> None:
    conditions = [{"name": "x", "expression": "object.data.none == ''"}]
    await world.register("validating", matchConditions=conditions)
    response, status = await world.send("POST", CONFIGMAPS, configmap())
    assert response.status == 403
    assert status["message"] == (
        "configmaps \"c\" is forbidden: expression 'object.data.none == ''' resulted in error: no such key: none"
    )
    assert world.asked == []


async def test_a_connection_can_be_refused_by_its_options(world: World) -> None:
    await world.send("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    response, made = await world.send("POST", "/api/v1/namespaces/default/pods", pod)
    assert response.status == 201, made
    rule = {"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/attach"]}
    await world.register("validating", rules=[rule])
    world.answer = lambda _: {"allowed": False, "status": {"message": "attaching is not allowed"}}
    response, status = await world.send("POST", "/api/v1/namespaces/default/pods/p/attach?stdin=true&container=c")
    assert response.status == 400
    assert "attaching is not allowed" in status["message"]
    (asked,) = world.asked
    assert (asked["name"], asked["subResource"], asked["kind"]["kind"]) == ("p", "attach", "PodAttachOptions")
    assert asked["resource"] == {"group": "", "version": "v1", "resource": "pods"}
    assert asked["object"] == {"kind": "PodAttachOptions", "apiVersion": "v1", "stdin": True, "container": "c"}


async def test_being_seen_in_another_version_changes_nothing(world: World) -> None:
    await world.register("validating", rules=[HPAS])
    for version in ("v1", "v2"):
        path = f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers"
        tree = autoscaler()
        tree["metadata"]["name"] = version
        if version == "v2":
            tree["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": 7}}
        response, made = await world.send("POST", path, tree)
        assert response.status == 201, made
        response, read = await world.send("GET", f"{path}/{version}")
        assert made == read
        assert read["spec"]["maxReplicas"] == 3
        assert "autoscaling.alpha.kubernetes.io/behavior" not in read["metadata"].get("annotations", {})
    assert [asked["object"]["apiVersion"] for asked in world.asked] == ["autoscaling/v1"] * 2
    assert world.asked[1]["requestKind"]["version"] == "v2"


async def test_custom_resources_are_mutated_whatever_version_they_lie_in(world: World) -> None:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}

    def versions(storage: str) -> list[dict[str, Any]]:
        return [{"name": n, "served": True, "storage": n == storage, "schema": schema} for n in ("v1", "v2")]

    names = {"plural": "boats", "kind": "Boat"}
    spec = {"group": "ex.example.com", "names": names, "scope": "Namespaced", "versions": versions("v1")}
    await world.hooked.define({"metadata": {"name": "boats.ex.example.com"}, "spec": spec})
    rule = {"operations": ["*"], "apiGroups": ["ex.example.com"], "apiVersions": ["v1"], "resources": ["boats"]}
    await world.register("mutating", rules=[rule])

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        stage = len(request["object"]["data"])
        return patch({"op": "add", "path": f"/data/stage-{stage}", "value": request["object"]["apiVersion"]})

    world.answer = answer
    boats = "/apis/ex.example.com/{}/namespaces/default/boats"
    tree = {"apiVersion": "ex.example.com/v1", "kind": "Boat", "metadata": {"name": "b"}, "data": {"start": "x"}}
    _, made = await world.send("POST", boats.format("v1"), tree)
    assert made["data"] == {"start": "x", "stage-1": "ex.example.com/v1"}
    merge = "application/merge-patch+json"
    change = {"spec": {"versions": versions("v2")}}
    await world.send("PATCH", f"{DEFINITIONS}/boats.ex.example.com", change, content_type=merge)
    # The webhook knows v1 alone, and is asked in v1 about a write in v2 to what lies there in v1.
    _, changed = await world.send("PATCH", boats.format("v2") + "/b", {"data": {"more": "y"}}, content_type=merge)
    assert changed["apiVersion"] == "ex.example.com/v2"
    assert changed["data"] == {
        "start": "x",
        "stage-1": "ex.example.com/v1",
        "more": "y",
        "stage-3": "ex.example.com/v1",
    }


POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}
DEPLOYMENT = {
    "metadata": {"name": "d"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def concerning(group: str, resource: str) -> dict[str, Any]:
    rule = {"operations": ["*"], "apiGroups": [group], "apiVersions": ["v1"], "resources": [resource]}
    return {"rules": [rule]}


async def test_webhooks_see_and_change_the_scale(world: World) -> None:
    await world.send("POST", DEPLOYMENTS, DEPLOYMENT)
    await world.register("mutating", **concerning("apps", "deployments/scale"))
    await world.register("validating", "v", **concerning("apps", "deployments/scale"))
    seven = {"op": "replace", "path": "/spec/replicas", "value": 7}
    world.answer = lambda request: patch(seven) if len(world.asked) == 1 else {"allowed": True}
    scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "d"}, "spec": {"replicas": 5}}
    _, answered = await world.send("PUT", f"{DEPLOYMENTS}/d/scale", scale)
    assert answered["spec"] == {"replicas": 7}
    assert (await world.send("GET", f"{DEPLOYMENTS}/d"))[1]["spec"]["replicas"] == 7
    first, second = world.asked
    kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    resource = {"group": "apps", "version": "v1", "resource": "deployments"}
    for asked, replicas in ((first, 5), (second, 7)):
        assert (asked["kind"], asked["resource"], asked["subResource"]) == (kind, resource, "scale")
        assert (asked["requestKind"], asked["operation"], asked["name"]) == (kind, "UPDATE", "d")
        assert (asked["object"]["kind"], asked["object"]["apiVersion"]) == ("Scale", "autoscaling/v1")
        assert (asked["object"]["spec"], asked["oldObject"]["spec"]) == ({"replicas": replicas}, {"replicas": 2})


@pytest.mark.parametrize(
    ("resource", "path", "body", "kind"),
    [
        (
            "pods/binding",
            "pods/p/binding",
            {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p"}, "target": {"name": "n"}},
            {"group": "", "version": "v1", "kind": "Binding"},
        ),
        (
            "pods/eviction",
            "pods/p/eviction",
            {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}},
            {"group": "policy", "version": "v1", "kind": "Eviction"},
        ),
        (
            "serviceaccounts/token",
            "serviceaccounts/default/token",
            {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": ["a"]}},
            {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
        ),
    ],
)
async def test_webhooks_see_what_subresources_take(
    world: World, resource: str, path: str, body: dict[str, Any], kind: dict[str, str]
) -> None:
    await world.send("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    await world.send("POST", "/api/v1/namespaces/default/pods", POD)
    # Whoever asks about the pods themselves is not asked about these.
    await world.register("validating", "pods", **concerning("", "pods"))
    await world.register("validating", **concerning("", resource))
    world.answer = lambda _: {"allowed": False}
    response, status = await world.send("POST", f"/api/v1/namespaces/default/{path}", body)
    assert response.status == 400, status
    (asked,) = world.asked
    assert (asked["kind"], asked["operation"], asked["oldObject"]) == (kind, "CREATE", None)
    assert f"{asked['resource']['resource']}/{asked['subResource']}" == resource
    assert asked["object"]["kind"] == kind["kind"]
    world.answer = lambda _: {"allowed": True}
    response, answered = await world.send("POST", f"/api/v1/namespaces/default/{path}", body)
    assert response.status == 201, answered
    assert len(world.asked) == 2
