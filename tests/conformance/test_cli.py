"""The rows about kubectl that need no running pod, with the real kubectl."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path

import pytest

from tests.conformance.api import Api
from tests.kubectl.objects import deployment
from tests.kubectl.site import Kubectl, Tree


@pytest.mark.row("sig-cli: Kubectl client Kubectl api-versions should check if v1 is in available api versions")
def test_api_versions(k: Kubectl) -> None:
    assert "v1" in k("api-versions").split()


@pytest.mark.row(
    "sig-cli: Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info"
)
def test_cluster_info(k: Kubectl) -> None:
    said = re.sub(r"\x1b\[[\d;]*m", "", k("cluster-info"))
    assert f"Kubernetes control plane is running at {k.site.server}" in said


@pytest.mark.row("sig-cli: Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments")
def test_diff(k: Kubectl) -> None:
    file = k.write("d.yaml", deployment("httpd-deployment", replicas=1))
    k(f"create -f {file}")
    text = (k.directory / file).read_text().replace("1.7.9", "other")
    done = k.run("diff -f -", text=text)
    assert done.code == 1 and "other" in done.out


@pytest.mark.row("sig-cli: Kubectl client Kubectl run pod should create a pod from an image when restart is Never")
def test_run(k: Kubectl) -> None:
    k("run e2e-test-httpd-pod --restart=Never --image=httpd --pod-running-timeout=2m0s")
    spec = k.get("pods", "e2e-test-httpd-pod")["spec"]
    assert (spec["containers"][0]["image"], spec["restartPolicy"]) == ("httpd", "Never")
    k("delete pods e2e-test-httpd-pod")


@pytest.mark.row("sig-cli: Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods")
def test_dry_run(k: Kubectl) -> None:
    k("run e2e-test-httpd-pod --image=httpd --pod-running-timeout=2m0s --labels=run=e2e-test-httpd-pod")
    patch = json.dumps({"spec": {"containers": [{"name": "e2e-test-httpd-pod", "image": "busybox"}]}})
    k("patch pod e2e-test-httpd-pod --dry-run=server -p", patch)
    assert k.get("pods", "e2e-test-httpd-pod")["spec"]["containers"][0]["image"] == "httpd"


@pytest.mark.row("sig-cli: Kubectl client Kubectl version should check is all data is printed")
def test_version(k: Kubectl) -> None:
    found: Tree = json.loads(k("version -o json"))
    for part in ("clientVersion", "serverVersion"):
        assert all(found[part][key] for key in ("major", "minor", "gitVersion", "platform"))
    said = k("version")
    assert "Client Version:" in said and "Server Version:" in said


@pytest.mark.row("sig-cli: Kubectl client Proxy server should support proxy with --port 0")
def test_proxy_on_a_free_port(k: Kubectl) -> None:
    with k.running("proxy -p 0 --disable-filter") as proxy:
        assert proxy.stdout is not None
        while not (line := proxy.stdout.readline()).startswith("Starting to serve"):
            pass
        connection = http.client.HTTPConnection(line.split()[-1], timeout=30)
        connection.request("GET", "/api/")
        assert json.loads(connection.getresponse().read())["kind"] == "APIVersions"
        connection.close()


@pytest.mark.row("sig-cli: Kubectl client Proxy server should support --unix-socket=/path")
def test_proxy_on_a_socket(api: Api, k: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = Path(tmp_path_factory.mktemp("s")) / "p"
    with k.running(f"proxy --unix-socket={path}") as proxy:
        assert proxy.stdout is not None
        assert "Starting to serve on" in proxy.stdout.readline()
        with socket.socket(socket.AF_UNIX) as opened:
            opened.connect(str(path))
            opened.sendall(b"GET /api/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: opened.recv(65536), b""))
        assert b'"kind":"APIVersions"' in answer.replace(b" ", b"")
