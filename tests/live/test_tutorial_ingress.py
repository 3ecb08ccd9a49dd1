"""The tutorial "Set up Ingress on Minikube with the NGINX Ingress Controller"."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.live.cluster import LiveCluster, Namespace, eventually
from tests.live.conftest import running
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


@pytest.fixture(scope="module")
def own() -> Iterator[LiveCluster]:
    with running("ingress") as started:
        yield started


def curl(own: LiveCluster, url: str, *words: str) -> str:
    address = own.navarch("ip").out.strip()
    resolve = [f"hello-world.example:{port}:{address}" for port in (80, 443)]
    command = ["curl", "-s", "-m", "5", "--noproxy", "*", *(w for r in resolve for w in ("--resolve", r)), *words, url]
    return subprocess.run(command, capture_output=True, text=True).stdout


def ingress(*paths: tuple[str, str], tls: bool = False) -> dict[str, object]:
    listed = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 8080}}}}
        for path, service in paths
    ]
    rule = {"host": "hello-world.example", "http": {"paths": listed}}
    spec: dict[str, object] = {"ingressClassName": "nginx", "rules": [rule]}
    if tls:
        spec["tls"] = [{"hosts": ["hello-world.example"], "secretName": "cert"}]
    meta = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "example-ingress"}}
    return {**meta, "spec": spec}


def test_the_tutorial(own: LiveCluster) -> None:
    assert "| ingress              | ingress | disabled" in own.navarch("addons", "list").out
    assert "The 'ingress' addon is enabled" in own.navarch("addons", "enable", "ingress").out
    assert "| ingress              | ingress | enabled" in own.navarch("addons", "list").out
    pods = own.kubectl("get", "pods", "-n", "ingress-nginx", "--no-headers").rows
    assert [row[1:3] for row in pods] == [["1/1", "Running"]]
    assert curl(own, "http://hello-world.example/") == "default backend - 404"

    space = Namespace(own, "default")
    space.kubectl("create", "deployment", "web", "--image=hello-node:v1", "--port=8080")
    assert space.kubectl("expose", "deployment", "web", "--type=NodePort", "--port=8080").out == "service/web exposed\n"
    space.apply(ingress(("/", "web")))
    eventually(lambda: space.kubectl("get", "ingress").rows[1][1:5] == [
        "nginx", "hello-world.example", own.node_ip(), "80",
    ])  # fmt: skip
    eventually(lambda: curl(own, "http://hello-world.example/") == "Hello World!")

    space.kubectl("create", "deployment", "web2", "--image=hello-node:v2", "--port=8080")
    space.kubectl("expose", "deployment", "web2", "--port=8080", "--type=NodePort")
    space.apply(ingress(("/", "web"), ("/v2", "web2")))
    eventually(lambda: curl(own, "http://hello-world.example/v2") == "Hello World Again!")
    assert curl(own, "http://hello-world.example/") == "Hello World!"


def test_a_certificate(own: LiveCluster) -> None:
    """`kubectl create secret tls`; plain requests are sent to https."""
    space, place = Namespace(own, "default"), own.home
    key, certificate = str(place / "tls.key"), str(place / "tls.crt")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=hello-world.example"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    space.kubectl("create", "secret", "tls", "cert", f"--key={key}", f"--cert={certificate}")
    space.apply(ingress(("/", "web"), tls=True))
    eventually(lambda: "308" in curl(own, "http://hello-world.example/", "-o", "/dev/null", "-w", "%{http_code}"))
    said = subprocess.run(
        ["openssl", "s_client", "-connect", f"{own.node_ip()}:443", "-servername", "hello-world.example"],
        input="", capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "CN = hello-world.example" in said
    assert curl(own, "https://hello-world.example/", "-k") == "Hello World!"


def test_it_goes_again(own: LiveCluster) -> None:
    assert "addon is disabled" in own.navarch("addons", "disable", "ingress").out
    eventually(lambda: curl(own, "http://hello-world.example/") == "")
    eventually(lambda: own.kubectl("get", "namespace", "ingress-nginx", check=False).code == 1)
    found = json.loads(own.kubectl("get", "ingress", "example-ingress", "-o", "json").out)
    assert found["spec"]["ingressClassName"] == "nginx"
