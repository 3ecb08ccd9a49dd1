"""What a CEL expression costs on values of known extent, in cel-go's units.

The extent of a value is how many elements or bytes it has, and that of what lies below it. Two places know such:
a schema says how large a value may be (`api/validation/cel_cost.py`: is a rule too dear for any object?), and the
values of one request say how large they are (`cel_meter.py`: is it too dear for this one?).

Worked example: `self.all(x, x.startsWith('a'))` on a list of ten texts costs 2 + 10 * (3 + 1 + 1) units: naming the
list and its result, and per element what `all` itself does, naming `x` and looking at one byte in ten.

Branches that are not taken are charged where that costs more, loops as if none ended early.

Source: cel-go `checker/cost.go`, `interpreter/runtimecost.go`; apiserver `pkg/cel/library/cost.go`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from navarch.schema.cel_parse import Expr

#: Units per byte of a text that is looked through, and of a pattern.
_TEXT: Final = 0.1
_REGEX: Final = 0.25
_LIST_LITERAL, _MAP_LITERAL = 10, 30
#: An authorisation check: two fit into one expression.
_CHECK: Final = 350_000
#: What a macro does for each element besides its body: its condition, its accumulator, the list that it makes.
_LOOPS: Final = {
    "all": 3,
    "exists": 4,
    **dict.fromkeys(("exists_one", "existsOne", "transformMap", "transformMapEntry"), 2),
    **dict.fromkeys(("map", "transformList", "sortBy"), 12),
    "filter": 13,
}
_WHOLE_LIST: Final = ("sum", "min", "max", "isSorted", "indexOf", "lastIndexOf", "sort", "flatten", "slice")
_PAIRWISE: Final = ("sets.contains", "sets.equivalent", "sets.intersects")
#: Names before functions that stand for no value.
_LIBRARIES: Final = ("sets", "math", "lists", "strings", "base64", "optional", "format", "jsonpatch")
_WHOLE_TEXT: Final = ("lowerAscii", "upperAscii", "split", "trim", "replace", "substring", "reverse")
_PATTERNS: Final = ("matches", "find", "findAll")
#: Functions whose cost grows with what they are given.
_GROWING: Final = frozenset(
    {*_LOOPS, *_WHOLE_LIST, *_WHOLE_TEXT, *_PATTERNS, "contains", "distinct", "join", "check", "bind"}
)


class Extent(Protocol):
    """A value that is known by its size. `kind` is `string`, `array`, or anything else; `size` counts elements or
    bytes."""

    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> float: ...
    def field(self, name: str) -> Extent:
        """What a map has under a name."""

    def element(self) -> Extent:
        """The largest of what a list holds, or a map under any key."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an expression makes: a kind, a size, and the element if it is a list."""

    kind: str = ""
    size: float = 1
    item: Extent | None = None

    def field(self, name: str) -> Extent:
        return UNKNOWN

    def element(self) -> Extent:
        return UNKNOWN if self.item is None else self.item


UNKNOWN: Final = Known()
Names = Mapping[str, Extent]


def grows(node: Expr) -> bool:
    """Whether the cost of an expression depends on its values by more than a few units."""
    return node.text in _GROWING or node.text in ("+", "in") or any(map(grows, node.parts))


def size_of(node: Expr) -> int:
    """How many nodes an expression has: about what it costs if it does not grow."""
    return 1 + sum(map(size_of, node.parts))


def cost_of(node: Expr, names: Names) -> float:
    """What an expression costs at most. What nothing is known of counts as one element."""
    return _Coster().cost(node, names)[0]


def bounded_cost(node: Expr, names: Names) -> float:
    """The same; infinite if there is a loop over what nothing is known of."""
    coster = _Coster()
    cost, _ = coster.cost(node, names)
    return math.inf if coster.strange else cost


