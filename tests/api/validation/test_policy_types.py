"""Doubts about the expressions of policies, by the types of what they may meet."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.api.validation.policy_types import type_warnings


def warnings(*expressions: str, resources: tuple[str, ...] = ("deployments",), **more: Any) -> list[tuple[str, str]]:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": list(resources)}
    validations = [{"expression": expression} for expression in expressions]
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": validations, **more}
    return [(each["fieldRef"], each["warning"]) for each in type_warnings(spec)]


def test_each_kind_that_does_not_fit_is_told() -> None:
    fault = "ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'"
    lines = f"{fault}\n | object.spec.replicas > '1'\n | .....................^"
    (found,) = warnings("true", "object.spec.replicas > '1'", resources=("statefulsets", "deployments", "daemonsets"))
    assert found == (
        "spec.validations[1].expression",
        "apps/v1, Kind=DaemonSet: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas > '1'\n"
        f" | ...........^\napps/v1, Kind=Deployment: {lines}\napps/v1, Kind=StatefulSet: {lines}",
    )


@pytest.mark.parametrize(
    "expression",
    [
        "object.spec.template.spec.containers.all(c, c.image != '')",
        "has(object.spec.replicas) && object.spec.replicas > 1.5",
        "object.metadata.labels['x'] == 'y' && oldObject.status.replicas + 1 < 5",
        "variables.x.whatever == params.y && namespaceObject.metadata.name == 'z'",
        "authorizer.requestResource.check('get').allowed() && request.userInfo.username == 'a'",
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
        "object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')",
    ],
)
def test_what_fits_is_not_doubted(expression: str) -> None:
    assert warnings(expression, variables=[{"name": "x", "expression": "1"}]) == []


def test_only_kinds_that_are_named_are_looked_at() -> None:
    assert warnings("object.nope == 1", resources=("*",)) == []
    assert warnings("object.nope == 1", resources=("deployments/status",)) == []


def test_messages_are_looked_at_too() -> None:
    found = warnings(validations=[{"expression": "true", "messageExpression": "object.nope"}])
    assert [field for field, _ in found] == ["spec.validations[0].messageExpression"]
