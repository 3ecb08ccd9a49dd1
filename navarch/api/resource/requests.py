"""Defaults of device requests, in claims and in templates of claims."""

from __future__ import annotations

from navarch.api.defaulting import each, fill
from navarch.schema.types import Tree


def default_requests(claim_spec: Tree) -> None:
    for request in each(claim_spec.get("devices") or {}, "requests"):
        if isinstance(exactly := request.get("exactly"), dict):
            _default_request(exactly)
        for alternative in each(request, "firstAvailable"):
            _default_request(alternative)


def _default_request(request: Tree) -> None:
    fill(request, "allocationMode", "ExactCount")
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in each(request, "tolerations"):
        fill(toleration, "operator", "Equal")
