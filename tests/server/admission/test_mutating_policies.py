"""MutatingAdmissionPolicies with their bindings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.peer import Peer

GROUP = "/apis/admissionregistration.k8s.io/v1"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
BOTH = {
    "operations": ["CREATE", "UPDATE"],
    "apiGroups": ["", "apps"],
    "apiVersions": ["v1"],
    "resources": ["configmaps", "deployments"],
}

Tree = dict[str, Any]


def configuration(expression: str) -> Tree:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def operations(expression: str) -> Tree:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def policy(peer: Peer, *mutations: Tree, name: str = "p", rule: Tree | None = None, **spec: Any) -> None:
    param_ref = spec.pop("paramRef", None)
    tree = {
        "matchConstraints": {"resourceRules": [rule or BOTH]},
        "mutations": list(mutations),
        "reinvocationPolicy": "Never",
        **spec,
    }
    peer.post(f"{GROUP}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": tree})
    binding: Tree = {"policyName": name}
    if param_ref:
        binding["paramRef"] = param_ref
    peer.post(f"{GROUP}/mutatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": binding})


def deployment(name: str = "d", **spec: Any) -> Tree:
    pod = {"containers": [{"name": "app", "image": "app"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod}
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


def configmap(name: str = "c", **data: str) -> Tree:
    return {"metadata": {"name": name}, "data": data}


def test_an_apply_configuration_is_merged_by_the_types(peer: Peer) -> None:
    sidecar = "Object.spec.template.spec.containers{name: 'side', image: 'side', args: ['run']}"
    policy(
        peer,
        configuration(
            "Object{metadata: Object.metadata{labels: {'touched': 'yes'}}, spec: Object.spec{replicas: 3, "
            f"template: Object.spec.template{{spec: Object.spec.template.spec{{containers: [{sidecar}]}}}}}}}}"
        ),
    )
    made = peer.post(DEPLOYMENTS, deployment())
    assert made["metadata"]["labels"] == {"touched": "yes"}
    assert made["spec"]["replicas"] == 3
    containers = made["spec"]["template"]["spec"]["containers"]
    assert sorted(c["name"] for c in containers) == ["app", "side"]
    # What a mutation adds is defaulted like all else.
    assert {c["imagePullPolicy"] for c in containers} == {"Always"}


def test_json_patches_with_variables_and_conditions(peer: Peer) -> None:
    policy(
        peer,
        operations(
            "[JSONPatch{op: 'test', path: '/data/a', value: '1'}, "
            "JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('x.y'), value: variables.total}]"
        ),
        variables=[{"name": "total", "expression": "string(size(object.data))"}],
        matchConditions=[{"name": "has-a", "expression": "has(object.data) && 'a' in object.data"}],
    )
    assert peer.post(CONFIGMAPS, configmap(a="1", b="2"))["data"] == {"a": "1", "b": "2", "x.y": "2"}
    assert peer.post(CONFIGMAPS, configmap("d", z="1"))["data"] == {"z": "1"}


def test_policies_run_by_name_and_see_what_came_before(peer: Peer) -> None:
    policy(peer, operations("[JSONPatch{op: 'add', path: '/data/b', value: object.data.a + 'b'}]"), name="b")
    policy(peer, operations("[JSONPatch{op: 'add', path: '/data/a', value: 'a'}]"), name="a")
    assert peer.post(CONFIGMAPS, configmap(x="y"))["data"] == {"x": "y", "a": "a", "b": "ab"}


def test_a_policy_runs_again_when_a_later_one_changed_the_object(peer: Peer) -> None:
    count = "[JSONPatch{op: 'add', path: '/data/n', value: string(size(object.data))}]"
    policy(peer, operations(count), name="a", reinvocationPolicy="IfNeeded")
    policy(peer, operations("[JSONPatch{op: 'add', path: '/data/late', value: 'x'}]"), name="b")
    # Once with x alone, once with x, n and late.
    assert peer.post(CONFIGMAPS, configmap(x="y"))["data"] == {"x": "y", "late": "x", "n": "3"}


def test_each_parameter_object_mutates(peer: Peer) -> None:
    for name in ("one", "two"):
        peer.post(CONFIGMAPS, {**configmap(name, key=name), "metadata": {"name": name, "labels": {"is": "param"}}})
    policy(
        peer,
        configuration("Object{data: {params.data.key: 'set'}}"),
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        paramRef={"selector": {"matchLabels": {"is": "param"}}, "parameterNotFoundAction": "Deny"},
    )
    assert peer.post(CONFIGMAPS, configmap())["data"] == {"one": "set", "two": "set"}


@pytest.mark.parametrize(
    ("mutation", "message"),
    [
        (operations("[JSONPatch{op: 'remove', path: '/data/none'}]"), "JSON Patch: "),
        (configuration("Object{data: {'a': object.data.none}}"), "resulted in error: no such key: none"),
        (configuration("Object{nope: 1}"), "error applying patch: .nope: field not declared in schema"),
    ],
)
def test_a_mutation_that_fails_refuses_unless_told_otherwise(peer: Peer, mutation: Tree, message: str) -> None:
    policy(peer, mutation)
    status, text = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    start = "configmaps \"c\" is forbidden: policy 'p' with binding 'p' denied request: "
    assert status == 422
    assert text.startswith(start)
    assert message in text
    merge = {"media": "application/merge-patch+json"}
    peer.ok("PATCH", f"{GROUP}/mutatingadmissionpolicies/p", {"spec": {"failurePolicy": "Ignore"}}, **merge)
    assert peer.post(CONFIGMAPS, configmap(a="b"))["data"] == {"a": "b"}


def test_what_is_atomic_cannot_be_merged(peer: Peer) -> None:
    policy(peer, configuration("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'x': 'y'}}}}"))
    _, text = peer.refused("POST", DEPLOYMENTS, deployment())
    assert text.endswith("may not mutate atomic arrays, maps or structs: .spec.selector")


def test_a_rule_for_another_version_is_shown_that_version(peer: Peer) -> None:
    rule = {
        "operations": ["CREATE"],
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"],
        "resources": ["horizontalpodautoscalers"],
    }
    policy(
        peer,
        configuration("Object{spec: Object.spec{targetCPUUtilizationPercentage: 42}}"),
        rule=rule,
        matchConditions=[{"name": "v1", "expression": "request.kind.version == 'v1'"}],
        variables=[],
    )
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    tree = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}
    made = peer.post("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", tree)
    assert made["apiVersion"] == "autoscaling/v2"
    assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 42
