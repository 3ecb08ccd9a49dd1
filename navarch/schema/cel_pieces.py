"""Long loops of CEL expressions, taken piece by piece.

The runtime ends an evaluation after 10,000 turns of loops, far below Kubernetes' limits. So where there may be more,
the outermost loops of an expression become calls, and each call runs its loop over one piece of the list at a time.

    split("size(l) < 9 || l.all(x, x > 1)")
      ->  text "size(l) < 9 || navarch.pieces(0, l, {})" and the loop "navarch_items.all(x, x > 1)"

What a loop makes is put together from what its pieces make (`together`). Pure.

Called by cel.py with expressions that `cel_rewrite.py` has been through: all macros are those of one variable.

Source: CEL language definition (macros).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from navarch.schema.cel_parse import Expr, parse

#: What the loops of pieces run over.
ITEMS: Final = "navarch_items"
_MACROS: Final = ("all", "exists", "exists_one", "existsOne", "map", "filter")
_KEEP: Final = 256


@dataclass(frozen=True, slots=True)
class Loop:
    """One outermost loop; `text` runs it over a list `navarch_items`."""

    macro: str
    text: str


@dataclass(frozen=True, slots=True)
class Split:
    """An expression without its loops, which are called by their index."""

    text: str
    loops: tuple[Loop, ...]


@lru_cache(maxsize=_KEEP)
def split(expression: str) -> Split:
    """The expression and its outermost loops. Raises: CelSyntaxError."""
    splitter = _Splitter(expression)
    text = splitter.text(parse(expression), ())
    return Split(text, tuple(splitter.loops))


def together(macro: str, results: Iterator[Any | ValueError]) -> Any:
    """What a loop makes, of what its pieces make. Ends as early as the loop would. Raises: ValueError, which a piece
    may give instead of a value: it counts only if no other piece decides."""
    if macro in ("all", "exists"):
        return _decided(results, decisive=macro == "exists")
    found: list[Any] = []
    for result in results:
        if isinstance(result, ValueError):
            raise result
        found += result if isinstance(result, list) else [result]
    return bool(sum(found) == 1) if macro.startswith("exists") else found


def _decided(results: Iterator[Any | ValueError], *, decisive: bool) -> bool:
    fault: ValueError | None = None
    for result in results:
        if isinstance(result, ValueError):
            fault = fault or result
        elif bool(result) is decisive:
            return decisive
    if fault is not None:
        raise fault
    return not decisive


class _Splitter:
    """Writes nodes as text, outermost loops as calls; `bound` are names that `cel.bind` gave."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.loops: list[Loop] = []

    def text(self, node: Expr, bound: tuple[str, ...]) -> str:
        if node.kind == "method" and node.text in _MACROS and len(node.parts) > 2 and node.parts[1].kind == "name":
            return self._loop(node, bound)
        if node.kind == "method" and node.text == "bind" and len(node.parts) == 4:
            last = node.parts[3]
            inner = (*bound, node.parts[1].text)
            return self._spliced(node, lambda part: self.text(part, inner if part is last else bound))
        return self._spliced(node, lambda part: self.text(part, bound))

    def _spliced(self, node: Expr, write: Callable[[Expr], str]) -> str:
        position, pieces = node.start, []
        for part in sorted(node.parts, key=lambda each: each.start):
            pieces += [self._source[position : part.start], write(part)]
            position = part.end
        return "".join([*pieces, self._source[position : node.end]])

    def _loop(self, node: Expr, bound: tuple[str, ...]) -> str:
        base, *arguments = node.parts
        written = ", ".join(self._source[argument.start : argument.end] for argument in arguments)
        text = f"{ITEMS}.{node.text}({written})"
        if node.text in ("exists_one", "existsOne"):
            text = f"{ITEMS}.filter({written}).size()"
        over = self.text(base, bound)
        captured = ", ".join(f'"{name}": {name}' for name in bound)
        self.loops.append(Loop(node.text, text))
        return f"navarch.pieces({len(self.loops) - 1}, {over}, {{{captured}}})"
