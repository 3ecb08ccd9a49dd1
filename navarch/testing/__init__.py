"""A whole cluster in one process, on a virtual clock, from a seed.

from navarch.testing import Cluster

with Cluster(nodes=3, seed=7) as c:
    c.apply(manifest)
    c.settle()
    assert c.get("deployment", "web").status.readyReplicas == 3
"""

from navarch.node.runtime.script import Script
from navarch.testing.cluster import Cluster
from navarch.testing.objects import Obj
from navarch.testing.settle import NotSettled

__all__ = ["Cluster", "NotSettled", "Obj", "Script"]
