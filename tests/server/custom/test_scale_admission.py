"""Admission sees the scale of custom resources as a Scale."""

from __future__ import annotations

from typing import Any

from tests.server.peer import Peer

GROUP = "/apis/admissionregistration.k8s.io/v1"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
INTEGER = {"type": "integer"}
FIELDS = {"type": "object", "properties": {"replicas": INTEGER}}
DEFINITION: dict[str, Any] = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": FIELDS, "status": FIELDS}}},
                "subresources": {
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
                },
            }
        ],
    },
}
RULE = {
    "operations": ["UPDATE"],
    "apiGroups": ["example.com"],
    "apiVersions": ["v1"],
    "resources": ["widgets/scale"],
}


def bind(peer: Peer, kind: str, spec: dict[str, Any], **binding: Any) -> None:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, **spec}
    peer.post(f"{GROUP}/{kind}admissionpolicies", {"metadata": {"name": "p"}, "spec": spec})
    peer.post(
        f"{GROUP}/{kind}admissionpolicybindings", {"metadata": {"name": "b"}, "spec": {"policyName": "p", **binding}}
    )


def test_policies_judge_and_change_the_scale(peer: Peer) -> None:
    peer.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"replicas": 1}}
    peer.post(WIDGETS, widget)
    seen = "object.kind == 'Scale' && oldObject.spec.replicas == 1 && request.kind.group == 'autoscaling'"
    bind(
        peer,
        "validating",
        {"validations": [{"expression": f"{seen} && object.spec.replicas < 9"}]},
        validationActions=["Deny"],
    )
    expression = "Object{spec: Object.spec{replicas: object.spec.replicas * 2}}"
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    bind(peer, "mutating", {"mutations": [mutation], "reinvocationPolicy": "Never"})
    scale: dict[str, Any] = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "w"}}
    status, message = peer.refused("PUT", f"{WIDGETS}/w/scale", {**scale, "spec": {"replicas": 5}})
    assert (status, message.startswith('widgets.example.com "w" is forbidden: ')) == (422, True)
    assert peer.ok("PUT", f"{WIDGETS}/w/scale", {**scale, "spec": {"replicas": 4}})["spec"] == {"replicas": 8}
    assert peer.get(f"{WIDGETS}/w")["spec"] == {"replicas": 8}
