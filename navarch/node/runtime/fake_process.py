"""Python callables that run as the processes of fake containers.

A coroutine function runs as a task until it returns, raises or its container is stopped (then it is
cancelled). A plain function runs to its end at once; what it prints is its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import traceback
from collections.abc import Awaitable, Callable

from navarch.node.runtime.script import Main, Process

CRASHED = 1


class Processes:
    """Owns the tasks. `ended` is told the container's id and exit code."""

    def __init__(self, ended: Callable[[str, int], None]) -> None:
        self._ended = ended
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, container_id: str, main: Main, process: Process) -> None:
        """Begin on the next turn of the loop, so that the container is seen running first."""
        name = f"process of {process.namespace}/{process.pod}/{process.container}"
        running = self._run(container_id, main, process)
        self._tasks[container_id] = asyncio.get_running_loop().create_task(running, name=name)

    def stop(self, container_id: str) -> None:
        task = self._tasks.pop(container_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for container_id in list(self._tasks):
            self.stop(container_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, container_id: str, main: Main, process: Process) -> None:
        try:
            code = await self._call(main, process)
        except Exception:
            for line in traceback.format_exc().splitlines():
                process.write(line)
            code = CRASHED
        self._ended(container_id, code or 0)

    async def _call(self, main: Main, process: Process) -> int | None:
        if inspect.iscoroutinefunction(main):
            code: int | None = await main(process)
            return code
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                result = main(process)
        finally:
            for line in printed.getvalue().splitlines():
                process.write(line)
        return await result if isinstance(result, Awaitable) else result
