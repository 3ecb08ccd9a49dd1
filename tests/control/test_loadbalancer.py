"""Addresses of load balancers."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.control.intents import Event, Intent, Patch
from navarch.control.loadbalancer import CLUSTER, reconcile
from navarch.control.sources import SERVICES
from tests.control.worlds import patches, world

CIDR = "192.0.2.0/30"


def service(name: str, ip: str = "", type_: str = "LoadBalancer", **spec: Any) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": ip}]}} if ip else {}
    return {"metadata": {"name": name, "namespace": "d"}, "spec": {"type": type_, **spec}, "status": status}


def plan(*services: dict[str, Any], cidr: str = CIDR) -> tuple[Intent, ...]:
    return reconcile(cidr, world({SERVICES: list(services)}), CLUSTER, 0.0).intents


def given(*services: dict[str, Any]) -> dict[str, Any]:
    made = [i for i in plan(*services) if isinstance(i, Patch)]
    assert all(i.subresource == "status" for i in made)
    return {i.key.name: (i.patch["status"]["loadBalancer"]["ingress"] or [{"ip": None}])[0]["ip"] for i in made}


def test_each_gets_the_first_free_address() -> None:
    assert given(service("b"), service("a", "192.0.2.1"), service("c", type_="NodePort")) == {"b": "192.0.2.2"}


def test_an_address_of_choice_is_given_if_it_is_free_and_ours() -> None:
    assert given(service("a", loadBalancerIP="192.0.2.2"), service("b")) == {"a": "192.0.2.2", "b": "192.0.2.1"}
    assert given(service("a", loadBalancerIP="10.0.0.1")) == {"a": "192.0.2.1"}


def test_what_is_no_load_balancer_any_more_gives_its_address_back() -> None:
    assert given(service("a", "192.0.2.1", "ClusterIP")) == {"a": None}


def test_classes_are_somebody_elses() -> None:
    assert plan(service("a", loadBalancerClass="x.example/y")) == ()


@pytest.mark.parametrize("cidr", ["", CIDR])
def test_nothing_is_given_without_need(cidr: str) -> None:
    assert plan(service("a", "192.0.2.1"), cidr=cidr) == ()


def test_when_all_are_taken_an_event_says_so() -> None:
    intents = plan(service("a", "192.0.2.1"), service("b", "192.0.2.2"), service("c"))
    assert patches(intents, "status") == []
    assert isinstance(intents[0], Event) and CIDR in intents[0].message
