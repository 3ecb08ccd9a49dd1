"""Admission policies in CEL at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conformance.api import Api, ApiError
from tests.kubectl.objects import deployment
from tests.kubectl.site import Tree

GROUP = "admissionregistration.k8s.io/v1"
RULES = [
    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}
]
DEPLOYMENTS = "apps/v1/deployments"


@contextmanager
def policy(api: Api, kind: str, spec: Tree, binding: Tree) -> Iterator[None]:
    """A policy bound to the test's namespace."""
    name, plural = f"{api.namespace}.policy.example.com", f"{kind.lower()[:-1]}ies"
    constraints = {"resourceRules": RULES, "namespaceSelector": {"matchLabels": {"e2e": api.namespace}}}
    api.patch("v1/namespaces", api.namespace, {"metadata": {"labels": {"e2e": api.namespace}}})
    head: Tree = {"apiVersion": GROUP, "metadata": {"name": name}}
    api.create(f"{GROUP}/{plural}", head | {"kind": kind, "spec": {"matchConstraints": constraints, **spec}})
    bound = head | {"kind": f"{kind}Binding", "spec": {"policyName": name, **binding}}
    api.create(f"{GROUP}/{kind.lower()}bindings", bound)
    try:
        yield
    finally:
        api.delete(f"{GROUP}/{kind.lower()}bindings", name)
        api.delete(f"{GROUP}/{plural}", name)


def validating(api: Api, **spec: Any) -> Any:
    return policy(api, "ValidatingAdmissionPolicy", spec, {"validationActions": ["Deny"]})


def mutating(api: Api, *expressions: str) -> Any:
    mutations = [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
        for expression in expressions
    ]
    return policy(api, "MutatingAdmissionPolicy", {"reinvocationPolicy": "Never", "mutations": mutations}, {})


@pytest.mark.row("sig-api-machinery: ValidatingAdmissionPolicy should validate against a Deployment")
def test_validation(api: Api) -> None:
    rules = [
        {"expression": "object.spec.replicas > 1", "messageExpression": "'wants ' + string(object.spec.replicas)"},
        {"expression": "object.spec.replicas < 10", "message": "too many"},
    ]
    with validating(api, validations=rules):
        api.create(DEPLOYMENTS, deployment("good", replicas=2))
        with pytest.raises(ApiError, match="wants 1") as caught:
            api.create(DEPLOYMENTS, deployment("small", replicas=1))
        assert (caught.value.code, caught.value.reason) == (422, "Invalid")
        with pytest.raises(ApiError, match="too many"):
            api.create(DEPLOYMENTS, deployment("large", replicas=11))


@pytest.mark.row("sig-api-machinery: ValidatingAdmissionPolicy should allow expressions to refer variables.")
def test_variables(api: Api) -> None:
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
    ]
    rules = [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]
    with validating(api, variables=variables, validations=rules):
        api.create(DEPLOYMENTS, deployment("odd", replicas=3))
        with pytest.raises(ApiError, match=r"failed expression: variables\.replicas > 1"):
            api.create(DEPLOYMENTS, deployment("one", replicas=1))
        with pytest.raises(ApiError, match=r"failed expression: variables\.oddReplicas"):
            api.create(DEPLOYMENTS, deployment("even", replicas=2))


@pytest.mark.row("sig-api-machinery: MutatingAdmissionPolicy should mutate a Deployment")
def test_mutation(api: Api) -> None:
    with mutating(api, "Object{spec: Object.spec{replicas: object.spec.replicas + 100}}"):
        assert api.create(DEPLOYMENTS, deployment("small", replicas=1))["spec"]["replicas"] == 101


@pytest.mark.row("sig-api-machinery: MutatingAdmissionPolicy should mutate a Deployment with annotations")
def test_mutation_of_annotations(api: Api) -> None:
    expression = 'Object{metadata: Object.metadata{annotations: {"my-foo-annotation": "myAnnotationValue"}}}'
    with mutating(api, expression):
        made = api.create(DEPLOYMENTS, deployment("noted", replicas=1))
        assert made["metadata"]["annotations"]["my-foo-annotation"] == "myAnnotationValue"
