"""What was found without fault is not judged again; what differs is."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from navarch.api.flawless import Flawless, spec_text
from navarch.api.validation.pod_spec import _errors, pod_spec_errors
from navarch.api.warnings import pod_warnings


def spec(volume: str = "kube-api-access-abcd2") -> dict[str, Any]:
    mount = {"name": volume, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    container = {
        "name": "app",
        "image": "app:1",
        "imagePullPolicy": "Always",
        "terminationMessagePolicy": "File",
        "volumeMounts": [mount],
    }
    return {
        "containers": [container],
        "volumes": [{"name": volume, "emptyDir": {}}],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
    }


def test_the_oldest_texts_go_when_there_is_no_room() -> None:
    known = Flawless(limit_bytes=10)
    for text in (b"aaaa", b"bbbb", b"bbbb", b"cccc", b"far too long to keep"):
        known.add(text)
    assert [text in known for text in (b"aaaa", b"bbbb", b"cccc", b"far too long to keep")] == [
        False,
        True,
        True,
        False,
    ]


def test_token_volumes_are_alike_but_only_well_formed_ones() -> None:
    assert spec_text(spec("kube-api-access-abcd2")) == spec_text(spec("kube-api-access-zzzz9"))
    for odd in ("kube-api-access-ABCDE", "kube-api-access-ab", "kube-api-access-abcdef", "kube-api-access-ab_cd"):
        assert spec_text(spec(odd)) != spec_text(spec())


def test_two_token_volumes_are_not_one() -> None:
    two = spec()
    two["volumes"].append({"name": "kube-api-access-zzzz9", "emptyDir": {}})
    same = copy.deepcopy(two)
    same["volumes"][1]["name"] = same["volumes"][0]["name"]
    assert pod_spec_errors(two, "spec") == []
    assert [error.path for error in pod_spec_errors(same, "spec")] == ["spec.volumes[1].name"]


def test_a_fault_is_found_after_its_like_was_flawless_and_named_every_time() -> None:
    assert pod_spec_errors(spec(), "spec") == []
    wrong = spec()
    wrong["containers"][0]["volumeMounts"][0]["name"] = "kube-api-access-other"
    for path in ("spec", "spec.template.spec"):
        found = pod_spec_errors(wrong, path)
        assert [error.path for error in found] == [f"{path}.containers[0].volumeMounts[0].name"]


def test_warnings_are_given_every_time_and_those_of_annotations_always() -> None:
    tree: dict[str, Any] = {"metadata": {}, "spec": spec()}
    annotated = {
        "metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/app": "x"}},
        "spec": spec(),
    }
    labelled = {"metadata": {}, "spec": {**spec(), "nodeSelector": {"beta.kubernetes.io/os": "linux"}}}
    for _ in range(2):
        assert pod_warnings(tree, None) == []
        assert len(pod_warnings(annotated, None)) == 1
        assert len(pod_warnings(labelled, None)) == 1


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "restartPolicy": st.sampled_from(["Always", "Never", "Sometimes"]),
            "hostname": st.sampled_from(["web", "Web"]),
            "volumes": st.lists(
                st.builds(lambda n: {"name": n, "emptyDir": {}}, st.sampled_from(["a", "b"])), max_size=2
            ),
            "activeDeadlineSeconds": st.integers(-1, 1),
        },
    )
)
def test_remembering_changes_no_answer(changes: dict[str, Any]) -> None:
    tree = {**spec(), **changes}
    assert pod_spec_errors(tree, "spec") == pod_spec_errors(tree, "spec") == _errors(tree, "spec")
