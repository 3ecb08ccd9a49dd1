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
        "s.anyOf[0].properties[a].type: Forbidden: must be empty to be structural",
        "s.anyOf[0].type: Forbidden: must be empty to be structural",
        "s.properties[a]: Required value: because it is defined in s.anyOf[0].properties[a]",
    ]
    specified = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert not texts({**specified, "anyOf": [{"properties": {"a": {"minLength": 1}}}]})
    assert not texts({"type": "object", "not": {"required": ["a"]}})


@pytest.mark.parametrize(
    "choice",
    [
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "^a$"}]},
    ],
)
def test_a_number_or_a_text_may_be_said_the_way_generators_do(choice: dict[str, Any]) -> None:
    cpu = {**choice, "x-kubernetes-int-or-string": True, "pattern": r"^(\+|-)?[0-9]+m?$"}
    assert not texts({"type": "object", "properties": {"cpu": cpu}})
    swapped = {"anyOf": [{"type": "string"}, {"type": "integer"}], "x-kubernetes-int-or-string": True}
    assert len(texts({"type": "object", "properties": {"cpu": swapped}})) == 2


A = "s.properties[a]"


@pytest.mark.parametrize(
    ("a", "faults"),
    [
        ({"$ref": "#/d"}, [f"{A}.$ref: Forbidden: $ref is not supported"]),
        ({"type": "string", "id": "x"}, [f"{A}.id: Forbidden: id is not supported"]),
        (
            {"type": "object", "patternProperties": {"a": {"type": "string"}}},
            [f"{A}.patternProperties: Forbidden: patternProperties is not supported"],
        ),
        (
            {"type": "array", "items": [{"type": "string"}]},
            [f"{A}.items: Forbidden: items must be a schema object and not an array"],
        ),
        ({"type": "object", "$schema": "x"}, ["s: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"]),
        (
            {"type": "string", "pattern": "a(b"},
            [
                f'{A}.pattern: Invalid value: "a(b": must be a valid regular expression, but isn\'t: '
                "error parsing regexp: missing closing ): `a(b`"
            ],
        ),
        (
            {"type": "string", "x-kubernetes-embedded-resource": True},
            [
                f"{A}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields",
                f'{A}.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
            ],
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "object", "nullable": True}},
            [
                f"{A}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with "
                "x-kubernetes-list-type=set",
                f"{A}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
            ],
        ),
        (
            {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k", "l", "k"],
                "items": {"type": "object", "properties": {"k": {"type": "string", "nullable": True}}},
            },
            [
                f'{A}.x-kubernetes-list-map-keys: Invalid value: ["k","l","k"]: entries must all be names of item '
                "properties",
                f'{A}.x-kubernetes-list-map-keys: Invalid value: ["k","l","k"]: must not contain duplicate entries',
                *[
                    f"{A}.items.properties[k].default: Required value: this property is in "
                    "x-kubernetes-list-map-keys, so it must have a default or be a required property",
                    f"{A}.items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so "
                    "it cannot be nullable",
                ]
                * 2,
            ],
        ),
        (
            {"type": "array", "x-kubernetes-map-type": "atomic", "items": {"type": "string"}},
            [f'{A}.type: Invalid value: "array": must be object if x-kubernetes-map-type is specified'],
        ),
    ],
)
def test_what_no_field_may_say(a: dict[str, Any], faults: list[str]) -> None:
    assert texts({"type": "object", "properties": {"a": a}}) == faults


def test_defaults_have_no_unknown_fields() -> None:
    default = {"type": "object", "properties": {"b": {"type": "string"}}, "default": {"b": "x", "c": 1}}
    assert texts({"type": "object", "properties": {"a": default}}) == [
        f'{A}.default: Invalid value: {{"b":"x","c":1}}: must not have unknown fields'
    ]


@pytest.mark.parametrize("path", ['.status.conditions[?(@.type=="Ready")].status', r".metadata.labels.a\.b\.io/c", "."])
def test_columns_show_any_path_that_begins_with_a_dot(path: str) -> None:
    tree = definition(OBJECT)
    tree["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": "A", "type": "string", "jsonPath": path}]
    assert not definition_errors(tree)


def test_metadata_is_implicit() -> None:
    name = {"properties": {"name": {"type": "string", "maxLength": 20}}, "type": "object"}
    assert not texts({"type": "object", "properties": {"metadata": name}})
    described = {"type": "object", "description": "d"}
    assert texts({"type": "object", "properties": {"metadata": described, "kind": {"type": "integer"}}}) == [
        's.properties[kind].type: Invalid value: "integer": must be string',
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata "
        "is implicitly specified",
    ]
    default = {"type": "string", "default": "v1"}
    assert texts({"type": "object", "properties": {"apiVersion": default}}) == [
        "s.properties[apiVersion].default: Forbidden: must not be set in top-level apiVersion"
    ]


def rules(*rules: dict[str, Any], **node: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": 9, **node, "x-kubernetes-validations": list(rules)}


@pytest.mark.parametrize(
    ("a", "fault"),
    [
        (rules({"rule": "self ==\n'a'"}), ".message: Required value: message must be specified if rule contains line"),
        (
            rules({"rule": "true", "messageExpression": " "}),
            ".messageExpression: Required value: messageExpression must",
        ),
        (rules({"rule": "true", "messageExpression": "1"}), "messageExpression must evaluate to a string"),
        (rules({"rule": "true", "messageExpression": "self +"}), "messageExpression compilation failed: ERROR"),
        (rules({"rule": "true", "fieldPath": " "}), '.fieldPath: Invalid value: " ": must be non-empty if specified'),
        (rules({"rule": "true", "optionalOldSelf": True}), "true: may not be set if oldSelf is not used in rule"),
        (
            {"type": "array", "maxItems": 3, "items": rules({"rule": "self == oldSelf"})},
            f"oldSelf cannot be used on the uncorrelatable portion of the schema within {A}",
        ),
    ],
)
def test_what_is_wrong_with_rules(a: dict[str, Any], fault: str) -> None:
    assert any(fault in text for text in texts({"type": "object", "properties": {"a": a}}))


def test_rules_that_are_right() -> None:
    optional = {"rule": "oldSelf.hasValue() || self == 'a'", "optionalOldSelf": True}
    message = {"rule": "self == oldSelf", "messageExpression": "'was ' + oldSelf", "reason": "FieldValueForbidden"}
    assert not texts({"type": "object", "properties": {"a": rules(optional, message)}})


def test_rules_wait_for_a_schema_that_is_right() -> None:
    broken = {"type": "object", "properties": {"a": rules({"rule": "nonsense ("}), "b": {}}}
    assert texts(broken) == ["s.properties[b].type: Required value: must not be empty for specified object fields"]


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
