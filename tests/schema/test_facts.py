"""The fact tables: what they say about types whose facts are well known."""

from __future__ import annotations

import pytest

from navarch.schema import facts, types
from navarch.schema.types import List, Map, Struct

FACTS = facts.load()


def test_every_type_becomes_nodes() -> None:
    for name in FACTS.names():
        if "fields" in FACTS.row(name):
            assert isinstance(FACTS.type(name), Struct)


def test_names_are_sorted() -> None:
    assert FACTS.names() == sorted(FACTS.names())


def test_a_type_is_the_same_object_everywhere() -> None:
    template = FACTS.type("io.k8s.api.core.v1.PodTemplateSpec")
    assert FACTS.type("io.k8s.api.core.v1.Pod").fields["spec"].node is template.fields["spec"].node


def test_containers_merge_by_name() -> None:
    containers = FACTS.type("io.k8s.api.core.v1.PodSpec").fields["containers"]
    assert isinstance(containers.node, List)
    assert (containers.node.list_type, containers.node.keys) == ("map", ("name",))
    assert (containers.required, containers.patch_strategy, containers.patch_merge_key) == (True, "merge", "name")


def test_limits_are_a_map_of_quantities_under_a_named_type() -> None:
    limits = FACTS.type("io.k8s.api.core.v1.ResourceRequirements").fields["limits"]
    assert isinstance(limits.node, Map)
    assert limits.node.value is types.QUANTITY
    assert limits.go_type == "v1.ResourceList"


def test_object_meta_comes_in_the_order_in_which_the_server_prints_it() -> None:
    assert list(FACTS.type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").fields) == [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ]


@pytest.mark.parametrize(
    ("type_name", "field", "presence"),
    [
        ("core.v1.Container", "resources", "always"),
        ("core.v1.Container", "tty", "omit"),
        ("core.v1.PodSpec", "automountServiceAccountToken", "keep"),
        ("core.v1.Pod", "status", "always"),
        ("rbac.v1.Role", "rules", "always"),
        ("apps.v1.DeploymentSpec", "replicas", "keep"),
    ],
)
def test_presence(type_name: str, field: str, presence: str) -> None:
    assert FACTS.type(f"io.k8s.api.{type_name}").fields[field].presence == presence


def test_embedded_structs_and_protobuf_numbers() -> None:
    empty_dir = FACTS.type("io.k8s.api.core.v1.Volume").fields["emptyDir"]
    assert (empty_dir.number, empty_dir.inline) == (2, (("VolumeSource", 2),))


def test_kinds_are_found_by_version_and_name() -> None:
    assert FACTS.type_name("v1", "Pod") == "io.k8s.api.core.v1.Pod"
    assert FACTS.type_name("autoscaling/v2", "HorizontalPodAutoscaler") == (
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
    )
    assert FACTS.type_name("v1", "Bogus") is None
    assert FACTS.type_name("apps/v1", "Pod") is None


def test_an_unknown_type_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        FACTS.type("io.k8s.api.core.v1.Bogus")
