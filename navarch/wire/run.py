"""Running a handler's coroutine: at once if it never waits, as a task if it does.

Most reads of the API server finish without waiting for anything. A Task for each of them would
cost more than the read. `step` runs the coroutine up to its first wait; only then a task takes over.

A handler's first step runs outside any task: before its first wait it must not use what needs
one (`asyncio.timeout`, `TaskGroup`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Suspended(Exception):
    """The coroutine waits. `rest` is the coroutine that carries on from there."""

    def __init__(self, rest: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        super().__init__()
        self.rest = rest


def step(handler: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result. Raises: Suspended when it waits, else whatever it raises."""
    try:
        waits_for = handler.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise Suspended(lambda: _rest(handler, waits_for))


async def _rest(handler: Coroutine[Any, Any, T], waits_for: Any) -> T:
    return await _resume(handler, waits_for)


@coroutine
def _resume(handler: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """Hand the future that the coroutine already waits for to the task, then drive it as usual."""
    while True:
        try:
            try:
                value = yield waits_for
            except GeneratorExit:
                handler.close()
                raise
            except BaseException as error:
                waits_for = handler.throw(error)
            else:
                waits_for = handler.send(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
