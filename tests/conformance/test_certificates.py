"""Certificate signing requests beyond their lifecycle."""

from __future__ import annotations

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.api import Api
from tests.kubectl.site import Tree

RESOURCE = "certificates.k8s.io/v1/certificatesigningrequests"


def signing_request(user: str, signer: str) -> Tree:
    """The spec of a request for a client's certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    text = base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
    return {"request": text, "signerName": signer, "usages": ["client auth"], "expirationSeconds": 3600}


def certificate() -> str:
    """Some certificate, as a status holds it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "e2e")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(365))
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()


@pytest.mark.row("sig-auth: Certificates API should support CSR API operations")
def test_approval(api: Api) -> None:
    name = f"{api.namespace}-csr"
    tree = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}}
    api.create(RESOURCE, tree | {"spec": signing_request("e2e", "kubernetes.io/kube-apiserver-client")})
    condition = {"type": "Approved", "status": "True", "reason": "E2E", "message": "Set from a test"}
    first = condition | {"type": "ApprovalPatch"}
    body = {"metadata": {"annotations": {"patchedapproval": "true"}}, "status": {"conditions": [first]}}
    patched = api.patch(RESOURCE, name, body, sub="approval")
    assert patched["metadata"]["annotations"]["patchedapproval"] == "true"
    assert [each["type"] for each in patched["status"]["conditions"]] == ["ApprovalPatch"]
    patched["status"]["conditions"].append(condition)
    approved = api.update(RESOURCE, patched, "approval")
    assert [each["type"] for each in approved["status"]["conditions"]] == ["ApprovalPatch", "Approved"]
    found = api.until(RESOURCE, lambda found: bool(found[name]["status"].get("certificate")))
    pem = base64.b64decode(found[name]["status"]["certificate"])
    assert x509.load_pem_x509_certificate(pem).subject.rfc4514_string() == "CN=e2e"
    api.delete(RESOURCE, name)
