"""ValidatingAdmissionPolicies with their bindings."""

from __future__ import annotations

from typing import Any

from tests.server.peer import Peer

GROUP = "/apis/admissionregistration.k8s.io/v1"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
RULE = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


def policy(peer: Peer, *validations: dict[str, Any], actions: tuple[str, ...] = ("Deny",), **spec: Any) -> None:
    tree = {"matchConstraints": {"resourceRules": [RULE]}, "validations": list(validations), **spec}
    peer.post(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": tree})
    binding: dict[str, Any] = {"policyName": "p", "validationActions": list(actions)}
    if "paramKind" in spec:
        binding["paramRef"] = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
    peer.post(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": binding})


def configmap(name: str = "c", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


DENIED = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "


def test_what_does_not_hold_is_denied(peer: Peer) -> None:
    policy(
        peer,
        {"expression": "object.metadata.name != 'no'", "message": "no no"},
        {"expression": "variables.keys < 2", "messageExpression": "string(variables.keys) + ' keys'"},
        variables=[{"name": "keys", "expression": "size(object.data)"}],
    )
    peer.post(CONFIGMAPS, configmap(a="b"))
    status, message = peer.refused("POST", CONFIGMAPS, configmap("no", a="b"))
    assert (status, message) == (422, f'configmaps "no" is forbidden: {DENIED}no no')
    _, message = peer.refused("POST", CONFIGMAPS, configmap("d", a="b", c="d"))
    assert message.endswith(f"{DENIED}2 keys")


def test_an_expression_that_fails_denies_unless_told_otherwise(peer: Peer) -> None:
    policy(peer, {"expression": "object.data.missing == 'x'"})
    _, message = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    assert "expression 'object.data.missing == 'x'' resulted in error: " in message
    merge = {"media": "application/merge-patch+json"}
    peer.ok("PATCH", f"{GROUP}/validatingadmissionpolicies/p", {"spec": {"failurePolicy": "Ignore"}}, **merge)
    peer.post(CONFIGMAPS, configmap(a="b"))


def test_warnings_and_match_conditions(peer: Peer) -> None:
    conditions = [{"name": "mine", "expression": "object.metadata.name.startsWith('m')"}]
    policy(peer, {"expression": "false"}, actions=("Warn",), matchConditions=conditions)
    warned = dict(peer.send("POST", CONFIGMAPS, configmap("m")).headers)
    text = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: false"
    assert warned["Warning"] == f'299 - "{text}"'
    assert "Warning" not in dict(peer.send("POST", CONFIGMAPS, configmap("n")).headers)


def test_parameters_come_from_an_object(peer: Peer) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    expression = "object.metadata.name == 'limits' || size(object.data) <= int(params.data.max)"
    peer.post(CONFIGMAPS, configmap("limits", max="1"))
    policy(peer, {"expression": expression}, paramKind=kind)
    peer.post(CONFIGMAPS, configmap(a="b"))
    assert peer.send("POST", CONFIGMAPS, configmap("d", a="b", c="d")).status == 422
    peer.ok("DELETE", f"{CONFIGMAPS}/limits")
    _, message = peer.refused("POST", CONFIGMAPS, configmap("e"))
    assert message.endswith("no params found for policy binding with `Deny` parameterNotFoundAction")


def test_variables_are_evaluated_when_they_are_used(peer: Peer) -> None:
    policy(
        peer,
        {"expression": "object.metadata.name == 'c' || variables.broken == 1"},
        variables=[
            {"name": "none", "expression": "object.data.none"},
            {"name": "broken", "expression": "variables.none"},
        ],
    )
    peer.post(CONFIGMAPS, configmap(a="b"))
    _, message = peer.refused("POST", CONFIGMAPS, configmap("d", a="b"))
    assert message.endswith(
        'resulted in error: composited variable "broken" fails to evaluate: composited variable "none" fails to '
        "evaluate: no such key: none"
    )


def test_variables_may_be_optional_values(peer: Peer) -> None:
    policy(
        peer,
        {"expression": "variables.twice.orValue('') == 'b' || !variables.a.hasValue()", "message": "a must be b"},
        variables=[
            {"name": "a", "expression": "object.?data.?a"},
            {"name": "twice", "expression": "variables.a.or(variables.a)"},
        ],
    )
    peer.post(CONFIGMAPS, configmap(a="b"))
    peer.post(CONFIGMAPS, configmap("d", z="b"))
    _, message = peer.refused("POST", CONFIGMAPS, configmap("e", a="c"))
    assert message.endswith("denied request: a must be b")


def test_a_false_condition_outweighs_one_that_fails(peer: Peer) -> None:
    conditions = [
        {"name": "broken", "expression": "object.data.none == ''"},
        {"name": "mine", "expression": "object.metadata.name == 'mine'"},
    ]
    policy(peer, {"expression": "true"}, matchConditions=conditions)
    peer.post(CONFIGMAPS, configmap(a="b"))
    _, message = peer.refused("POST", CONFIGMAPS, configmap("mine", a="b"))
    assert message.endswith("expression 'object.data.none == ''' resulted in error: no such key: none")


def test_the_authorizer_and_the_namespace_can_be_asked(peer: Peer) -> None:
    policy(
        peer,
        {"expression": "authorizer.requestResource.check('create').allowed()"},
        {"expression": "!authorizer.serviceAccount('default', 'x').group('apps').resource('deployments').namespace("
                       "'default').check('delete').allowed()"},
        {"expression": "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'"},
        {"expression": "authorizer.path('/healthz').check('get').allowed()"},
    )  # fmt: skip
    peer.post(CONFIGMAPS, configmap())


def test_parameters_of_cluster_scope_take_no_namespace(peer: Peer) -> None:
    policy(peer, {"expression": "true"}, paramKind={"apiVersion": "v1", "kind": "Namespace"})
    _, message = peer.refused("POST", CONFIGMAPS, configmap())
    assert message.endswith("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")


def test_variables_may_be_moments(peer: Peer) -> None:
    policy(
        peer,
        {"expression": "variables.limit - variables.start == duration('1h')"},
        variables=[
            {"name": "start", "expression": "timestamp('2020-01-01T00:00:00Z')"},
            {"name": "limit", "expression": "variables.start + [duration('1h')][0]"},
        ],
    )
    peer.post(CONFIGMAPS, configmap(a="b"))


def test_a_kind_of_parameters_that_nobody_serves(peer: Peer) -> None:
    policy(peer, {"expression": "true"}, paramKind={"apiVersion": "ex.example.com/v1", "kind": "Limit"})
    _, message = peer.refused("POST", CONFIGMAPS, configmap())
    found = "failed to find resource referenced by paramKind: 'ex.example.com/v1, Kind=Limit'"
    assert message.endswith(f"denied request: failed to configure binding: {found}")


def test_expressions_that_cost_too_much_are_stopped(peer: Peer) -> None:
    dear = "lists.range(2000000).all(x, x >= 0)"
    policy(peer, {"expression": dear})
    _, message = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    assert message.endswith(f"expression '{dear}' resulted in error: lists.range: too many elements")
    loop = "lists.range(1000).all(x, lists.range(1000).all(y, x >= 0 && y >= 0))"
    merge = {"media": "application/merge-patch+json"}
    spec: dict[str, Any] = {"validations": [{"expression": loop}]}
    peer.ok("PATCH", f"{GROUP}/validatingadmissionpolicies/p", {"spec": spec}, **merge)
    _, message = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    stopped = "operation cancelled: actual cost limit exceeded"
    assert message.endswith(f"{DENIED}expression '{loop}' resulted in error: {stopped}")
    spec = {"matchConditions": [{"name": f"m{n}", "expression": f"{loop} || {n} == 1"} for n in range(3)]}
    peer.ok("PATCH", f"{GROUP}/validatingadmissionpolicies/p", {"spec": spec}, **merge)
    _, message = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    budget = "validation failed due to running out of cost budget, no further validation rules will be run"
    assert message.endswith(f"{DENIED}{budget}")
    spec = {"matchConditions": None, "validations": [{"expression": f"{loop} || {n} > 0"} for n in range(20)]}
    peer.ok("PATCH", f"{GROUP}/validatingadmissionpolicies/p", {"spec": spec}, **merge)
    _, message = peer.refused("POST", CONFIGMAPS, configmap(a="b"))
    assert message.endswith(f"{DENIED}{budget}")
