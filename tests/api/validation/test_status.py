"""Statuses that cannot be: counts, times and conditions that contradict each other or what was said before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from navarch.api.catalog import KINDS
from navarch.api.validation import workload_status
from navarch.api.validation.balancer_status import ingress_status_errors, service_status_errors
from navarch.api.validation.job_status import job_status_errors
from navarch.api.validation.nodes import namespace_status_errors
from navarch.api.validation.pod_status import pod_status_errors
from navarch.api.validation.quotas import quota_status_errors
from navarch.api.validation.rules import Errors
from navarch.schema.types import Tree

START, END = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
NONE: Tree = {}


def texts(errors: Errors) -> list[str]:
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("rule", "status", "before", "wrong"),
    [
        (
            workload_status.deployment_status_errors,
            {"replicas": 1, "updatedReplicas": 2, "readyReplicas": 0, "availableReplicas": 1, "collisionCount": 1},
            {"collisionCount": 2},
            [
                "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas",
                "status.collisionCount: Invalid value: 1: cannot be decremented",
            ],
        ),
        (
            workload_status.replica_set_status_errors,
            {"observedGeneration": -1, "fullyLabeledReplicas": 1},
            NONE,
            [
                "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0",
                "status.fullyLabeledReplicas: Invalid value: 1: cannot be greater than status.replicas",
            ],
        ),
        (
            workload_status.stateful_set_status_errors,
            {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2},
            NONE,
            ["status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"],
        ),
        (
            workload_status.daemon_set_status_errors,
            {"numberReady": -2},
            NONE,
            ["status.numberReady: Invalid value: -2: must be greater than or equal to 0"],
        ),
        (
            workload_status.budget_status_errors,
            {"expectedPods": -1},
            NONE,
            ["status.expectedPods: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (workload_status.autoscaler_status_errors, {"currentReplicas": 3, "desiredReplicas": 0}, NONE, []),
        (
            workload_status.deployment_status_errors,
            {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 2, "collisionCount": 0},
            {"collisionCount": 0},
            [],
        ),
    ],
)
def test_counts(rule: Callable[[Tree, Tree], Errors], status: Tree, before: Tree, wrong: list[str]) -> None:
    assert texts(rule({"status": status}, {"status": before})) == wrong


def job(*true: str, spec: Tree = NONE, **status: Any) -> Tree:
    conditions = [{"type": each, "status": "True"} for each in true]
    return {"spec": spec, "status": {"conditions": conditions, **status}}


DONE = job("SuccessCriteriaMet", "Complete", startTime=START, completionTime=END, succeeded=1)
RUNNING = job(startTime=START, active=1)
INDEXED = {"completionMode": "Indexed", "completions": 5, "parallelism": 2, "backoffLimitPerIndex": 1}


@pytest.mark.parametrize(
    ("new", "old", "wrong"),
    [
        (DONE, RUNNING, []),
        (job("FailureTarget", "Failed", startTime=START, failed=1), RUNNING, []),
        (job("Unknown", startTime=START), RUNNING, []),
        (
            job("Complete", startTime=START, active=1),
            RUNNING,
            [
                "status.completionTime: Required value: completionTime is required for Complete jobs",
                "status.conditions: Invalid value: cannot set Complete=True condition without the "
                "SuccessCriteriaMet=true condition",
                "status.active: Invalid value: 1: active>0 is invalid for finished job",
            ],
        ),
        (
            job("Failed", startTime=START),
            RUNNING,
            [
                "status.conditions: Invalid value: cannot set Failed=True condition without the "
                "FailureTarget=true condition"
            ],
        ),
        (
            job(startTime=END, completionTime=START),
            job(startTime=END),
            [
                f'status.completionTime: Invalid value: "{START}": cannot set completionTime when there is no '
                "Complete=True condition",
                f'status.completionTime: Invalid value: "{START}": completionTime cannot be set before startTime',
            ],
        ),
        (
            job(startTime=START, completionTime=END, succeeded=0),
            DONE,
            [
                f'status.completionTime: Invalid value: "{END}": cannot set completionTime when there is no '
                "Complete=True condition",
                "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
                "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
            ],
        ),
        (job(active=1), RUNNING, ["status.startTime: Required value: startTime cannot be removed for unsuspended job"]),
        (job(spec={"suspend": True}), RUNNING, []),
        (
            job(startTime=START, active=1, ready=2),
            RUNNING,
            ["status.ready: Invalid value: 2: cannot set more ready pods than active"],
        ),
        (
            job(startTime=START, uncountedTerminatedPods={"succeeded": ["a", ""], "failed": ["a"]}),
            RUNNING,
            [
                'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
                'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
            ],
        ),
        (
            job(spec=INDEXED, completedIndexes="0,7", failedIndexes="0-1"),
            job(spec=INDEXED),
            [
                'status.completedIndexes: Invalid value: "0,7": error parsing completedIndexes: too large index: "7"',
                'status.failedIndexes: Invalid value: "0-1": failedIndexes and completedIndexes overlap at index: 0',
            ],
        ),
        (
            job(completedIndexes="0", failedIndexes=""),
            NONE,
            [
                'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed '
                "completion mode",
                'status.failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex '
                "is null",
            ],
        ),
        (
            job("SuccessCriteriaMet", "FailureTarget", startTime=START),
            RUNNING,
            ["status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"],
        ),
    ],
)
def test_jobs(new: Tree, old: Tree, wrong: list[str]) -> None:
    assert texts(job_status_errors(new, old)) == wrong


def test_what_is_wrong_already_can_be_written_on() -> None:
    stale = job(spec=INDEXED | {"completions": 1}, completedIndexes="0-3")
    assert job_status_errors(stale, stale) == []
    odd = job("Complete", "Failed")
    assert job_status_errors(odd, odd) == []


def balancer(*entries: Tree, kind: str = "LoadBalancer") -> Tree:
    return {"spec": {"type": kind}, "status": {"loadBalancer": {"ingress": list(entries)}}}


def test_addresses_of_load_balancers() -> None:
    good = balancer({"ip": "192.0.2.1", "ipMode": "VIP"}, {"hostname": "lb.example.com"})
    assert service_status_errors(good, good) == ingress_status_errors(good, good) == []
    bad = balancer({"ip": "nowhere"}, {"ipMode": "VIP", "hostname": "192.0.2.1"}, {"ip": "192.0.2.1", "ipMode": "x"})
    path = "status.loadBalancer.ingress"
    address = f'{path}[0].ip: Invalid value: "nowhere": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
    name = f'{path}[1].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'
    assert texts(ingress_status_errors(bad, bad)) == [address, name]
    assert texts(service_status_errors(bad, bad)) == [
        address,
        f"{path}[0].ipMode: Required value: must be specified when `ip` is set",
        f"{path}[1].ipMode: Forbidden: may not be specified when `ip` is not set",
        name,
        f'{path}[2].ipMode: Unsupported value: "x": supported values: "Proxy", "VIP"',
    ]
    other = balancer({"ip": "192.0.2.1"}, kind="ClusterIP")
    assert "may only be used when" in texts(service_status_errors(other, other))[0]


def test_phases_of_namespaces_and_amounts_of_quotas() -> None:
    active: Tree = {"metadata": {}, "status": {"phase": "Active"}}
    assert namespace_status_errors(active, active) == []
    assert len(namespace_status_errors({"metadata": {}, "status": {"phase": "Terminating"}}, active)) == 1
    going: Tree = {"metadata": {"deletionTimestamp": START}, "status": {"phase": "Terminating"}}
    assert namespace_status_errors(going, active) == []
    quota: Tree = {"status": {"hard": {"pods": "-1"}, "used": {"nonsense": "1", "cpu": "500m"}}}
    assert texts(quota_status_errors(quota, NONE)) == [
        'status.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
        'status.used[nonsense]: Invalid value: "nonsense": must be a standard resource type or fully qualified',
        'status.used[nonsense]: Invalid value: "nonsense": must be a standard resource for quota',
    ]


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        ({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "hostIPs": [{"ip": "192.0.2.1"}]}, []),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]},
            [
                'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP '
                "for each IP family"
            ],
        ),
        (
            {"hostIPs": [{"ip": "x"}]},
            [
                'status.hostIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            ],
        ),
        ({"qosClass": "Burstable"}, ['status.qosClass: Invalid value: "Burstable": field is immutable']),
        ({"conditions": [{"type": "Ready"}, {"type": "example.com/gate"}]}, []),
        (
            {"observedGeneration": -1},
            ["status.observedGeneration: Invalid value: -1: must be greater than or equal to 0"],
        ),
    ],
)
def test_pods(status: Tree, wrong: list[str]) -> None:
    before = {"qosClass": "Guaranteed"} if "qosClass" in status else {}
    assert texts(pod_status_errors({"status": status}, {"status": before})) == wrong


def test_names_of_conditions_and_nodes() -> None:
    odd = {"conditions": [{"type": "no good"}], "nominatedNodeName": "No_Node"}
    paths = [error.path for error in pod_status_errors({"status": odd}, NONE)]
    assert paths == ["status.conditions[0].Type", "status.nominatedNodeName"]


def test_the_class_of_a_pod_stays_when_it_is_left_out() -> None:
    pods = next(kind for kind in KINDS if kind.kind == "Pod")
    assert pods.prepare_status is not None
    new: Tree = {"metadata": {}, "status": {"phase": "Running"}}
    pods.prepare_status(new, {"metadata": {}, "status": {"qosClass": "Burstable"}})
    assert new["status"] == {"phase": "Running", "qosClass": "Burstable"}
