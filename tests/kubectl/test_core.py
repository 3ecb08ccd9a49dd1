"""Config maps, secrets, service accounts, namespaces, nodes and pod templates."""

from __future__ import annotations

import base64
import json

import pytest

from tests.kubectl.objects import NGINX, container, meta, pod, template
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl, Tree


def chunked(k: Kubectl, *kinds: str) -> None:
    """`describe` asks page by page."""
    for kind in kinds:
        assert "limit=1 200 OK" in k.says(f"describe {kind} --chunk-size=1 -v=6")


@pytest.mark.suite("configmap_tests")
def test_config_maps(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create configmap test-configmap --dry-run={mode} --from-literal=key1=value1")
    assert not k.exists("configmaps", "test-configmap")
    k("create configmap test-configmap --from-literal=key1=value1")
    (k.directory / "random").write_bytes(bytes(range(256)))
    k("create configmap test-binary-configmap --from-file random")
    assert "key1: value1" in k("get configmap/test-configmap -o yaml")
    binary = k.get("configmaps", "test-binary-configmap")["binaryData"]["random"]
    assert base64.b64decode(binary) == bytes(range(256))
    chunked(k, "configmaps")
    assert k("delete configmap test-configmap").startswith('configmap "test-configmap" deleted')
    k(f"delete namespace {k.namespace}")
    assert not k.exists("namespaces", k.namespace)


@pytest.mark.suite("secrets_test")
def test_secrets(k: Kubectl) -> None:
    said = k.says("create secret generic test --from-literal=key1=value1 --dry-run=client -o yaml --v=6")
    for text in ("kind: Secret", "apiVersion: v1", "key1: dmFsdWUx"):
        assert text in said
    assert k.site.server not in said
    k("create secret generic test-secret --from-literal=key1=value1 --type=test-type")
    found = k.get("secrets", "test-secret")
    assert (found["type"], found["data"]) == ("test-type", {"key1": "dmFsdWUx"})
    chunked(k, "secrets")
    k("delete secret test-secret")
    user = "--docker-username=test-user --docker-password=test-password --docker-email=test-user@test.com"
    k(f"create secret docker-registry test-secret {user}")
    found = k.get("secrets", "test-secret")
    auths = json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))["auths"]
    assert (found["type"], auths["https://index.docker.io/v1/"]["username"]) == (
        "kubernetes.io/dockerconfigjson",
        "test-user",
    )
    k("delete secret test-secret")
    config = k.write("dockerconfig.json", text='{"auths": {"http://foo.example.com": {"username": "foo"}}}')
    k(f"create secret docker-registry test-secret --from-file=.dockerconfigjson={config}")
    assert k.get("secrets", "test-secret")["type"] == "kubernetes.io/dockerconfigjson"
    k("delete secret test-secret")
    pki = k.site.directory / "pki"
    k(f"create secret tls test-secret --key={pki / 'admin.key'} --cert={pki / 'admin.crt'}")
    assert k.get("secrets", "test-secret")["type"] == "kubernetes.io/tls"
    k("delete secret test-secret")
    strings = {"data": {"k1": "djE=", "k2": ""}, "stringData": {"k2": "v2"}}
    k(
        "create -f",
        k.write("s.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": meta("with-strings"), **strings}),
    )
    found = k.get("secrets", "with-strings")
    assert found["data"] == {"k1": "djE=", "k2": "djI="} and "stringData" not in found
    named = "create secret generic named --from-literal=key1=value1 --output=go-template"
    assert k(named, "--template={{.metadata.name}}:") == "named:"
    immutable: Tree = {"apiVersion": "v1", "kind": "Secret", "metadata": meta("fixed"), "immutable": True}
    k("create -f", k.write("i.yaml", immutable))
    assert "field is immutable when `immutable` is set" in k.fails("patch secret fixed -p", '{"data":{"a":"YQ=="}}')


@pytest.mark.suite("create_secret_tests")
def test_raw_requests(k: Kubectl) -> None:
    assert 'secrets "mysecret" not found' in k.fails("get secrets mysecret")
    create = "create secret generic mysecret --dry-run=client --from-literal=foo=bar"
    assert k(create, "-o=jsonpath={.metadata.namespace}", "--namespace=user-specified") == "user-specified"
    assert not k.exists("secrets", "mysecret")
    path = f"/api/v1/namespaces/{k.namespace}/configmaps"
    dumped = k("create configmap tester -o json --dry-run=client")
    k(f"create --raw {path} -f -", text=dumped)
    changed = k("create configmap tester --from-literal=key1=config1 -o json --dry-run=client")
    assert "uid" in k(f"replace --raw {path}/tester -f -", text=changed)
    assert "config1" in k(f"get --raw {path}/tester")
    k(f"delete --raw {path}/tester")
    assert 'configmaps "tester" not found' in k.fails("get configmap tester")


