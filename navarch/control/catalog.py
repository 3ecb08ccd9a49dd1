"""All controllers, in the order in which they start. Adding one is adding a file and a line here."""

from __future__ import annotations

from navarch.control import (
    deployment,
    endpoints,
    endpointslice,
    garbage,
    namespace,
    replicaset,
    replicationcontroller,
    rootca,
    serviceaccount,
)
from navarch.control.config import Config
from navarch.control.world import Controller


def controllers(config: Config) -> tuple[Controller, ...]:
    """Every controller of a cluster, told what it needs to know."""
    return (
        serviceaccount.CONTROLLER,
        rootca.controller(config.root_ca),
        deployment.CONTROLLER,
        replicaset.CONTROLLER,
        replicationcontroller.CONTROLLER,
        endpointslice.CONTROLLER,
        endpoints.CONTROLLER,
        garbage.controller(config.bare),
        namespace.controller(config.bare),
    )
