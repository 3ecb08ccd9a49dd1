"""CertificateSigningRequest: a request to a signer for a certificate."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import carry, keep_all_but_status, reset_status
from navarch.api.validation.certificate_status import status_errors
from navarch.api.validation.certificates import signing_request_errors
from navarch.base import names, times
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    AGE,
    Column(
        "SignerName",
        "Requested signer for the request. It is a qualified name in the form: "
        "`scope-hostname.io/name`. If empty, it will be defaulted:\n 1. If it's a kubelet client "
        'certificate, it is assigned\n    "kubernetes.io/kube-apiserver-client-kubelet".\n 2. If it\'s a'
        ' kubelet serving certificate, it is assigned\n    "kubernetes.io/kubelet-serving".\n 3. '
        'Otherwise, it is assigned "kubernetes.io/legacy-unknown".\nDistribution of trust for signers '
        "happens out of band. You can select on this field using `spec.signerName`.",
    ),
    Column("Requestor", "Base64-encoded PKCS#10 CSR data"),
    Column(
        "RequestedDuration",
        "expirationSeconds is the requested duration of validity of the issued certificate. The "
        "certificate signer may issue a certificate with a different validity duration so a client "
        "must check the delta between the notBefore and and notAfter fields in the issued certificate"
        " to determine the actual duration.\n\nThe v1.22+ in-tree implementations of the well-known "
        "Kubernetes signers will honor this field as long as the requested duration is not greater "
        "than the maximum duration they will honor per the --cluster-signing-duration CLI flag to the"
        " Kubernetes controller manager.\n\nCertificate signers may not honor this field for various "
        "reasons:\n\n  1. Old signer that is unaware of the field (such as the in-tree\n     "
        "implementations prior to v1.22)\n  2. Signer whose configured maximum is shorter than the "
        "requested duration\n  3. Signer whose configured minimum is longer than the requested "
        "duration\n\nThe minimum valid value for expirationSeconds is 600, i.e. 10 minutes.",
    ),
    Column("Condition", "Conditions applied to the request, such as approval or denial."),
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        name(tree),
        age(tree, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if seconds is None else times.human_duration(seconds),
        _state(tree.get("status") or {}),
    ]


def _state(status: Tree) -> str:
    types = {condition.get("type") for condition in each(status, "conditions")}
    state = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    if "Failed" in types:
        state += ",Failed"
    return f"{state},Issued" if status.get("certificate") else state


def _keep_spec_and_status(new: Tree, old: Tree) -> None:
    """What is asked for never changes; approvals and certificates have subresources."""
    carry(new, old, "spec")
    carry(new, old, "status")


KIND = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    singular="certificatesigningrequest",
    namespaced=False,
    type_name="io.k8s.api.certificates.v1.CertificateSigningRequest",
    short_names=("csr",),
    subresources=(
        Subresource("approval", "CertificateSigningRequest", ("get", "patch", "update")),
        status_of("CertificateSigningRequest"),
    ),
    storage_version_hash="95fRKMXA+00=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    validate_status=status_errors,
    unowned=frozenset({"spec", "status"}),
    prepare_update=_keep_spec_and_status,
    prepare_status=keep_all_but_status,
    fields={
        "spec.signerName": path("spec.signerName"),
    },
    name_errors=names.path_segment_errors,
    cells=_cells,
    validate=signing_request_errors,
)
