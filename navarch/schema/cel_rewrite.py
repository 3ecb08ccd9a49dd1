"""What Kubernetes' CEL has and the runtime lacks, said in terms of what the runtime has.

Called once per expression, before it is compiled. Positions in later faults are those of the new text;
an expression that needs none of this stays as it is.

    Object.spec{replicas: 3, ?paused: x}    ->  {"replicas": 3, ?"paused": x}
    l.all(i, v, i < v)                      ->  navarch.entries(l).all(navarch_0, cel.bind(i, navarch_0[0], ...
    l.sortBy(x, x.age)                      ->  navarch.sorted(l, l.map(x, x.age))
    format.uri().validate(s)                ->  optional.ofNonZeroValue(navarch.faults(format.uri(), s))

Source: Kubernetes' CEL environments (two-variable comprehensions, lists, formats, object types).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from navarch.schema.cel_parse import CelSyntaxError, Expr, parse

#: The macros of two variables that have a namesake of one.
_PAIRED: Final = {
    "all": "all",
    "exists": "exists",
    "existsOne": "exists_one",
    "exists_one": "exists_one",
    "transformList": "map",
}
_OBJECTS: Final = ("Object", "JSONPatch")


def rewrite(expression: str) -> str:
    """An expression of the same meaning that the runtime compiles; itself where the syntax is wrong."""
    try:
        tree = parse(expression)
    except CelSyntaxError:
        return expression
    return _Writer(expression).text(tree)


class _Writer:
    """Writes nodes as text; `_fresh` numbers the names that it makes up."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._fresh = 0

    def text(self, node: Expr) -> str:
        if node.kind == "struct" and node.text.split(".")[0] in _OBJECTS:
            return self._object(node)
        if node.kind == "method":
            found = self._method(node)
            if found is not None:
                return found
        return self._spliced(node)

    def _spliced(self, node: Expr) -> str:
        """The node as it stands, with its parts rewritten."""
        position, pieces = node.start, []
        for part in sorted(node.parts, key=lambda each: each.start):
            pieces += [self._source[position : part.start], self.text(part)]
            position = part.end
        return "".join([*pieces, self._source[position : node.end]])

    def _object(self, node: Expr) -> str:
        fields = []
        for name, value in zip(node.names, node.parts, strict=True):
            optional, plain = ("?", name[1:]) if name.startswith("?") else ("", name)
            fields.append(f"{optional}{json.dumps(plain)}: {self.text(value)}")
        return "{" + ", ".join(fields) + "}"

    def _method(self, node: Expr) -> str | None:
        base, *arguments = node.parts
        names = [argument.text for argument in arguments if argument.kind == "name"]
        several = len(arguments) - 2
        if names[:2] == [argument.text for argument in arguments[:2]] and several in (1, 2):
            if node.text == "transformMap":
                pairs = self._pairs(base, arguments, "map", lambda value: f"[{names[0]}, {value}]")
                return f"navarch.fromEntries({pairs})"
            if node.text == "transformMapEntry":
                return f"navarch.merged({self._pairs(base, arguments, 'map')})"
            if node.text in _PAIRED and (several == 1 or node.text == "transformList"):
                return self._pairs(base, arguments, _PAIRED[node.text])
        if node.text == "sortBy" and len(arguments) == 2 and names:
            items = self.text(base)
            return f"navarch.sorted({items}, {items}.map({names[0]}, {self.text(arguments[1])}))"
        if node.text == "validate" and len(arguments) == 1:
            return f"optional.ofNonZeroValue(navarch.faults({self.text(base)}, {self.text(arguments[0])}))"
        return None

    def _pairs(
        self, base: Expr, arguments: list[Expr], macro: str, result: Callable[[str], str] = lambda text: text
    ) -> str:
        """A macro over keys and values as one over pairs, to which both names are bound in each argument."""
        pair = f"navarch_{self._fresh}"
        self._fresh += 1
        key, value, *conditions, last = arguments
        texts = [*(self.text(each) for each in conditions), result(self.text(last))]
        bound = (f"cel.bind({key.text}, {pair}[0], cel.bind({value.text}, {pair}[1], {text}))" for text in texts)
        return f"navarch.entries({self.text(base)}).{macro}({pair}, {', '.join(bound)})"
