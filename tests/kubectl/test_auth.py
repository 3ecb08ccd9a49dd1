"""Certificates, credentials from programs, impersonation."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.kubectl.objects import config_map, meta
from tests.kubectl.site import TOKEN, Kubectl, Tree


def request(k: Kubectl, name: str, user: str = "testuser") -> str:
    """A file with a signing request; its key is written to `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (k.directory / "key.pem").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    spec = {
        "request": base64.b64encode(made.public_bytes(encoding)).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return k.write(f"{name}.yaml", {**kind, "metadata": meta(name), "spec": spec})


@pytest.mark.suite("certificates_tests")
@pytest.mark.parametrize(("verb", "state"), [("approve", "Approved"), ("deny", "Denied")])
def test_certificates(k: Kubectl, verb: str, state: str) -> None:
    name = f"{k.namespace}-csr"
    for target in (name, "-f"):
        file = request(k, name)
        k(f"create -f {file}")
        assert "conditions" not in k.get("certificatesigningrequests", name).get("status", {})
        assert k(f"get csr {name} --no-headers").split()[-1] == "Pending"
        k(f"certificate {verb}", *((target, file) if target == "-f" else (target,)))
        found = k.get("certificatesigningrequests", name)
        assert [each["type"] for each in found["status"]["conditions"]] == [state]
        assert k(f"get csr {name} --no-headers").split()[-1].startswith(state)
        assert "Status:" in k(f"describe csr {name}")
        k(f"delete -f {file}")


@pytest.mark.suite("impersonation_tests")
def test_impersonation(k: Kubectl) -> None:
    assert "without impersonating a user" in k.fails("get pods --as-group=foo")
    assert "without impersonating a user" in k.fails("get pods --as-uid=foo")
    name = f"{k.namespace}-csr"
    file = request(k, name)
    k("create clusterrolebinding", f"{name}-all", "--clusterrole=cluster-admin", "--user=user1")

    def spec(words: str) -> Tree:
        k(f"create -f {file} --as=user1 {words}")
        found: Tree = k.get("certificatesigningrequests", name)["spec"]
        k(f"delete -f {file}")
        return found

    alone = spec("")
    assert (alone["username"], alone["groups"]) == ("user1", ["system:authenticated"])
    groups = spec("--as-group=group2 --as-group=group1 --as-group=,,,chameleon")["groups"]
    assert groups == ["group2", "group1", ",,,chameleon", "system:authenticated"]
    assert spec("--as-uid=abc123")["uid"] == "abc123"
    user = {"token": TOKEN, "as": "user1", "as-uid": "1", "as-user-extra": {"foo": ["bar", "baz"]}}
    config = yaml.safe_load(k.kubeconfig.read_text())
    config["users"][0]["user"] = user
    other = k.write("other.yaml", config)
    k(f"create -f {file} --kubeconfig {other}")
    found = k.get("certificatesigningrequests", name)["spec"]
    assert (found["uid"], found["extra"]) == ("1", {"foo": ["bar", "baz"]})
    k(f"delete -f {file}")
    k(f"delete clusterrolebinding {name}-all")


def with_program(k: Kubectl, version: str, command: str, *args: str, mode: str | None = "IfAvailable") -> str:
    """A kubeconfig file whose credentials come from a program."""
    program = {"apiVersion": version, "command": command, "args": list(args)}
    config = yaml.safe_load(k.kubeconfig.read_text())
    config["users"][0]["user"] = {"exec": program | ({"interactiveMode": mode} if mode else {})}
    return k.write(f"exec-{command.rpartition('/')[2]}-{mode}.yaml", config)


VERSIONS = ("client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1")
GET = "get namespace kube-system -o name"


@pytest.mark.suite("exec_credentials_tests")
@pytest.mark.parametrize("version", VERSIONS)
def test_credentials_of_a_program(k: Kubectl, version: str) -> None:
    invalid = with_program(k, version, "ls")
    given = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": TOKEN}})
    valid = with_program(k, version, "echo", given)
    assert k(f"{GET} --kubeconfig={invalid} --token={TOKEN}") == "namespace/kube-system\n"
    assert "json parse error" in k.fails(f"{GET} --kubeconfig={invalid}")
    assert k(f"{GET} --kubeconfig={valid}") == "namespace/kube-system\n"
    assert "Unauthorized" in k.fails(f"{GET} --kubeconfig={valid} --token=wrong")
    # A certificate goes before a program, on the command line and in the file.
    name = f"{k.namespace}-testuser"
    k("create -f", request(k, name))
    k(f"certificate approve {name}")
    k.until_one("certificatesigningrequests", name, lambda o: bool(o["status"].get("certificate")))
    pem = base64.b64decode(k.get("certificatesigningrequests", name)["status"]["certificate"])
    (k.directory / "crt.pem").write_bytes(pem)
    files = "--client-certificate=crt.pem --client-key=key.pem"
    said = k.fails(f"{GET} --kubeconfig={invalid} {files}")
    assert 'User "testuser" cannot get resource "namespaces"' in said
    k(f"config set-credentials testuser {files} --exec-api-version={VERSIONS[0]} --exec-command=ls")
    assert 'User "testuser" cannot get resource "namespaces"' in k.fails(f"{GET} --user testuser")
    k(f"delete csr {name}")


@pytest.mark.suite("exec_credentials_interactive_tests")
@pytest.mark.parametrize("version", VERSIONS)
def test_interactive_programs(k: Kubectl, version: str) -> None:
    given = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": TOKEN}})
    always = with_program(k, version, "echo", given, mode="Always")
    text = json.dumps(config_map("some-resource"))
    for command, sent in (
        ("apply -f -", text),
        ("set env deployment/some-deployment -", "KEY=VALUE"),
        ("replace -f - --force", text),
    ):
        said = k.fails(f"{command} --kubeconfig={always}", text=sent)
        assert "standard input" in said
    missing = with_program(k, version, "echo", given, mode=None)
    if version.endswith("/v1"):
        said = k.fails(f"{GET} --kubeconfig={missing}")
        assert "interactiveMode must be specified for admin to use exec authentication plugin" in said
    else:
        assert k(f"{GET} --kubeconfig={missing}") == "namespace/kube-system\n"


@pytest.mark.suite("kubectl_local_proxy_tests")
@pytest.mark.parametrize("prefix", ["", "/custom"])
def test_local_proxy(k: Kubectl, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "static.txt").write_text("here")
    words = f"proxy --port=0 --www={tmp_path}" + (f" --api-prefix={prefix}" if prefix else "")
    with k.running(words) as proxy:
        assert proxy.stdout is not None
        address = proxy.stdout.readline().split()[-1]

        def code(path: str) -> str:
            command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{address}{prefix}{path}"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

        assert code("/api/kubernetes") == "404"
        assert [code(path) for path in ("/api/v1/namespaces", "/apis", "/apis/apps/", "/metrics")] == ["200"] * 4
