"""The mirror pods of the cluster's own processes."""

from __future__ import annotations

from navarch.app.mirrors import ABOUT, COMPONENTS, MIRROR, mirror_pod, pod_name, running_status

NODE = {
    "metadata": {"name": "navarch", "uid": "u-1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.49.2"}]},
}


def test_names_are_those_of_the_tutorials() -> None:
    names = [pod_name(shown, "navarch", "u-1") for shown in COMPONENTS]
    assert names[:4] == [
        "etcd-navarch",
        "kube-apiserver-navarch",
        "kube-controller-manager-navarch",
        "kube-scheduler-navarch",
    ]
    assert [name.rpartition("-")[0] for name in names[4:]] == ["kube-proxy", "coredns"]
    assert pod_name(COMPONENTS[4], "navarch", "u-2") != names[4]


def test_a_mirror_says_what_it_is_and_belongs_to_its_node() -> None:
    metadata = mirror_pod(COMPONENTS[1], NODE)["metadata"]
    assert MIRROR in metadata["annotations"] and "process" in metadata["annotations"][ABOUT]
    assert metadata["ownerReferences"][0]["uid"] == "u-1"


def test_a_mirror_runs_at_its_nodes_address() -> None:
    status = running_status(COMPONENTS[5], NODE, "2026-01-01T00:00:00Z")
    assert (status["phase"], status["podIP"]) == ("Running", "192.168.49.2")
    assert status["containerStatuses"][0]["ready"]
    assert "podIP" not in running_status(COMPONENTS[5], {"metadata": {}}, "2026-01-01T00:00:00Z")
