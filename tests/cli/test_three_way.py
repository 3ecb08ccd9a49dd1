"""`apply --overwrite=false`: whether a file and the others have changed the same things."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from navarch.cli.errors import CliError
from navarch.cli.resources import Resource
from navarch.cli.three_way import refuse_conflicts
from navarch.cli.writes import LAST_APPLIED

DEPLOYMENTS = Resource("deployments", "deployment", "Deployment", "apps", "v1", True, (), (), (), (), True)


def tree(replicas: int, **images: str) -> dict[str, Any]:
    containers = [{"name": name, "image": image} for name, image in images.items()]
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}},
    }


def live(applied: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {**now, "metadata": {**now["metadata"], "annotations": {LAST_APPLIED: orjson.dumps(applied).decode()}}}


@pytest.mark.parametrize(
    ("modified", "current", "collide"),
    [
        (tree(2, a="x"), tree(1, a="y"), False),
        (tree(2, a="x"), tree(3, a="x"), True),
        (tree(2, a="x"), tree(2, a="x"), False),
        (tree(1, a="x2"), tree(1, a="y"), True),
        (tree(1, a="x2"), tree(1, a="x", b="z"), False),
    ],
    ids=["elsewhere", "the same field", "agreed", "in a list", "another element"],
)
def test_collisions(modified: dict[str, Any], current: dict[str, Any], collide: bool) -> None:
    current = live(tree(1, a="x"), current)
    if not collide:
        refuse_conflicts(DEPLOYMENTS, modified, current)
        return
    with pytest.raises(CliError, match="conflicts with changes made from original to current"):
        refuse_conflicts(DEPLOYMENTS, modified, current)
