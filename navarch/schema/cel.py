"""CEL expressions over trees: validation rules of custom resources, admission policies.

Expressions are compiled once and remembered. All variables are untyped: a wrong type shows when the
expression is evaluated. Kubernetes' own functions are declared in cel_library.py.

Worked example:
    >>> evaluate("self.n > 1 && !has(self.m)", {"self": {"n": 2}})
    True

Source: CEL language definition; Kubernetes' CEL libraries; cel-go's words for errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from navarch.schema.cel_library import environment, runtime
from navarch.schema.cel_meter import CALL_LIMIT, PLAIN_LIMIT, Budget, Meter, estimate, pieces_of
from navarch.schema.cel_pieces import ITEMS, Loop, Split, split, together
from navarch.schema.cel_rewrite import rewrite
from navarch.schema.cel_typed import reusable

#: Compiled expressions that are kept.
_KEEP: Final = 2048

#: Answers `authorizer....check(verb)`: the question that the steps before it made, and the verb.
Authorize = Callable[[dict[str, Any], str], dict[str, Any]]

#: How the runtime says what cel-go says otherwise.
_WORDS: Final = (
    (re.compile(r'Key not found in map : "?(.*?)"?$'), r"no such key: \1"),
    (re.compile(r"No matching overloads found : .*"), "no such overload"),
    (re.compile(r"Applying SELECT to non-message type"), "no such overload"),
    (re.compile(r"divide by zero"), "division by zero"),
    (re.compile(r"Index error: index=(-?\d+) size=\d+"), r"index out of bounds: \1"),
)
_CODE: Final = re.compile(r"^[A-Z_]+: ")


class CelError(ValueError):
    """An expression that does not compile, or fails on its data; the text says why."""


class NotPlainError(CelError):
    """The value of an expression is one that only other parts of an expression can take: an optional."""


class CallLimitError(CelError):
    """An expression that was stopped because it cost too much."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


class OutOfBudgetError(CelError):
    """Expressions that together cost too much; none of those that share the budget may run any more."""

    def __init__(self) -> None:
        super().__init__("validation failed due to running out of cost budget, no further validation rules will be run")


def evaluate(
    expression: str, data: Mapping[str, Any], authorize: Authorize | None = None, budget: Budget | None = None
) -> Any:
    """The value of an expression over variables, as plain data; what it costs is taken from the budget.

    Raises: CelError.
    """
    functions: list[Any] = []
    if authorize is not None:
        types = runtime().Type
        functions.append(runtime().Function("check", [types.MAP, types.STRING], True, authorize, types.DYN))
    if budget is None:
        return _run(compiled(expression, frozenset(data)), data, functions)
    cost = estimate(expression, data)
    if cost > PLAIN_LIMIT and (pieces := split(rewrite(expression))).loops:
        return _run_in_pieces(pieces, data, functions, budget)
    _charge(budget, cost)
    return _run(compiled(expression, frozenset(data)), data, functions)


def _charge(budget: Budget, cost: float) -> None:
    if not budget.charge(min(cost, CALL_LIMIT)):
        raise OutOfBudgetError
    if cost > CALL_LIMIT:
        raise CallLimitError


def _run_in_pieces(pieces: Split, data: Mapping[str, Any], functions: list[Any], budget: Budget) -> Any:
    """The value of an expression whose loops may be long. Raises: CelError."""
    meter = Meter(estimate(pieces.text, data))

    def run_loop(index: int, over: list[Any] | dict[Any, Any], captured: dict[str, Any]) -> Any:
        loop = pieces.loops[index]
        inner = {**data, **reusable(captured)}
        return reusable(together(loop.macro, results_of(loop, list(over), inner)))

    def results_of(loop: Loop, items: list[Any], inner: dict[str, Any]) -> Iterator[Any | ValueError]:
        program = compiled(loop.text, frozenset((*inner, ITEMS)))
        for piece, cost in pieces_of(items, loop.text, inner):
            meter.spend(cost)
            try:
                yield _run(program, {**inner, ITEMS: reusable(piece)}, functions)
            except CallLimitError:
                meter.spend(CALL_LIMIT)
            except CelError as error:
                yield error

    types = runtime().Type
    for kind in (types.LIST, types.MAP):
        signature = [types.INT, kind, types.MAP]
        functions.append(runtime().Function("navarch.pieces", signature, False, run_loop, types.DYN))
    try:
        value = None if meter.exceeded else _run(compiled(pieces.text, frozenset(data)), data, functions)
    except CelError:
        if not meter.exceeded:
            _charge(budget, meter.spent)
            raise
        value = None
    _charge(budget, meter.spent)
    return value


def _run(program: Any, data: Mapping[str, Any], functions: list[Any]) -> Any:
    try:
        result = program.eval(data=data, functions=functions) if functions else program.eval(data=data)
    except RuntimeError as error:
        # The runtime's own bound of turns.
        raise CallLimitError if "Iteration budget" in str(error) else CelError(_worded(str(error))) from None
    try:
        value = result.plain_value()
    except (TypeError, SystemError):
        raise NotPlainError("the result is no plain value") from None
    if result.type() == runtime().Type.ERROR:
        raise CelError(_worded(str(value)))
    return value


@lru_cache(maxsize=_KEEP)
def compiled(expression: str, variables: frozenset[str]) -> Any:
    """The program of an expression. Raises: CelError."""
    try:
        return environment(variables).compile(rewrite(expression))
    except RuntimeError as error:
        text = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        raise CelError(f"compilation failed: {text}") from None


def _worded(text: str) -> str:
    text = _CODE.sub("", text, count=1)
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
