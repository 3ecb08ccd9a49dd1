"""Addresses that no other host could reach are no endpoints and no external addresses."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.api.validation.services import endpoint_slice_errors, service_errors

SPECIAL = [
    ("0.0.0.0", "may not be unspecified (0.0.0.0 or ::)"),
    ("127.0.0.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
    ("169.254.1.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
    ("224.0.0.1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
]


def slice_of(address: str) -> dict[str, Any]:
    return {"addressType": "IPv4", "endpoints": [{"addresses": [address]}]}


def service(address: str) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    spec = {"type": "ClusterIP", "ports": ports, "externalIPs": [address], "sessionAffinity": "None"}
    return {"spec": {**spec, "externalTrafficPolicy": "Cluster"}}


@pytest.mark.parametrize(("address", "fault"), SPECIAL)
def test_special_addresses(address: str, fault: str) -> None:
    text = f'Invalid value: "{address}": {fault}'
    assert [str(e) for e in endpoint_slice_errors(slice_of(address))] == [f"endpoints[0].addresses[0]: {text}"]
    assert [str(e) for e in service_errors(service(address))] == [f"spec.externalIPs[0]: {text}"]


def test_ordinary_addresses() -> None:
    assert not endpoint_slice_errors(slice_of("10.0.0.1")) and not service_errors(service("192.0.2.1"))
