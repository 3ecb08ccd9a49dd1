"""What the server says of CustomResourceDefinitions."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.api.validation.definition_schema import schema_errors
from navarch.api.validation.definitions import definition_errors, new_definition_errors
from navarch.api.warnings import definition_warnings

OBJECT = {"type": "object"}


def definition(schema: dict[str, Any], group: str = "ex.org", **spec: Any) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "as", "singular": "a", "kind": "A", "listKind": "AList"}
    given = {"group": group, "names": names, "scope": "Cluster", "versions": [version]}
    return {
        "metadata": {"name": f"as.{group}"},
        "spec": {**given, "conversion": {"strategy": "None"}, **spec},
        "status": {"storedVersions": ["v1"]},
    }


def texts(schema: dict[str, Any], **options: Any) -> list[str]:
    return [str(error) for error in schema_errors(schema, "s", **options)]


def test_a_plain_definition_is_right() -> None:
    tree = definition(OBJECT)
    assert not definition_errors(tree) and not new_definition_errors(tree) and not definition_warnings(tree, None)


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        ("", "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval"),
        ("soon", 'Invalid value: "soon": protected groups must have approval annotation'),
        ("unapproved, an experiment", ""),
        ("https://github.com/kubernetes/kubernetes/pull/1", ""),
    ],
)
def test_groups_of_kubernetes_need_an_approval(annotation: str, fault: str) -> None:
    tree = definition(OBJECT, group="a.k8s.io")
    tree["metadata"]["annotations"] = {"api-approved.kubernetes.io": annotation}
    found = [str(error) for error in new_definition_errors(tree)]
    assert (fault in found[0]) if fault else not found


def test_alternatives_say_nothing_but_restrictions() -> None:
    nested = {"type": "object", "default": {}, "properties": {"a": {"type": "string", "minLength": 1}}}
    assert texts({"type": "object", "anyOf": [nested]}) == [
        "s.anyOf[0].default: Forbidden: must be undefined to be structural",
        "s.anyOf[0].type: Forbidden: must be empty to be structural",
        "s.anyOf[0].properties[a].type: Forbidden: must be empty to be structural",
    ]
    assert not texts({"type": "object", "anyOf": [{"properties": {"a": {"minLength": 1}}}]})
    assert not texts({"type": "object", "not": {"required": ["a"]}})


def test_the_root_beside_a_status_says_little() -> None:
    found = texts({"type": "object", "nullable": True}, with_status=True)
    assert found[0].startswith('s: Invalid value: {"ID":"","Schema":"","Ref":null,')
    assert found[0].endswith("fields are allowed at the root of the schema if the status subresource is enabled")
    assert found[1:] == ["s.nullable: Forbidden: nullable cannot be true at the root"]
    assert not texts({"type": "object", "description": "d"}, with_status=True)


def test_bounds_of_integers_are_integers_where_a_default_is_checked() -> None:
    number = {"type": "integer", "default": 3, "maximum": 1.5}
    found = texts({"type": "object", "properties": {"n": number}})
    assert [text.removeprefix("s.properties[n].default: Invalid value: ") for text in found] == [
        '"": Maximum boundary value must be of type integer (default format) in ',
        "3:  in body should be less than or equal to 1.5",
    ]


def test_conversion_settings_are_for_webhooks_whatever_the_strategy() -> None:
    webhook = {"clientConfig": {"url": "https://a.org"}, "conversionReviewVersions": ["v1"]}
    found = definition_errors(definition(OBJECT, conversion={"strategy": "", "webhook": webhook}))
    text = "Forbidden: should not be set when strategy is not set to Webhook"
    assert [str(error) for error in found] == [
        "spec.conversion.strategy: Required value",
        f"spec.conversion.webhookClientConfig: {text}",
        f"spec.conversion.conversionReviewVersions: {text}",
    ]


def test_unknown_formats_are_warned_of_once() -> None:
    odd = {"type": "string", "format": "weird"}
    known = {"type": "string", "format": "date-time"}
    tree = definition({"type": "object", "properties": {"a": odd, "b": {"type": "array", "items": odd}, "c": known}})
    assert definition_warnings(tree, None) == ['unrecognized format "weird"']
