"""Pods as debug changes, copies and makes them; plugins that are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from navarch.cli.debugging import Keep, Wish, copy, node_pod, with_ephemeral
from navarch.cli.plugins import installed

PROBE = {"httpGet": {"port": 80}}
POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "n", "labels": {"a": "b"}, "uid": "u"},
    "spec": {
        "nodeName": "node-1",
        "containers": [{"name": "c", "image": "old", "livenessProbe": PROBE}, {"name": "d", "image": "old"}],
        "initContainers": [{"name": "i", "image": "old"}],
        "ephemeralContainers": [{"name": "e", "image": "tools"}],
    },
    "status": {"phase": "Running"},
}


def test_a_container_beside_the_others() -> None:
    wish = Wish("debugger", "busybox", ("sh",), stdin=True, tty=True, target="c")
    before, added = with_ephemeral(POD, wish)["spec"]["ephemeralContainers"]
    assert before == {"name": "e", "image": "tools"}
    assert added == {
        "name": "debugger",
        "image": "busybox",
        "resources": {},
        "terminationMessagePolicy": "File",
        "command": ["sh"],
        "stdin": True,
        "tty": True,
        "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}},
        "targetContainerName": "c",
    }
    assert len(POD["spec"]["ephemeralContainers"]) == 1


def test_a_copy_starts_afresh_and_elsewhere() -> None:
    tree = copy(POD, "web-2", Wish("debugger", "busybox"), {}, Keep(), same_node=False, share=None)
    assert tree["metadata"] == {"name": "web-2", "namespace": "n"}
    assert "status" not in tree and "nodeName" not in tree["spec"] and "ephemeralContainers" not in tree["spec"]
    assert [c["name"] for c in tree["spec"]["containers"]] == ["c", "d", "debugger"]
    assert "livenessProbe" not in tree["spec"]["containers"][0]
    assert tree["spec"]["shareProcessNamespace"] is True
    assert "livenessProbe" in POD["spec"]["containers"][0]


def test_a_copy_with_other_images_and_another_command() -> None:
    keep = Keep(labels=True, liveness=True, init_containers=False)
    wish = Wish("c", "", ("sleep", "1h"))
    tree = copy(POD, "web-2", wish, {"*": "new", "d": "newer"}, keep, same_node=True, share=False)
    c, d = tree["spec"]["containers"]
    assert (c["image"], c["command"], c["livenessProbe"]) == ("new", ["sleep", "1h"], PROBE)
    assert d["image"] == "newer"
    assert (tree["metadata"]["labels"], tree["spec"]["nodeName"]) == ({"a": "b"}, "node-1")
    assert "initContainers" not in tree["spec"] and "shareProcessNamespace" not in tree["spec"]


@pytest.mark.parametrize(
    ("profile", "files", "namespaces"),
    [("general", True, True), ("baseline", False, False), ("restricted", False, False), ("netadmin", False, True)],
)
def test_a_pod_on_a_node(profile: str, files: bool, namespaces: bool) -> None:
    spec = node_pod("node-1", "p", "n", Wish("debugger", "busybox", profile=profile))["spec"]
    assert spec["nodeName"] == "node-1" and spec["tolerations"] == [{"operator": "Exists"}]
    assert ("volumes" in spec, "hostPID" in spec) == (files, namespaces)


def test_plugins_are_the_executables_of_that_name(tmp_path: Path) -> None:
    for name, mode in (("kubectl-b", 0o755), ("kubectl-a", 0o755), ("kubectl-data", 0o644), ("other", 0o755)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
    assert installed({"PATH": f"/nonexistent:{tmp_path}"}) == [f"{tmp_path}/kubectl-a", f"{tmp_path}/kubectl-b"]
