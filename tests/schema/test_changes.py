"""Sets of new objects: kept by their shapes, they are what they are without."""

from __future__ import annotations

import copy
from random import Random

import pytest

from navarch.schema import facts
from navarch.schema.changes import Changed
from navarch.schema.field_set import difference, sort_deep, union
from tests.schema.objects import random_object

TYPES = (
    "io.k8s.api.core.v1.Pod",
    "io.k8s.api.core.v1.Event",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.discovery.v1.EndpointSlice",
)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("reset", [frozenset({"status"}), frozenset({"spec"}), frozenset()])
def test_what_was_seen_before_changes_no_set(name: str, reset: frozenset[str]) -> None:
    node = facts.load().type(name)
    rng = Random(name)
    seen = Changed(node)
    objects = [random_object(rng, node) for _ in range(12)]
    first = [copy.deepcopy(seen.compare(None, tree, reset)) for tree in objects]
    for tree, (fields, removed) in zip(objects, first, strict=True):
        again, _ = seen.compare(None, tree, reset)
        alone, _ = Changed(node).compare(None, tree, reset)
        assert again == alone == fields and removed == {}
        assert list(again) == list(sort_deep(again)), "sorted"
        # Sets are shared; whoever works with one leaves it as it is.
        union(again, first[0][0])
        difference(again, first[1][0])
        assert seen.compare(None, tree, reset)[0] == alone


def test_a_shape_depends_on_what_is_left_out() -> None:
    node = facts.load().type("io.k8s.api.apps.v1.Deployment")
    changed = Changed(node)
    tree = {"metadata": {"name": "d"}, "spec": {"replicas": 1}, "status": {"replicas": 1}}
    assert "f:status" in changed.compare(None, tree, frozenset())[0]
    assert "f:status" not in changed.compare(None, tree, frozenset({"status"}))[0]
    assert "f:spec" not in changed.compare(None, tree, frozenset({"spec"}))[0]
