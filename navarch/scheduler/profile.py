"""The scheduler's plug-ins, in the order in which filters are asked. The first that turns a node down gives
the reason."""

from __future__ import annotations

from typing import Final

from navarch.scheduler.plugins.contract import Plugin
from navarch.scheduler.plugins.image_locality import IMAGE_LOCALITY
from navarch.scheduler.plugins.inter_pod_affinity import INTER_POD_AFFINITY
from navarch.scheduler.plugins.node_affinity import NODE_AFFINITY, PINNED
from navarch.scheduler.plugins.node_ports import NODE_PORTS
from navarch.scheduler.plugins.node_resources_balanced import NODE_RESOURCES_BALANCED
from navarch.scheduler.plugins.node_resources_fit import NODE_RESOURCES_FIT
from navarch.scheduler.plugins.node_unschedulable import NODE_UNSCHEDULABLE
from navarch.scheduler.plugins.pod_topology_spread import POD_TOPOLOGY_SPREAD
from navarch.scheduler.plugins.taint_toleration import TAINT_TOLERATION
from navarch.scheduler.plugins.volume_binding import VOLUME_BINDING

DEFAULT_PROFILE: Final[tuple[Plugin, ...]] = (
    PINNED,
    NODE_UNSCHEDULABLE,
    TAINT_TOLERATION,
    NODE_AFFINITY,
    NODE_PORTS,
    NODE_RESOURCES_FIT,
    VOLUME_BINDING,
    POD_TOPOLOGY_SPREAD,
    INTER_POD_AFFINITY,
    NODE_RESOURCES_BALANCED,
    IMAGE_LOCALITY,
)
