"""TTL after finished: deletes Jobs some time after their end.

Source: batch/v1 `ttlSecondsAfterFinished`.
"""

from __future__ import annotations

from navarch.base.resource import ObjectKey
from navarch.base.times import parse
from navarch.control.intents import DONE, Delete, Plan
from navarch.control.sources import JOBS
from navarch.control.world import Controller, Watch, World, same_key


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    job = world[JOBS].get(key)
    if job is None or job.metadata.deletionTimestamp is not None or job.spec.ttlSecondsAfterFinished is None:
        return DONE
    ends = [
        parse(c.lastTransitionTime)
        for c in job.status.conditions
        if c.type in ("Complete", "Failed") and c.status == "True" and c.lastTransitionTime
    ]
    if not ends:
        return DONE
    left = max(ends) + job.spec.ttlSecondsAfterFinished - now
    if left > 0:
        return Plan((), left)
    metadata = job.metadata
    return Plan((Delete(JOBS.resource, key, metadata.uid, metadata.resourceVersion, propagation="Foreground"),))


CONTROLLER = Controller("ttl-after-finished-controller", (Watch(JOBS, same_key),), reconcile)
