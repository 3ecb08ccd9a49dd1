"""The user that a verified client certificate names. Source: kube-apiserver's x509 authenticator.

`cryptography` is imported with the first certificate: where there is none, nobody waits for it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from navarch.wire.messages import User

#: Where Kubernetes notes which credential was used.
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"

UID = "1.3.6.1.4.1.57683.2"


@lru_cache(4096)
def user_of_certificate(der: bytes) -> User | None:
    """Common name as user, organizations as groups; None for a certificate without a common name.
    The TLS layer has already verified the chain."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names or not names[0].value:
        return None
    groups = tuple(str(o.value) for o in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    uids = subject.get_attributes_for_oid(x509.ObjectIdentifier(UID))
    extra = {CREDENTIAL_ID: (f"X509SHA256={hashlib.sha256(der).hexdigest()}",)}
    return User(str(names[-1].value), str(uids[0].value) if uids else "", groups, extra)
