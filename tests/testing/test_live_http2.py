"""The real kubectl, in each version that is on this machine, speaks HTTP/2 with the API server."""

from __future__ import annotations

import glob
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch.node.runtime.script import Script
from navarch.testing.live import LiveCluster


def kubectls() -> list[str]:
    """The kubectl on the path, and those of other versions beside it."""
    found = shutil.which("kubectl")
    return sorted(glob.glob(f"{Path(found).resolve()}*")) if found else []


POD = """
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
 "spec": {"containers": [{"name": "c", "image": "talker"}]}}
"""


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with LiveCluster() as live:
        live.scripts.image("talker", Script(log=("one", "two"), exec={"hostname": ("web\n", 0)}))
        yield live.kubeconfig


@pytest.mark.parametrize("kubectl", kubectls() or [pytest.param("", marks=pytest.mark.skip(reason="needs kubectl"))])
def test_kubectl_works_over_http2(kubeconfig: Path, kubectl: str) -> None:
    def run(*words: str, stdin: str = "") -> tuple[str, str]:
        """What a command prints, and Go's trace of HTTP/2."""
        done = subprocess.run(
            [kubectl, f"--kubeconfig={kubeconfig}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={"GODEBUG": "http2debug=1", "PATH": "/usr/bin:/bin", "HOME": str(kubeconfig.parent)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    said, trace = run("apply", "-f", "-", stdin=POD)
    assert said == "pod/web created\n"
    assert "http2: Transport" in trace
    run("wait", "pod/web", "--for=condition=Ready", "--timeout=30s")
    said, trace = run("get", "pod", "web", "-o", "jsonpath={.status.phase}")
    assert (said, "http2: Transport" in trace) == ("Running", True)
    said, trace = run("get", "pods", "-w", "--request-timeout=1s")
    assert ("web" in said, "http2: Transport" in trace) == (True, True)
    assert run("logs", "web")[0] == "one\ntwo\n"
    assert run("exec", "web", "--", "hostname")[0] == "web\n"
    run("label", "pod", "web", "a=b")
    run("delete", "pod", "web", "--now")
    assert run("get", "pods")[0] == ""
