"""The doubts about a policy's expressions: does what they read exist in the kinds that they may meet? Pure.

Only kinds that the policy names one by one are looked at, and only built-in ones; an expression that is wrong for
one of them may still be right for another, so these are warnings.

Source: apiserver `admission/plugin/policy/validating/typechecking.go` (limits, texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.api.validation.cel_check import UNKNOWN, Names, Type, type_of
from navarch.schema import facts
from navarch.schema.types import Node, Scalar, Struct, Tree

#: No more kinds than this are looked at for one policy.
MAX_KINDS: Final = 10
#: Types that contain themselves end here.
_MAX_DEPTH: Final = 12
_SCALARS: Final[dict[str, Type]] = {
    "string": "string",
    "int32": "int",
    "int64": "int",
    "boolean": "bool",
    "number": "double",
}
_HEAD: Final = "compilation failed: "


def type_warnings(spec: Tree) -> list[Tree]:
    """The expressionWarnings of a ValidatingAdmissionPolicy's status."""
    kinds = list(_kinds(spec))[:MAX_KINDS]
    names = [(kind, _names(spec, node_type(facts.load().type(kind.type_name)))) for kind in kinds]
    found = []
    for index, validation in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            lines = _doubts(validation.get(field) or "", names)
            if text := "\n".join(lines):
                found.append({"fieldRef": f"spec.validations[{index}].{field}", "warning": text})
    return found


def _doubts(expression: str, names: Iterable[tuple[Kind, Names]]) -> Iterator[str]:
    for kind, declared in names:
        why = type_of(expression, declared)[1] if expression.strip() else ""
        if why:
            version = f"{kind.group}/{kind.version}" if kind.group else f"/{kind.version}"
            yield f"{version}, Kind={kind.kind}: {why.removeprefix(_HEAD)}"


def _kinds(spec: Tree) -> Iterator[Kind]:
    """The kinds that the rules name, each once, by group, version and plural."""
    wanted = {
        (group, version, plural)
        for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ()
        for group in rule.get("apiGroups") or ()
        for version in rule.get("apiVersions") or ()
        for plural in rule.get("resources") or ()
    }
    for kind in sorted(KINDS, key=lambda each: (each.group, each.version, each.kind)):
        if (kind.group, kind.version, kind.plural) in wanted and kind.type_name:
            yield kind


def _names(spec: Tree, of_object: Type) -> Names:
    """What expressions may use. Variables are taken as they come: they were looked at when the policy was made."""
    variables: Type = {variable["name"]: UNKNOWN for variable in spec.get("variables") or ()}
    others = dict.fromkeys(("request", "authorizer", "namespaceObject", "params"), UNKNOWN)
    return {"object": of_object, "oldObject": of_object, "variables": variables, **others}


def node_type(node: Node, depth: int = 0) -> Type:
    """The type of a built-in type's values."""
    if isinstance(node, Scalar):
        return _SCALARS.get(node.name, UNKNOWN)
    if not isinstance(node, Struct) or node.preserve_unknown or depth > _MAX_DEPTH:
        return UNKNOWN
    return {name: node_type(field.node, depth + 1) for name, field in node.fields.items()}
