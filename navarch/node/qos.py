"""The QoS class of a pod, and the OOM score that follows from it.

Source: Kubernetes' `v1/helper/qos` and the kubelet's `qos/policy.go`.
"""

from __future__ import annotations

from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.node.labels import AnyContainer

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"

GUARANTEED_OOM_SCORE = -997
BEST_EFFORT_OOM_SCORE = 1000
#: Pods of system-node-critical priority. Source: `scheduling.SystemCriticalPriority` + 1000.
NODE_CRITICAL_PRIORITY = 2_000_001_000


def qos_class(pod: Pod) -> str:
    """Guaranteed: every container's limits of cpu and memory are set and equal its requests."""
    any_set = False
    guaranteed = True
    for container in (*pod.spec.initContainers, *pod.spec.containers):
        resources = container.resources
        for name in ("cpu", "memory"):
            request = quantity.milli_value(resources.requests.get(name, "0")) if resources else 0
            limit = quantity.milli_value(resources.limits.get(name, "0")) if resources else 0
            any_set = any_set or bool(request or limit)
            guaranteed = guaranteed and bool(limit) and (request or limit) == limit
    if not any_set:
        return BEST_EFFORT
    return GUARANTEED if guaranteed else BURSTABLE


def oom_score_adj(pod: Pod, container: AnyContainer, machine_memory_bytes: int) -> int:
    """The more of the machine a burstable container asked for, the later it is killed."""
    if (pod.spec.priority or 0) >= NODE_CRITICAL_PRIORITY:
        return GUARANTEED_OOM_SCORE
    qos = pod.status.qosClass or qos_class(pod)
    if qos == GUARANTEED:
        return GUARANTEED_OOM_SCORE
    if qos == BEST_EFFORT:
        return BEST_EFFORT_OOM_SCORE
    request = quantity.value(container.resources.requests.get("memory", "0")) if container.resources else 0
    score = 1000 - (1000 * request) // max(machine_memory_bytes, 1)
    return min(max(score, 1000 + GUARANTEED_OOM_SCORE), BEST_EFFORT_OOM_SCORE - 1)
