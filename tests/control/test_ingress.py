"""What the ingress controller writes, and the configuration itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from navarch.control.ingress import CERTIFICATES, CLUSTER, CONFIGURATION, reconcile
from navarch.control.ingress_nginx import PLACE
from navarch.control.intents import Patch
from navarch.control.sources import CONFIGMAPS, INGRESSCLASSES, INGRESSES, NAMESPACES, PODS, SECRETS, SERVICES
from tests.control.worlds import world

Tree = dict[str, Any]

CLASS: Tree = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
HELD: Tree = {
    "metadata": {"name": CERTIFICATES.name, "namespace": CERTIFICATES.namespace},
    "data": {"default.crt": "YQ=="},
}
TLS: Tree = {"metadata": {"name": "cert", "namespace": "default"}, "data": {"tls.crt": "Yg==", "tls.key": "Yw=="}}
CONTROLLER_POD: Tree = {
    "metadata": {
        "name": "c",
        "namespace": "ingress-nginx",
        "labels": {"app.kubernetes.io/component": "controller"},
    },
    "status": {"hostIP": "192.168.49.2", "conditions": [{"type": "Ready", "status": "True"}]},
}


def service(name: str, ip: str, port: int = 8080) -> Tree:
    spec = {"clusterIP": ip, "ports": [{"name": "http", "port": port}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def path(path: str, backend: str, type_: str = "Prefix", **port: Any) -> Tree:
    named = {"service": {"name": backend, "port": port or {"number": 8080}}}
    return {"path": path, "pathType": type_, "backend": named}


def ingress(*paths: Tree, host: str = "hello-world.example", name: str = "example", **more: Any) -> Tree:
    annotations = more.pop("annotations", {})
    metadata = {"name": name, "namespace": "default", "annotations": annotations, **more.pop("metadata", {})}
    rule = {"host": host, "http": {"paths": list(paths)}} if host else {"http": {"paths": list(paths)}}
    return {"metadata": metadata, "spec": {"ingressClassName": "nginx", "rules": [rule], **more}}


def patches(*ingresses: Tree, **around: Any) -> dict[tuple[str, str], Any]:
    made = world(
        {
            INGRESSCLASSES: around.get("classes", [CLASS]),
            INGRESSES: list(ingresses),
            NAMESPACES: [{"metadata": {"name": "ingress-nginx"}}],
            SECRETS: [HELD, TLS],
            SERVICES: [service("web", "10.96.0.1"), service("web2", "10.96.0.2"), service("none", "None")],
            PODS: around.get("pods", [CONTROLLER_POD]),
            CONFIGMAPS: around.get("maps", []),
        }
    )
    plan = reconcile(made, CLUSTER, 0.0)
    return {(i.resource.plural, i.key.name): i.patch for i in plan.intents if isinstance(i, Patch)}


def conf(*ingresses: Tree) -> str:
    text: str = patches(*ingresses)["configmaps", CONFIGURATION.name]["data"]["nginx.conf"]
    return text


def locations(text: str, host: str) -> dict[str, str]:
    """What is served where, of the server with that name."""
    (server,) = [s for s in text.split("  server {")[1:] if f"server_name {host};" in s]
    return dict(re.findall(r"location (.+?) \{ (.*) \}", server))


def test_the_tutorial() -> None:
    """hello-world.example, then /v2 of it."""
    text = conf(ingress(path("/", "web"), path("/v2", "web2")))
    assert locations(text, "hello-world.example") == {
        '= "/v2"': "proxy_pass http://10.96.0.2:8080;",
        '"/v2/"': "proxy_pass http://10.96.0.2:8080;",
        "/": "proxy_pass http://10.96.0.1:8080;",
    }
    assert "404" in locations(text, "_")["/"]


def test_its_address_is_the_nodes() -> None:
    found = patches(ingress(path("/", "web")))
    assert found["ingresses", "example"] == {"status": {"loadBalancer": {"ingress": [{"ip": "192.168.49.2"}]}}}
    assert ("ingresses", "example") not in patches(ingress(path("/", "web")), pods=[])


def test_kinds_of_paths() -> None:
    text = conf(ingress(path("/exact", "web", "Exact"), path("/as/it/is", "web", "ImplementationSpecific")))
    assert set(locations(text, "hello-world.example")) == {'= "/exact"', '"/as/it/is"', "/"}


def test_ports_by_name_and_what_nothing_serves() -> None:
    text = conf(
        ingress(path("/a", "web", "Exact", name="http"), path("/b", "gone", "Exact"), path("/c", "none", "Exact"))
    )
    found = locations(text, "hello-world.example")
    assert found['= "/a"'] == "proxy_pass http://10.96.0.1:8080;"
    assert found['= "/b"'] == found['= "/c"'] == "return 503;"


def test_the_older_rule_holds() -> None:
    old = ingress(path("/", "web2"), name="z", metadata={"creationTimestamp": "2026-01-01T00:00:00Z"})
    new = ingress(path("/", "web"), name="a", metadata={"creationTimestamp": "2026-01-02T00:00:00Z"})
    assert locations(conf(new, old), "hello-world.example")["/"] == "proxy_pass http://10.96.0.2:8080;"


def test_rewriting() -> None:
    rewrite = {"nginx.ingress.kubernetes.io/rewrite-target": "/$1"}
    found = locations(conf(ingress(path("/v2/(.*)", "web"), annotations=rewrite)), "hello-world.example")
    assert found['~* "^/v2/(.*)"'] == 'rewrite "(?i)/v2/(.*)" /$1 break; proxy_pass http://10.96.0.1:8080;'


def test_certificates() -> None:
    tls = [{"hosts": ["hello-world.example"], "secretName": "cert"}]
    found = patches(ingress(path("/", "web"), tls=tls))
    assert found["secrets", CERTIFICATES.name]["data"] == {
        "default.crt": "YQ==",
        "default-cert.crt": "Yg==",
        "default-cert.key": "Yw==",
    }
    text = found["configmaps", CONFIGURATION.name]["data"]["nginx.conf"]
    assert f"ssl_certificate {PLACE}/tls/default-cert.crt;" in text and "return 308 https://" in text
    stays = {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}
    assert "return 308" not in conf(ingress(path("/", "web"), tls=tls, annotations=stays))


@pytest.mark.parametrize("wicked", ["/a;return 200", '/"{', "/a\nb", "/${x}"])
def test_what_would_mean_something_to_nginx_is_left_out(wicked: str) -> None:
    text = conf(ingress(path(wicked, "web"), path("/good", "web")))
    assert wicked not in text and '"/good/"' in text


def test_other_classes_are_somebody_elses() -> None:
    other = ingress(path("/", "web"), ingressClassName="traefik")
    assert "hello-world" not in conf(other)
    old = ingress(path("/", "web"), ingressClassName="", annotations={"kubernetes.io/ingress.class": "nginx"})
    assert "hello-world" in conf(old)
    assert patches(ingress(path("/", "web")), classes=[]) == {}


def test_nothing_is_written_twice() -> None:
    text = conf(ingress(path("/", "web")))
    held = {"metadata": {"name": CONFIGURATION.name, "namespace": "ingress-nginx"}, "data": {"nginx.conf": text}}
    assert set(patches(ingress(path("/", "web")), maps=[held])) == {("ingresses", "example")}


@pytest.mark.skipif(shutil.which("nginx") is None or shutil.which("openssl") is None, reason="needs nginx, openssl")
def test_nginx_takes_it(tmp_path: Path) -> None:
    rewrite = {"nginx.ingress.kubernetes.io/rewrite-target": "/$1"}
    tls = [{"hosts": ["*.foo.example"], "secretName": "missing"}]
    text = conf(
        ingress(path("/", "web"), path("/v2", "web2"), path("/x", "web", "Exact")),
        ingress(path("/v2/(.*)", "web"), name="r", host="r.example", annotations=rewrite),
        ingress(path("/", "web"), name="t", host="*.foo.example", tls=tls),
        ingress(path("/all", "web"), name="all", host=""),
    )
    (tmp_path / "tls").mkdir()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    files = ["-keyout", tmp_path / "tls/default.key", "-out", tmp_path / "tls/default.crt"]
    subprocess.run([*make, *files], check=True, capture_output=True)
    local = text.replace(PLACE, str(tmp_path)).replace("/run/nginx.pid", f"{tmp_path}/pid")
    local = local.replace("/dev/stdout", f"{tmp_path}/log").replace("user nginx;", "user root root;")
    (tmp_path / "nginx.conf").write_text(local)
    ran = subprocess.run(["nginx", "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
