"""Do CEL expressions compile? Names must be declared, fields must exist, the result must have a type.

Types are only inferred where that is certain; everything else is UNKNOWN and fits everywhere, so that
no expression is refused that Kubernetes takes.

Source: cel-go's checker messages; apiserver `pkg/cel` (what is declared where).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from navarch.schema.cel_parse import CelSyntaxError, Expr, parse
from navarch.schema.types import Tree

UNKNOWN: Final = "unknown"
DYN: Final = "dyn"

#: A type is its name, or the fields of an object.
Type = str | dict[str, "Type"]
Names = Mapping[str, Type]

#: Functions that stand alone, and the types that they give.
_FUNCTIONS: Final = {
    **{name: name for name in ("int", "uint", "double", "string", "bool", "bytes", "dyn")},
    **dict.fromkeys(("has", "isURL", "isQuantity", "isSemver", "isIP", "isCIDR", "ip.isCanonical"), "bool"),
    "size": "int",
    **dict.fromkeys(("type", "duration", "timestamp", "url", "quantity", "semver", "ip", "cidr"), UNKNOWN),
}
#: Names under which extension libraries put their functions, and names of types.
_SPACES: Final = (
    *("optional", "cel", "math", "strings", "sets", "lists", "base64", "ip", "format", "jsonpatch", "authorizer"),
    *("int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type", "google", "net"),
)
#: Macros whose first arguments are names that the last ones may use.
_MACROS: Final = ("all", "exists", "exists_one", "existsOne", "map", "filter", "bind", "transformList", "transformMap")
_BOOL_METHODS: Final = ("all", "exists", "exists_one", "existsOne", "startsWith", "endsWith", "contains", "matches")
#: What every object has, whether its schema says so or not.
_ALWAYS: Final = ("apiVersion", "kind", "metadata")
#: Types that certainly are not each other's; numbers may be compared across.
_PLAIN: Final = {"int": "number", "uint": "number", "double": "number", "string": "text", "bool": "bool"}
_COMPARING: Final = ("<", "<=", ">=", ">", "==", "!=", "in", "&&", "||")


class _Faults:
    def __init__(self) -> None:
        self.found: list[tuple[str, int]] = []

    def add(self, text: str, offset: int) -> None:
        self.found.append((text, offset))


def type_of(expression: str, names: Names) -> tuple[Type, str]:
    """The type of an expression, and why it does not compile (empty if it does)."""
    try:
        tree = parse(expression)
    except CelSyntaxError as error:
        return DYN, _report(expression, [(f"Syntax error: {error}", error.offset)])
    faults = _Faults()
    found = _infer(tree, dict(names), faults)
    return (DYN, _report(expression, faults.found)) if faults.found else (found, "")


def name_of(found: Type) -> str:
    """A type's name in messages."""
    return found if isinstance(found, str) else "object"


def schema_type(schema: Tree) -> Type:
    """The type of a value that a structural schema describes."""
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string"):
        return UNKNOWN
    if properties := schema.get("properties"):
        known: dict[str, Type] = dict.fromkeys(_ALWAYS, UNKNOWN)
        return known | {name: schema_type(child or {}) for name, child in properties.items()}
    if schema.get("type") == "string":
        return "string" if not schema.get("format") else UNKNOWN
    scalars: dict[str, Type] = {"integer": "int", "boolean": "bool", "number": "double"}
    return scalars.get(schema.get("type", ""), UNKNOWN)


def _report(expression: str, faults: list[tuple[str, int]]) -> str:
    """All faults with the line in which they are, and a mark below the place."""
    shown = []
    for text, offset in sorted(faults, key=lambda fault: fault[1]):
        before = expression[:offset]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
        if not expression:
            shown.append(f"ERROR: <input>:1:0: {text}")
            continue
        source = expression.split("\n")[line - 1]
        shown.append(f"ERROR: <input>:{line}:{column + 1}: {text}\n | {source}\n | {'.' * column}^")
    return "compilation failed: " + "\n".join(shown)


def _infer(node: Expr, names: dict[str, Type], faults: _Faults) -> Type:
    if node.kind == "literal":
        return node.text
    if node.kind == "name":
        if node.text not in names and node.text not in _SPACES:
            faults.add(f"undeclared reference to '{node.text}' (in container '')", node.offset)
        return names.get(node.text, UNKNOWN)
    if node.kind == "select":
        return _select(node, names, faults)
    if node.kind == "method" and node.text in _MACROS:
        return _macro(node, names, faults)
    if node.kind == "call" and node.text == "has" and node.parts[0].kind == "select":
        _select(node.parts[0], names, faults, at=node.offset)
        return "bool"
    parts = [_infer(part, names, faults) for part in node.parts]
    if node.kind == "call":
        if node.text not in _FUNCTIONS:
            faults.add(f"undeclared reference to '{node.text}' (in container '')", node.offset)
        return _FUNCTIONS.get(node.text, UNKNOWN)
    if node.kind == "method":
        return "bool" if node.text in _BOOL_METHODS else UNKNOWN
    if node.kind == "unary":
        return "bool" if node.text == "!" else parts[0]
    if node.kind == "binary":
        return _binary(node, parts, faults)
    return UNKNOWN


def _select(node: Expr, names: dict[str, Type], faults: _Faults, at: int | None = None) -> Type:
    """`at`: where a fault is told, if not at the dot: the macro `has` takes the place of what it is asked."""
    base = _infer(node.parts[0], names, faults)
    if not isinstance(base, dict):
        return UNKNOWN
    # A name with two underscores may stand for one that is no identifier.
    if node.text not in base and "__" not in node.text:
        faults.add(f"undefined field '{node.text}'", node.offset if at is None else at)
    return base.get(node.text, UNKNOWN)


def _macro(node: Expr, names: dict[str, Type], faults: _Faults) -> Type:
    """`list.all(x, x > 1)`: the leading names are new in what follows."""
    base, *arguments = node.parts
    _infer(base, names, faults)
    inner = dict(names)
    while len(arguments) > 1 and arguments[0].kind == "name":
        inner[arguments.pop(0).text] = UNKNOWN
    for argument in arguments:
        _infer(argument, inner, faults)
    return "bool" if node.text in _BOOL_METHODS else UNKNOWN


def _binary(node: Expr, parts: list[Type], faults: _Faults) -> Type:
    operator, (left, right) = node.text, parts
    if _clash(operator, left, right):
        function = "@in" if operator == "in" else f"_{operator}_"
        text = f"found no matching overload for '{function}' applied to '({left}, {right})'"
        faults.add(text, node.offset)
    if operator in _COMPARING:
        return "bool"
    return left if left == right else UNKNOWN


def _clash(operator: str, left: Type, right: Type) -> bool:
    """Whether an operator certainly has nothing for such operands: a number and a text, say."""
    if operator in ("&&", "||", "in") or not (isinstance(left, str) and isinstance(right, str)):
        return False
    return left in _PLAIN and right in _PLAIN and _PLAIN[left] != _PLAIN[right]
