"""Stops CEL expressions that cost too much on the values of one request.

The runtime counts no cost. So an expression's cost is judged from the sizes of its values before it runs. Where that
is little, or there is no loop, it is charged as it stands; other expressions run in pieces (`cel_pieces.py`), each of
which is judged when its turn comes, until the limit is reached.

    evaluate("self.all(x, self.all(y, x != y))", {"self": [...2000 numbers]}, budget=Budget())  ->  CallLimitError

Differences from cel-go, which counts each step: what `&&`, `||` and `?:` leave out is charged too, loops end early only
between pieces, every turn costs what the largest element of its piece would, and equality of maps is one unit.

Called by cel.py.

Source: apiserver `pkg/apis/cel/config.go` (limits), cel-go `interpreter/runtimecost.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from navarch.schema.cel_cost import Extent, bounded_cost, cost_of, grows, size_of
from navarch.schema.cel_parse import CelSyntaxError, Expr, parse
from navarch.schema.cel_pieces import ITEMS

#: What one expression may cost on one object: about a tenth of a second in Go.
CALL_LIMIT: Final = 1_000_000
#: What all rules of a custom resource, or all expressions of a policy's binding, may cost together.
OBJECT_BUDGET: Final = 10_000_000
#: What the match conditions of a webhook or policy may cost together.
MATCH_BUDGET: Final = 2_500_000
#: Up to this estimate the runtime takes an expression whole: it ends after 10,000 turns, and a turn costs two units
#: or more.
PLAIN_LIMIT: Final = 19_000
#: How many elements the first piece of a list has.
_FIRST: Final = 5000
_KEEP: Final = 2048


@dataclass(slots=True)
class Budget:
    """What several expressions may cost together. Shared by those who are given it."""

    remaining: float = OBJECT_BUDGET

    def charge(self, cost: float) -> bool:
        """Whether there was so much left; if not, nothing is."""
        enough = cost <= self.remaining
        self.remaining = self.remaining - cost if enough else -1
        return enough


class Seen:
    """The values that are found at one place: `x.name` in a loop over ten elements stands for ten. An `Extent`."""

    __slots__ = ("_values",)

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    @property
    def kind(self) -> str:
        first = next((value for value in self._values if value is not None), None)
        return "string" if isinstance(first, str | bytes) else "array" if isinstance(first, list) else ""

    @property
    def size(self) -> float:
        return max((len(v) if isinstance(v, str | bytes | list | dict) else 1 for v in self._values), default=0)

    def field(self, name: str) -> Extent:
        return Seen([value[name] for value in self._values if isinstance(value, Mapping) and name in value])

    def element(self) -> Extent:
        found: list[Any] = []
        for value in self._values:
            if isinstance(value, list):
                found += value
            elif isinstance(value, Mapping):
                found += value.values()
        return Seen(found)


@dataclass(slots=True)
class Meter:
    """What one evaluation has spent so far."""

    spent: float = 0

    @property
    def exceeded(self) -> bool:
        return self.spent > CALL_LIMIT

    def spend(self, cost: float) -> None:
        """Raises: ValueError once the limit is reached."""
        self.spent += cost
        if self.exceeded:
            raise ValueError("limit exceeded")


def estimate(expression: str, data: Mapping[str, Any]) -> float:
    """What an expression costs; infinite where that shows only when it runs."""
    tree, nodes, may_grow = _read(expression)
    if tree is None or not may_grow:
        return nodes
    return bounded_cost(tree, {name: Seen([value]) for name, value in data.items()})


def pieces_of(items: list[Any], text: str, data: Mapping[str, Any]) -> Iterator[tuple[list[Any], float]]:
    """A list in pieces over which the runtime can run a loop (`text`), each with what that costs."""
    tree, _, _ = _read(text)
    names = {name: Seen([value]) for name, value in data.items()}
    start, length = 0, _FIRST
    while start < len(items):
        piece = items[start : start + length]
        cost = 1.0 if tree is None else cost_of(tree, {**names, ITEMS: Seen([piece])})
        if cost > PLAIN_LIMIT and len(piece) > 1:
            length = max(1, int(len(piece) * PLAIN_LIMIT / cost))
            continue
        yield piece, cost
        start += len(piece)


@lru_cache(maxsize=_KEEP)
def _read(expression: str) -> tuple[Expr | None, int, bool]:
    """An expression's tree, how many nodes it has, and whether its cost depends on values."""
    try:
        tree = parse(expression)
    except CelSyntaxError:
        return None, 1, False
    return tree, size_of(tree), grows(tree)