@pytest.mark.suite("service_accounts_tests")
def test_service_accounts(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create serviceaccount test-service-account --dry-run={mode}")
    assert k.names("serviceaccounts") == ["default"]
    k("create serviceaccount test-service-account")
    chunked(k, "serviceaccounts")

    def claims(words: str) -> Tree:
        token = k(f"create token test-service-account {words}").strip()
        middle = token.split(".")[1]
        inside: Tree = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return inside

    plain = claims("")
    assert plain["sub"] == f"system:serviceaccount:{k.namespace}:test-service-account"
    assert plain["exp"] - plain["iat"] == 3600
    asked = claims("--duration=2h --audience=a --audience=b")
    assert (asked["exp"] - asked["iat"], asked["aud"]) == (7200, ["a", "b"])
    k("create secret generic bound")
    uid = k.get("secrets", "bound")["metadata"]["uid"]
    bound = claims(f"--bound-object-kind Secret --bound-object-name bound --bound-object-uid {uid}")
    assert bound["kubernetes.io"]["secret"] == {"name": "bound", "uid": uid}
    assert "kind: TokenRequest" in k("create token test-service-account -o yaml")
    assert 'serviceaccounts "nobody" not found' in k.fails("create token nobody")
    k("delete serviceaccount test-service-account")


@pytest.mark.suite("namespace_tests")
def test_namespaces(k: Kubectl) -> None:
    name = f"{k.namespace}-my"
    for mode in ("client", "server"):
        k(f"create namespace {name} --dry-run={mode}")
    assert " not found" in k.fails(f"get ns/{name}")
    k(f"create namespace {name}")
    said = k.says("describe namespaces --chunk-size=1 -v=6")
    assert "/namespaces?limit=1 200 OK" in said and "resourcequotas?limit=1 200 OK" in said
    k(f"delete namespace {name} --wait=false")
    k(f"wait --for=delete ns/{name} --timeout=30s")
    assert " not found" in k.fails(f"get ns/{name}")
    k(f"create namespace {name}")
    said = k.says(f"delete namespace {name} -n {name}")
    assert "deleting cluster-scoped resources" in said and f'namespace "{name}" deleted' in said


@pytest.mark.suite("namespace_tests")
def test_quotas(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create quota test-quota --dry-run={mode}")
    assert k.names("resourcequotas") == []
    k("create quota test-quota --hard=pods=0")
    chunked(k, "resourcequotas")
    k.until_one("resourcequotas", "test-quota", lambda o: o.get("status", {}).get("used") == {"pods": "0"})
    assert "exceeded quota: test-quota" in k.fails("run web --image=nginx")


@pytest.mark.suite("nodes_tests")
def test_nodes(k: Kubectl) -> None:
    k.until_one("nodes", NODE, lambda o: bool(o.get("status", {}).get("conditions")))
    for target in (f"nodes {NODE}", "nodes"):
        described = k(f"describe {target}")
        for word in ("Name:", "Labels:", "CreationTimestamp:", "Conditions:", "Addresses:", "Capacity:", "Pods:"):
            assert word in described
        assert "Events:" in described
        assert "Events:" not in k(f"describe {target} --show-events=false")
    chunked(k, "nodes")
    k(f"patch nodes {NODE} -p", '{"spec":{"unschedulable":true}}')
    assert k.get("nodes", NODE)["spec"]["unschedulable"] is True
    assert "SchedulingDisabled" in k(f"get node {NODE}")
    k(f"patch nodes {NODE} -p", '{"spec":{"unschedulable":null}}')
    assert "unschedulable" not in k.get("nodes", NODE)["spec"]
    review: Tree = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "admin-token"}}
    assert "created" in k("create --validate=false -f", k.write("review.yaml", review))
    done = k.site.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert done["status"]["user"]["username"] == "admin"


@pytest.mark.suite("pod_templates_tests")
def test_pod_templates(k: Kubectl) -> None:
    inside = template({"name": "nginx"}, container("nginx", NGINX))
    k(
        "create -f",
        k.write("t.yaml", {"apiVersion": "v1", "kind": "PodTemplate", "metadata": meta("nginx"), "template": inside}),
    )
    shown = k("get podtemplates").splitlines()
    assert shown[0].split() == ["NAME", "CONTAINERS", "IMAGES", "POD", "LABELS"]
    assert shown[1].split() == ["nginx", "nginx", NGINX, "name=nginx"]
    assert "name: nginx" in k("get podtemplates -o yaml")
    chunked(k, "podtemplates")
    k("delete podtemplate nginx")
    assert k.names("podtemplates") == []


@pytest.mark.suite("namespace_tests")
def test_pods_in_namespaces(k: Kubectl) -> None:
    file = k.write("pod.yaml", pod("valid-pod"))
    k(f"create --namespace={k.namespace} -f {file}")
    template_ = "--template={{range .items}}{{.metadata.name}}:{{end}}"
    assert k(f"get pods --namespace={k.namespace}", template_) == k(f"get pods -n {k.namespace}", template_)
    k(f"delete pod --namespace={k.namespace} valid-pod --grace-period=0 --force")
    assert k.names("pods") == []
