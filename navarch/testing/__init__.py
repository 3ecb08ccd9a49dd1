"""A whole cluster in one process, on a virtual clock, from a seed.

from navarch.testing import Cluster

with Cluster(nodes=3, seed=7) as c:
    c.apply(manifest)
    c.settle()
    assert c.get("deployment", "web").status.readyReplicas == 3
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _uncollected() -> Iterator[None]:
    """Modules stay: a tenth of the time to load them would go into looking for garbage among them."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


with _uncollected():
    from navarch.node.runtime.script import Script
    from navarch.testing.cluster import Cluster
    from navarch.testing.objects import Obj
    from navarch.testing.settle import NotSettled

__all__ = ["Cluster", "NotSettled", "Obj", "Script"]
