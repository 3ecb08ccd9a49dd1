"""QoS, resources, images, patches, probes: small pure functions."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.api.views.base import decode
from navarch.api.views.core import Secret
from navarch.api.views.pod import Pod, Probe
from navarch.node.images import credentials, with_default_tag
from navarch.node.probes import Tally, tally
from navarch.node.qos import qos_class
from navarch.node.resources import container_resources, pod_requests
from navarch.node.statuses import status_patch
from navarch.schema.types import Tree
from tests.node.cluster import container, pod


def view(*resources: Tree, **spec: object) -> Pod:
    containers = [container(f"c{i}", resources=r) for i, r in enumerate(resources)]
    return decode(Pod, msgspec.json.encode(pod("p", *containers, **spec)))


BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": BOTH}], "Guaranteed"),
        ([{"limits": BOTH, "requests": BOTH}], "Guaranteed"),
        ([{"limits": BOTH, "requests": {"cpu": "500m", "memory": "1Gi"}}], "Burstable"),
        ([{"limits": BOTH}, {}], "Burstable"),
    ],
)
def test_qos(resources: list[Tree], expected: str) -> None:
    assert qos_class(view(*resources)) == expected


def test_linux_resources() -> None:
    made = view({"limits": {"cpu": "250m", "memory": "64Mi"}, "requests": {"cpu": "100m"}})
    linux = container_resources(made, made.spec.containers[0], 1 << 30)
    assert (linux.cpu_shares, linux.cpu_quota_us, linux.memory_limit_bytes) == (102, 25_000, 64 << 20)


def test_requests_count_init_containers_and_sidecars() -> None:
    def asks(cpu: str, **more: str) -> Tree:
        return container(f"i{cpu}", resources={"requests": {"cpu": cpu}}, **more)

    made = view({"requests": {"cpu": "1"}}, initContainers=[asks("3"), asks("500m", restartPolicy="Always"), asks("2")])
    assert pod_requests(made)["cpu"] == 3000


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nginx", "nginx:latest"), ("a.b:5000/x", "a.b:5000/x:latest"), ("x:1", "x:1"), ("x@sha256:0", "x@sha256:0")],
)
def test_default_tag(name: str, expected: str) -> None:
    assert with_default_tag(name) == expected


def test_credentials_of_the_longest_match() -> None:
    auths = {
        "r.io": {"username": "a", "password": "x"},
        "https://r.io/team": {"auth": base64.b64encode(b"b:y").decode()},
        "other.io": {"username": "c"},
    }
    text = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    found = credentials("r.io/team/app:1", [Secret(data={".dockerconfigjson": text})])
    assert [(a.username, a.password) for a in found] == [("b", "y"), ("a", "x")]


def test_status_patch_takes_back_what_is_gone() -> None:
    before = {"phase": "Running", "podIP": "1", "podIPs": [{"ip": "1"}], "reason": "x"}
    patch = status_patch(before, {"phase": "Pending", "podIP": "2", "podIPs": [{"ip": "2"}]})
    assert patch == {
        "phase": "Pending",
        "podIP": "2",
        "podIPs": [{"ip": "2"}, {"ip": "1", "$patch": "delete"}],
        "reason": None,
    }


def test_addresses_replace_what_nobody_remembers() -> None:
    patch = status_patch(None, {"phase": "Running", "podIP": "2", "podIPs": [{"ip": "2"}]})
    assert patch["podIPs"] == [{"$patch": "replace"}, {"ip": "2"}]


def test_a_node_that_forgot_takes_the_addresses_of_a_pod_away_before_there_are_new_ones() -> None:
    assert status_patch(None, {"phase": "Running"})["podIPs"] is None
    assert "podIPs" not in status_patch({"phase": "Pending"}, {"phase": "Running"})


def test_status_patch_takes_back_reasons_of_conditions() -> None:
    before = {"conditions": [{"type": "Ready", "status": "False", "reason": "x", "message": "y"}]}
    patch = status_patch(before, {"conditions": [{"type": "Ready", "status": "True"}]})
    assert patch["conditions"] == [{"type": "Ready", "status": "True", "reason": None, "message": None}]
    again = status_patch({"conditions": [{"type": "Ready", "status": "True"}]}, {"conditions": [{"type": "Ready"}]})
    assert again["conditions"] == [{"type": "Ready"}]


@given(st.lists(st.booleans()), st.integers(1, 4), st.integers(1, 4))
def test_tally_settles_after_a_run(answers: list[bool], failures: int, successes: int) -> None:
    probe = Probe(failureThreshold=failures, successThreshold=successes)
    count = Tally()
    settled = None
    for index, answer in enumerate(answers):
        count = tally(count, answer, probe)
        needed = successes if answer else failures
        if index + 1 >= needed and all(a is answer for a in answers[index + 1 - needed : index + 1]):
            settled = answer
        assert count.settled is settled
