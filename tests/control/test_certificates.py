"""Signing requests are approved, signed, refused and cleared away."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.control import certificates
from navarch.control.certificate_signing import Authority
from navarch.control.certificates import REVIEWS
from navarch.control.intents import Ask, Delete, Plan
from navarch.control.signers import CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY
from navarch.control.sources import SIGNINGREQUESTS
from navarch.control.world import World
from navarch.schema.types import Tree
from tests.control.worlds import patches, world

NOW = 1_800_000_000.0
KEY = ObjectKey("", "csr")
NODE_USAGES = ("digital signature", "key encipherment", "client auth")


def name(common: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def authority(days: int = 3650) -> tuple[str, str]:
    """Certificate and key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.fromtimestamp(NOW, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name("kubernetes"))
        .issuer_name(name("kubernetes"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem).decode(), plain.decode()


CA, CA_KEY = authority()


def csr(common: str = "system:node:n1", organization: str = "system:nodes", *dns: str) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common, organization))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(d) for d in dns]), critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def request(
    signer: str = KUBELET_CLIENT, text: str | None = None, usages: tuple[str, ...] = NODE_USAGES, **more: Any
) -> Tree:
    conditions = [
        {"type": t, "status": "True", "lastUpdateTime": format_time(NOW - 10)} for t in more.pop("conditions", ())
    ]
    spec = {"signerName": signer, "request": text or csr(), "usages": list(usages), "username": "system:node:n1"}
    metadata = {"name": "csr", "creationTimestamp": format_time(NOW - 100)}
    return {"metadata": metadata, "spec": {**spec, **more}, "status": {"conditions": conditions}}


def seen(tree: Tree) -> World:
    return world({SIGNINGREQUESTS: [tree]})


def answered(tree: Tree, **answers: bool) -> Plan:
    w = seen(tree)
    w.seen[KEY] = {(REVIEWS, ObjectKey("", right)): "allowed" if yes else "" for right, yes in answers.items()}
    return certificates.approve(w, KEY, NOW)


def test_a_kubelets_request_is_approved_by_its_right() -> None:
    plan = certificates.approve(seen(request()), KEY, NOW)
    assert [i.key.name for i in plan.intents if isinstance(i, Ask)] == ["selfnodeclient", "nodeclient"]
    (approved,) = patches(answered(request(), selfnodeclient=True, nodeclient=False).intents, "approval")
    (condition,) = approved["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
    assert condition["message"] == "Auto approving self kubelet client certificate after SubjectAccessReview."
    (approved,) = patches(answered(request(username="boot"), nodeclient=True).intents, "approval")
    assert "approving kubelet client" in approved["status"]["conditions"][0]["message"]
    refused = answered(request(), selfnodeclient=False, nodeclient=False)
    assert refused.intents == () and refused.requeue_after_s == certificates.ASK_AGAIN_S


@pytest.mark.parametrize(
    "tree",
    [
        request(CLIENT),
        request(KUBELET_SERVING),
        request(text=csr("system:node:n1", "")),
        request(text=csr("jane")),
        request(text=csr("system:node:n1", "system:nodes", "n1")),
        request(usages=("client auth",)),
        request(conditions=["Denied"]),
        request(text="bm9uc2Vuc2U="),
    ],
)
def test_all_else_is_left_to_a_human(tree: Tree) -> None:
    assert certificates.approve(seen(tree), KEY, NOW).intents == ()


def signed(tree: Tree, days: int = 3650) -> Tree:
    ca, key = (CA, CA_KEY) if days == 3650 else authority(days)
    (patch,) = patches(certificates.sign_approved(Authority(ca, key).sign, seen(tree), KEY, NOW).intents, "status")
    status: Tree = patch["status"]
    return status


def certificate(status: Tree) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(status["certificate"]))


def test_an_approved_request_is_signed() -> None:
    made = certificate(signed(request(conditions=["Approved"], expirationSeconds=3600)))
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(CA.encode()))
    assert made.subject == name("system:node:n1", "system:nodes")
    assert made.not_valid_before_utc.timestamp() == NOW - 300
    assert made.not_valid_after_utc.timestamp() == NOW + 3600
    usages = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_certificate_never_outlives_the_authority() -> None:
    made = certificate(signed(request(conditions=["Approved"]), days=30))
    assert made.not_valid_after_utc.timestamp() == NOW + 30 * 86400


def test_a_serving_certificate_keeps_its_names() -> None:
    text = csr("system:node:n1", "system:nodes", "n1", "n1.local")
    usages = ("digital signature", "server auth")
    made = certificate(signed(request(KUBELET_SERVING, text, usages, conditions=["Approved"])))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n1", "n1.local"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (request(KUBELET_SERVING, usages=("digital signature", "server auth")), "at least one of DNS and IP SANs"),
        (request(CLIENT, usages=("client auth", "server auth")), "invalid usage for client certificate: server auth"),
        (request(CLIENT, usages=("digital signature",)), "missing required usage"),
        (request(text=csr("jane")), "subject common name"),
        (request(text=csr("system:node:a", "admins")), "subject organization"),
    ],
)
def test_what_breaks_the_signers_rules_fails(tree: Tree, message: str) -> None:
    tree["status"]["conditions"].append({"type": "Approved", "status": "True"})
    approved, failed = signed(tree)["conditions"]
    assert approved["type"] == "Approved"
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
    assert message in failed["message"]


@pytest.mark.parametrize(
    "tree",
    [
        request(),
        request(conditions=["Approved", "Denied"]),
        request("example.com/mine", conditions=["Approved"]),
    ],
)
def test_what_is_not_approved_or_not_ours_is_not_signed(tree: Tree) -> None:
    assert certificates.sign_approved(Authority(CA, CA_KEY).sign, seen(tree), KEY, NOW).intents == ()


def test_the_legacy_signer_signs_what_it_is_told() -> None:
    made = certificate(
        signed(request(LEGACY, csr("jane", ""), ("server auth", "client auth"), conditions=["Approved"]))
    )
    assert made.subject == name("jane")


@pytest.mark.parametrize(
    ("conditions", "after_s", "gone"),
    [((), 3600 * 23, False), ((), 3600 * 24, True), (("Approved",), 3000, False), (("Denied",), 3600, True)],
)
def test_old_requests_are_cleared_away(conditions: tuple[str, ...], after_s: float, gone: bool) -> None:
    plan = certificates.clean(seen(request(conditions=conditions)), KEY, NOW + after_s)
    assert [isinstance(i, Delete) for i in plan.intents] == [True] * gone
    assert (plan.requeue_after_s is None) == gone