class _Coster:
    """Walks an expression; every step answers with its cost and the extent of what it gives."""

    def __init__(self) -> None:
        self.strange = False

    def cost(self, node: Expr, names: Names) -> tuple[float, Extent]:
        match node.kind:
            case "literal":
                return 0, Known("string" if node.text == "string" else "", max(0, node.end - node.start - 2))
            case "name":
                return 1, names.get(node.text, UNKNOWN)
            case "select":
                cost, base = self.cost(node.parts[0], names)
                return cost + 1, base.field(node.text)
            case "index":
                cost, base = self.cost(node.parts[0], names)
                return cost + 1 + sum(self.cost(part, names)[0] for part in node.parts[1:]), base.element()
            case "method":
                return self._method(node, names)
            case "binary":
                return self._binary(node, names)
            case "ternary":
                (condition, _), (first, found), (second, other) = (self.cost(part, names) for part in node.parts)
                return condition + max(first, second), found if found is not UNKNOWN else other
            case "list":
                judged = [self.cost(part, names) for part in node.parts]
                item = judged[0][1] if judged else None
                return _LIST_LITERAL + sum(cost for cost, _ in judged), Known("array", len(node.parts), item)
        cost = sum(self.cost(part, names)[0] for part in node.parts)
        if node.kind == "call" and node.text == "has":
            return cost, UNKNOWN
        return cost + (_MAP_LITERAL if node.kind == "map" else 1), UNKNOWN

    def _binary(self, node: Expr, names: Names) -> tuple[float, Extent]:
        (left, first), (right, second) = (self.cost(part, names) for part in node.parts)
        cost = left + right
        if node.text in ("&&", "||"):
            return cost, UNKNOWN
        texts = [each for each in (first, second) if each.kind == "string"]
        if node.text == "in":
            return cost + (second.size if second.kind == "array" else 1), UNKNOWN
        if node.text == "+" and len(texts) == 2:
            size = first.size + second.size
            return cost + _looked(size), Known("string", size)
        if node.text == "+" and first.kind == second.kind == "array":
            return cost + 1, Known("array", first.size + second.size, first.element())
        if texts and node.text != "+":
            return cost + max(1, _looked(min(each.size for each in texts))), UNKNOWN
        if first.kind == second.kind == "array" and node.text in ("==", "!="):
            return cost + min(first.size, second.size), UNKNOWN
        return cost + 1, UNKNOWN

    def _method(self, node: Expr, names: Names) -> tuple[float, Extent]:
        base_node, *arguments = node.parts
        if node.text == "bind" and len(arguments) == 3:
            bound, value = self.cost(arguments[1], names)
            body, found = self.cost(arguments[2], {**names, arguments[0].text: value})
            return bound + body, found
        is_library = base_node.kind == "name" and base_node.text in _LIBRARIES and base_node.text not in names
        cost, base = (0.0, UNKNOWN) if is_library else self.cost(base_node, names)
        if node.text in _LOOPS and len(arguments) > 1 and arguments[0].kind == "name":
            return self._loop(node, cost, base, arguments, names)
        judged = [self.cost(argument, names) for argument in arguments]
        cost += sum(each for each, _ in judged)
        extents = [extent for _, extent in judged]
        if is_library and f"{base_node.text}.{node.text}" in _PAIRWISE and len(extents) == 2:
            return cost + extents[0].size * extents[1].size, UNKNOWN
        own, found = _called(node.text, base, extents[0].size if extents else 1)
        return cost + own, found

    def _loop(self, node: Expr, cost: float, base: Extent, arguments: list[Expr], names: Names) -> tuple[float, Extent]:
        is_map = base.kind != "array"
        bound = [argument.text for argument in arguments if argument.kind == "name"][: max(1, len(arguments) - 1)]
        key, element = Known("string") if is_map else UNKNOWN, base.element()
        inner = dict(names)
        if len(bound) == 1:
            inner[bound[0]] = key if is_map and base is not UNKNOWN else element
        else:
            inner |= {bound[0]: key, bound[1]: element}
        results = [self.cost(argument, inner) for argument in arguments[len(bound) :]]
        turn = sum(each for each, _ in results) + _LOOPS[node.text]
        cost += 1 + base.size * turn
        self.strange |= base is UNKNOWN
        if node.text == "filter":
            return cost, Known("array", base.size, inner[bound[0]])
        if node.text == "sortBy":
            return cost, base
        if node.text in ("map", "transformList") and results:
            return cost, Known("array", base.size, results[-1][1])
        return cost, UNKNOWN


def _called(name: str, base: Extent, size: float) -> tuple[float, Extent]:
    """A function on a value, `size` being that of its first argument."""
    if name in _PATTERNS:
        return _looked(base.size + 1) * math.ceil(size * _REGEX), Known("string", base.size)
    if name == "contains":
        return _looked(base.size) * _looked(size), UNKNOWN
    if name in ("startsWith", "endsWith"):
        return _looked(size), UNKNOWN
    if name == "check":
        return _CHECK, UNKNOWN
    if name == "join":
        length = base.size * (base.element().size + size)
        return _looked(length), Known("string", length)
    if base.kind == "array" and name in (*_WHOLE_LIST, "reverse", "distinct"):
        own = ("sort", "flatten", "slice", "reverse", "distinct")
        return base.size, base if name in own else base.element()
    if name in _WHOLE_TEXT:
        times = 2 if name in ("replace", "split") else 1
        made = Known("array", base.size, Known("string")) if name == "split" else Known("string", base.size)
        return _looked(base.size * times), made
    return (base.size if name in _WHOLE_LIST else 1), UNKNOWN


def _looked(size: float) -> int:
    """What looking through a text costs."""
    return math.ceil(size * _TEXT)
