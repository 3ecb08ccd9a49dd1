"""The texts of explain, for a small document."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.cli.output.explain import Kind, Missing, explain

SPEC = "#/components/schemas/io.example.WidgetSpec"
DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "io.example.Widget": {
                "type": "object",
                "description": "A widget does " + "much " * 20 + "work.",
                "required": ["spec"],
                "properties": {
                    "spec": {"allOf": [{"$ref": SPEC}], "description": "What is wanted."},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "x-kubernetes-group-version-kind": [{"group": "example.io", "kind": "Widget", "version": "v1"}],
            },
            "io.example.WidgetSpec": {
                "type": "object",
                "description": "The wish.",
                "properties": {
                    "mode": {"type": "string", "enum": ["Fast", "Slow"]},
                    "port": {"$ref": "#/components/schemas/io.example.Port"},
                    "parts": {"type": "array", "items": {"$ref": SPEC}},
                },
            },
            "io.example.Port": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        }
    }
}
KIND = Kind("example.io", "v1", "Widget")
HEADING = "GROUP:      example.io\nKIND:       Widget\nVERSION:    v1\n\n"


def test_a_kind_with_wrapped_prose() -> None:
    assert explain(DOCUMENT, KIND, (), False) == (
        HEADING
        + "DESCRIPTION:\n    A widget does much much much much much much much much much much much much\n"
        + "    much much much much much much much much work.\n    \n"
        + "FIELDS:\n  labels\t<map[string]string>\n    <no description>\n\n"
        + "  spec\t<WidgetSpec> -required-\n    What is wanted.\n\n\n"
    )


def test_a_field_and_its_type_are_both_described() -> None:
    text = explain(DOCUMENT, KIND, ("spec",), False)
    assert text.startswith(
        HEADING + "FIELD: spec <WidgetSpec>\n\n\nDESCRIPTION:\n    What is wanted.\n    The wish.\n    \n"
    )
    assert "  mode\t<string>\n  enum: Fast, Slow\n    <no description>\n\n" in text


def test_a_type_within_itself_is_opened_once() -> None:
    assert explain(DOCUMENT, KIND, (), True).partition("FIELDS:\n")[2] == (
        "  labels\t<map[string]string>\n"
        "  spec\t<WidgetSpec> -required-\n"
        "    mode\t<string>\n    enum: Fast, Slow\n"
        "    parts\t<[]WidgetSpec>\n"
        "    port\t<Port>\n\n\n"
    )


def test_lists_are_walked_through() -> None:
    assert "FIELD: port <Port>" in explain(DOCUMENT, KIND, ("spec", "parts", "port"), False)


def test_a_field_that_does_not_exist() -> None:
    with pytest.raises(Missing, match='field "nope" does not exist') as caught:
        explain(DOCUMENT, KIND, ("spec", "nope"), False)
    assert caught.value.heading == HEADING
