"""All controllers, in the order in which they start. Adding one is adding a file and a line here."""

from __future__ import annotations

from typing import Final

from navarch.control import deployment, replicaset, replicationcontroller
from navarch.control.world import Controller

CATALOG: Final[tuple[Controller, ...]] = (
    deployment.CONTROLLER,
    replicaset.CONTROLLER,
    replicationcontroller.CONTROLLER,
)
