"""`kubectl diff`: exit code 0 for no difference, 1 for some, more for errors."""

from __future__ import annotations

import base64

import pytest

from tests.kubectl.objects import PAUSE, PAUSE_2, config_map, deployment, labelled_pod, pod
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("kubectl_diff_tests")


@pytest.mark.parametrize("mode", ["", "--server-side"])
def test_differences(k: Kubectl, mode: str) -> None:
    file, changed = k.write("pod.yaml", labelled_pod()), k.write("changed.yaml", labelled_pod(image=PAUSE_2))
    done = k.run(f"diff {mode} -f {file}")
    assert (done.code, "test-pod" in done.out) == (1, True)
    assert k.names("pods") == []
    k(f"apply {mode} -f {file}")
    before = k.get("pods", "test-pod")
    assert k(f"diff {mode} -f {file}") == ""
    done = k.run(f"diff {mode} -f {changed}")
    assert (done.code, f"+  - image: {PAUSE_2}" in done.out, f"-  - image: {PAUSE}" in done.out) == (1, True, True)
    assert k.get("pods", "test-pod") == before
    invalid = pod("test-pod", None, {"name": "INVALID", "image": PAUSE})
    assert k.run(f"diff {mode} -f", k.write("invalid.yaml", invalid)).code > 1


def test_server_side_conflicts(k: Kubectl) -> None:
    k("apply --server-side --field-manager=other -f", k.write("pod.yaml", labelled_pod()))
    file = k.write("changed.yaml", labelled_pod(image=PAUSE_2))
    done = k.run(f"diff --server-side --field-manager=mine -f {file}")
    assert done.code > 1 and "conflict" in done.text
    done = k.run(f"diff --server-side --field-manager=mine --force-conflicts -f {file}")
    assert (done.code, PAUSE_2 in done.out) == (1, True)


def test_prune(k: Kubectl) -> None:
    label = {"prune-group": "diff"}
    a, b = k.write("a.yaml", pod("a", label)), k.write("b.yaml", pod("b", label))
    k(f"apply -l prune-group=diff -f {a}")
    done = k.run(f"diff -l prune-group=diff -f {b}")
    assert (done.code, "name: a" in done.out) == (1, False)
    done = k.run(f"diff --prune -l prune-group=diff -f {b}")
    assert (done.code, "-  name: a" in done.out) == (1, True)
    k(f"apply --prune -l prune-group=diff -f {b}")
    assert k(f"diff --prune -l prune-group=diff -f {b}") == ""


def test_secrets_are_masked(k: Kubectl) -> None:
    def secret(value: str) -> Tree:
        data = {"password": base64.b64encode(value.encode()).decode(), "same": "c2FtZQ=="}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "test"}, "data": data}

    k("apply -f", k.write("one.yaml", secret("one")))
    done = k.run("diff -f", k.write("two.yaml", secret("two")))
    assert done.code == 1
    assert "*** (before)" in done.out and "*** (after)" in done.out
    assert "b25l" not in done.out and "dHdv" not in done.out


@pytest.mark.suite("kubectl_diff_same_names")
def test_objects_of_the_same_name(k: Kubectl) -> None:
    secret: Tree = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "test"}}
    for number, tree in enumerate((pod("test"), deployment("test"), config_map("test"), secret)):
        k.write(f"diff/{number}.yaml", tree)
    said = k.run("diff -Rf diff/", KUBECTL_EXTERNAL_DIFF="find").out
    for kind in ("v1.Pod.", "apps.v1.Deployment.", "v1.ConfigMap.", "v1.Secret."):
        assert f"{kind}{k.namespace}.test" in said
