"""What the use of pods asks for, and how fast it is followed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from navarch.api.views.autoscaling import HorizontalPodAutoscalerSpec, MetricTarget
from navarch.api.views.pod import Pod
from navarch.base.times import format_time
from navarch.control.autoscale_metrics import MetricError, Sample, propose
from navarch.control.autoscale_rate import Memory, changed, moderate
from navarch.schema.types import Tree

NOW = 1_000_000.0
HALF = MetricTarget(type="Utilization", averageUtilization=50)


def pod(name: str, *, request: str = "100m", phase: str = "Running", ready: bool = True, age_s: float = 3600) -> Pod:
    resources: Tree = {"requests": {"cpu": request}} if request else {}
    since = format_time(NOW - age_s)
    ready_now = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    tree = {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "resources": resources}]},
        "status": {"phase": phase, "startTime": since, "conditions": [ready_now]},
    }
    return msgspec.convert(tree, Pod)


def asked(used: list[int | None], target: MetricTarget = HALF, **odd: Pod) -> int:
    """The replicas for pods that use so many millis; None is not measured. `odd` pods replace p0, p1, ..."""
    pods = [odd.get(f"p{n}", pod(f"p{n}")) for n in range(len(used))]
    samples = {f"p{n}": Sample(milli, NOW) for n, milli in enumerate(used) if milli is not None}
    return propose("cpu", "", target, pods, samples, len(used), NOW).replicas


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([90, 90, 60], 5),
        ([50, 50, 50], 3),
        ([54, 54, 54], 3),
        ([45, 46, 46], 3),
        ([10, 10, 10], 1),
        ([100, 100], 4),
        ([0, 0], 0),
        ([90, None], 2),
        ([10, None], 2),
        ([10, 10, 10, None], 3),
        ([200, 200, None], 8),
    ],
)
def test_replicas_meet_the_target(used: list[int | None], expected: int) -> None:
    assert asked(used) == expected


def test_an_average_value_is_met_without_requests() -> None:
    target = MetricTarget(type="AverageValue", averageValue="50m")
    assert asked([100, 100], target, p0=pod("p0", request=""), p1=pod("p1", request="")) == 4


def test_starting_pods_do_not_drive_growth() -> None:
    starting = pod("p1", ready=False, age_s=10)
    assert asked([100, 500], p1=starting) == 2
    assert asked([300, 500], p1=starting) == 6


def test_failed_pods_do_not_count() -> None:
    assert asked([100, 100, 900], p2=pod("p2", phase="Failed")) == 4


@pytest.mark.parametrize(
    ("pods", "samples", "message"),
    [
        ([], {}, "no pods returned by selector while calculating replica count"),
        ([pod("p0")], {}, "did not receive metrics for targeted pods (pods might be unready)"),
        (
            [pod("p0", request="")],
            {"p0": Sample(1, NOW)},
            "missing request for cpu in container c of Pod p0",
        ),
    ],
)
def test_without_numbers_there_is_no_proposal(pods: list[Pod], samples: dict[str, Sample], message: str) -> None:
    with pytest.raises(MetricError) as error:
        propose("cpu", "", HALF, pods, samples, 1, NOW)
    assert str(error.value) == message


def spec(**behavior: Any) -> HorizontalPodAutoscalerSpec:
    tree = {"minReplicas": 2, "maxReplicas": 50, **({"behavior": behavior} if behavior else {})}
    return msgspec.convert(tree, HorizontalPodAutoscalerSpec)


@pytest.mark.parametrize(
    ("current", "proposed", "replicas", "reason"),
    [
        (5, 8, 8, "DesiredWithinRange"),
        (5, 20, 10, "ScaleUpLimit"),
        (1, 20, 5, "ScaleUpLimit"),
        (40, 90, 50, "TooManyReplicas"),
        (5, 3, 3, "DesiredWithinRange"),
        (5, 1, 2, "TooFewReplicas"),
        (5, 5, 5, "DesiredWithinRange"),
    ],
)
def test_a_change_is_limited(current: int, proposed: int, replicas: int, reason: str) -> None:
    outcome = moderate(spec(), Memory(), current, proposed, NOW)
    assert (outcome.replicas, outcome.limited[1]) == (replicas, reason)


def test_shrinking_waits_for_the_highest_of_five_minutes() -> None:
    memory = Memory()
    assert moderate(spec(), memory, 10, 10, NOW).replicas == 10
    held = moderate(spec(), memory, 10, 4, NOW + 200)
    assert (held.replicas, held.stabilized) == (10, "ScaleDownStabilized")
    assert moderate(spec(), memory, 10, 6, NOW + 301).replicas == 6


def test_what_was_added_in_the_period_counts_against_the_limit() -> None:
    memory = Memory()
    slow = spec(
        scaleUp={
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}],
        }
    )
    assert moderate(slow, memory, 4, 10, NOW).replicas == 6
    changed(slow, memory, 4, 6, NOW)
    assert moderate(slow, memory, 6, 10, NOW + 30).replicas == 6
    assert moderate(slow, memory, 6, 10, NOW + 61).replicas == 8


def test_a_side_can_be_disabled() -> None:
    never = spec(scaleDown={"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0})
    assert moderate(never, Memory(), 10, 3, NOW).replicas == 10
