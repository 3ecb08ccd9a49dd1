"""How many replicas the measured use of pods asks for. Pure: pods and samples in, numbers out.

Pods that are not measured are assumed to soften the change: when it goes down they use all that they
should, when it goes up nothing. So do pods that are still starting when it goes up.

Worked example, target 50 %, three pods that request 100m and use 90m, 90m, 60m:
    used 240 of 300, 80 % -> ratio 1.6 -> ceil(1.6 * 3) = 5 replicas

Source: Kubernetes' replica calculator (tolerance, starting pods, texts of errors).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from navarch.api.views.autoscaling import MetricTarget
from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.base.times import parse
from navarch.control.pods import condition

#: A ratio this close to one changes nothing.
TOLERANCE: Final = 0.1
#: So long after its start a pod's processor use may be that of starting.
INITIALIZATION_S: Final = 300.0
#: A pod that was ready no later than this after its start has been ready in earnest.
INITIAL_READINESS_S: Final = 30.0


class MetricError(Exception):
    """No number can be computed; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one pod used, in thousandths, over `window_s` until `at`."""

    milli: int
    at: float
    window_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """The replicas asked for; `average` is the use per pod in thousandths, `percent` that of the requests."""

    replicas: int
    average: int
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class _Groups:
    measured: dict[str, int]
    unready: list[str]
    missing: list[str]


def propose(
    resource: str,
    container: str,
    target: MetricTarget,
    pods: Sequence[Pod],
    samples: Mapping[str, Sample],
    current: int,
    now: float,
) -> Proposal:
    """The replicas for which the use of `resource` meets the target. Only `container` counts if it is named.

    Raises: MetricError.
    """
    if not pods:
        raise MetricError("no pods returned by selector while calculating replica count")
    groups = _grouped(resource, pods, samples, now)
    if not groups.measured:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    if target.averageValue is not None:
        wanted = quantity.milli_value(target.averageValue)
        shares = dict.fromkeys((p.metadata.name for p in pods), wanted)
        count = _replicas(groups, shares, 100, current)
        return Proposal(count, sum(groups.measured.values()) // len(groups.measured))
    requests = {p.metadata.name: _request(p, resource, container) for p in pods}
    percent_wanted = target.averageUtilization or 0
    total = sum(groups.measured.values())
    percent = total * 100 // sum(requests[name] for name in groups.measured)
    count = _replicas(groups, requests, percent_wanted, current)
    return Proposal(count, total // len(groups.measured), percent)


def _replicas(groups: _Groups, shares: Mapping[str, int], percent_wanted: int, current: int) -> int:
    ratio = _ratio(groups.measured, shares, percent_wanted)
    starting = bool(groups.unready) and ratio > 1
    if not starting and not groups.missing:
        return current if _is_close(ratio) else math.ceil(ratio * len(groups.measured))
    assumed = dict(groups.measured)
    if ratio < 1:
        # No less than the target, so that what is not measured never shrinks the workload.
        assumed |= {name: shares[name] * max(100, percent_wanted) // 100 for name in groups.missing}
    elif ratio > 1:
        assumed |= dict.fromkeys(groups.missing, 0)
    if starting:
        assumed |= dict.fromkeys(groups.unready, 0)
    softened = _ratio(assumed, shares, percent_wanted)
    if _is_close(softened) or (ratio < 1 < softened) or (softened < 1 < ratio):
        return current
    count = math.ceil(softened * len(assumed))
    turned = (softened < 1 and count > current) or (softened > 1 and count < current)
    return current if turned else count


def _ratio(used: Mapping[str, int], shares: Mapping[str, int], percent_wanted: int) -> float:
    share = sum(shares[name] for name in used)
    if not share or not percent_wanted:
        raise MetricError("no metrics returned matched known pods")
    return (sum(used.values()) * 100 // share) / percent_wanted


def _is_close(ratio: float) -> bool:
    return abs(1 - ratio) <= TOLERANCE


def _grouped(resource: str, pods: Iterable[Pod], samples: Mapping[str, Sample], now: float) -> _Groups:
    groups = _Groups({}, [], [])
    for pod in sorted(pods, key=lambda p: p.metadata.name):
        name = pod.metadata.name
        if pod.metadata.deletionTimestamp is not None or pod.status.phase == "Failed":
            continue
        sample = samples.get(name)
        if pod.status.phase == "Pending":
            groups.unready.append(name)
        elif sample is None:
            groups.missing.append(name)
        elif resource == "cpu" and _is_starting(pod, sample, now):
            groups.unready.append(name)
        else:
            groups.measured[name] = sample.milli
    return groups


def _is_starting(pod: Pod, sample: Sample, now: float) -> bool:
    ready = condition(pod, "Ready")
    if ready is None or pod.status.startTime is None:
        return True
    started = parse(pod.status.startTime)
    changed = parse(ready.lastTransitionTime) if ready.lastTransitionTime else started
    if started + INITIALIZATION_S > now:
        return ready.status == "False" or sample.at < changed + sample.window_s
    return ready.status == "False" and started + INITIAL_READINESS_S > changed


def _request(pod: Pod, resource: str, container: str) -> int:
    """Raises: MetricError where a container that counts requests nothing."""
    total = 0
    for each in pod.spec.containers:
        if container and each.name != container:
            continue
        amount = each.resources.requests.get(resource) if each.resources is not None else None
        if amount is None:
            raise MetricError(f"missing request for {resource} in container {each.name} of Pod {pod.metadata.name}")
        total += quantity.milli_value(amount)
    return total
