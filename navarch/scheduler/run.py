"""The scheduler as a component: `Scheduler(client, seams, config).run()`.

Callers: `app`, `testing`. numpy is imported when a scheduler is made, not with this module: it takes 130 ms,
which nobody should wait for who only wants an API server.

Worked example:
    group.create_task(Scheduler(client, seams).run())
"""

from __future__ import annotations

from navarch.client.contract import Client
from navarch.scheduler.config import SchedulerConfig
from navarch.seams.contract import Seams

__all__ = ["Scheduler", "SchedulerConfig"]


class Scheduler:
    """Binds the pods that wait for a node."""

    def __init__(self, client: Client, seams: Seams, config: SchedulerConfig | None = None) -> None:
        from navarch.scheduler.cycle import Cycle

        self._cycle = Cycle(client, seams, config if config is not None else SchedulerConfig())

    async def run(self) -> None:
        """Schedule until cancelled."""
        await self._cycle.run()
