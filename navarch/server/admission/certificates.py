"""Who may approve and sign certificates, and what nobody may ask for.

Source: plugin/pkg/admission/certificates (approval, signing, subjectrestriction).
"""

from __future__ import annotations

import base64
import binascii

from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

_BUCKET = "certificatesigningrequests.certificates.k8s.io"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_MASTERS = "system:masters"


def name_requester(attributes: Attributes, _world: World) -> None:
    """Who asks is what the server knows, not what the request says."""
    spec, user = attributes.tree.setdefault("spec", {}), attributes.user
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    spec["username"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra.items()}


def check_approval(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403."""
    _check(attributes, world, "approve")


def check_signing(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for a certificate or a condition by a user who may not sign."""
    assert attributes.old is not None
    if _signed(attributes.tree) != _signed(attributes.old):
        _check(attributes, world, "sign")


def check_subject(attributes: Attributes, _world: World) -> None:
    """Raises: StatusError 403 for a client certificate of the group that may do everything."""
    spec = attributes.tree["spec"]
    if spec.get("signerName") != _CLIENT_SIGNER:
        return
    from cryptography.x509 import NameOID, load_pem_x509_csr

    try:
        request = load_pem_x509_csr(base64.b64decode(spec.get("request", "")))
    except (ValueError, binascii.Error):
        return  # validation says what is wrong with it
    groups = [attribute.value for attribute in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if _MASTERS in groups:
        raise attributes.forbidden(f"use of {_CLIENT_SIGNER} signer with {_MASTERS} group is not allowed")


def _check(attributes: Attributes, world: World, verb: str) -> None:
    assert attributes.old is not None
    signer: str = attributes.old["spec"].get("signerName", "")
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        if world.allowed(attributes.user, verb, "certificates.k8s.io", "signers", "", name):
            return
    raise attributes.forbidden(f'user not permitted to {verb} requests with signerName "{signer}"')


def _signed(tree: Tree) -> tuple[object, object]:
    status = tree.get("status") or {}
    return status.get("certificate"), status.get("conditions")


REQUESTER = Plugin("CertificateRequester", (CREATE,), (_BUCKET,), admit=name_requester)
APPROVAL = Plugin("CertificateApproval", (UPDATE,), (_BUCKET,), ("approval",), validate=check_approval)
SIGNING = Plugin("CertificateSigning", (UPDATE,), (_BUCKET,), ("status",), validate=check_signing)
SUBJECT_RESTRICTION = Plugin("CertificateSubjectRestriction", (CREATE,), (_BUCKET,), validate=check_subject)
