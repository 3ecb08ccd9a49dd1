"""Certificates for signing requests: what a signer accepts, and the cluster's authority that signs.

`check` and `Authority.sign` are the only places that look into a request. Nothing here reads the clock or
draws numbers: the times are arguments, and the serial number follows from the request object's uid.

Source: certificates.k8s.io/v1 (signers and their rules); Kubernetes' certificate signer (usages, backdating).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from navarch.control.signers import CLIENT, KUBELET_CLIENT, KUBELET_SERVING

#: Clocks of those who use the certificate may be behind.
BACKDATED: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=365)

_NODE_GROUP: Final = "system:nodes"
_NODE_PREFIX: Final = "system:node:"
_OPTIONAL: Final = frozenset({"digital signature", "key encipherment"})
#: The order of x509.KeyUsage's arguments.
_KEY_USAGES: Final = (
    ("digital signature", "signing"),
    ("content commitment",),
    ("key encipherment",),
    ("data encipherment",),
    ("key agreement",),
    ("cert sign",),
    ("crl sign",),
    ("encipher only",),
    ("decipher only",),
)
_EXTENDED_USAGES: Final = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


class RefusedError(Exception):
    """The signer does not sign this request; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a signing request asks for, decoded."""

    csr: x509.CertificateSigningRequest
    signer: str
    usages: frozenset[str]

    @property
    def common_name(self) -> str:
        return ",".join(str(a.value) for a in self.csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def decoded(request: str, signer: str, usages: Sequence[str]) -> Request:
    """`request` is base64 of PEM. Raises: RefusedError."""
    try:
        csr = x509.load_pem_x509_csr(base64.b64decode(request))
    except (ValueError, binascii.Error) as error:
        raise RefusedError(f"unable to parse csr: {error}") from error
    return Request(csr, signer, frozenset(usages))


def check(request: Request) -> None:
    """Raises: RefusedError if the request breaks its signer's rules."""
    if request.signer == KUBELET_CLIENT:
        _check_node(request, "client auth")
        if _names(request):
            raise RefusedError("DNS, IP, email and URI SANs are not allowed in kubelet client certificates")
    elif request.signer == KUBELET_SERVING:
        _check_node(request, "server auth")
        names = _names(request)
        if any(isinstance(n, x509.RFC822Name | x509.UniformResourceIdentifier) for n in names):
            raise RefusedError("email and URI SANs are not allowed in kubelet serving certificates")
        if not names:
            raise RefusedError("at least one of DNS and IP SANs is required")
    elif request.signer == CLIENT:
        if unknown := sorted(request.usages - _OPTIONAL - {"client auth"}):
            raise RefusedError(f"invalid usage for client certificate: {unknown[0]}")
        if "client auth" not in request.usages:
            raise RefusedError("missing required usage for client certificate: client auth")


def _check_node(request: Request, auth: str) -> None:
    groups = [a.value for a in request.csr.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if groups != [_NODE_GROUP]:
        raise RefusedError(f"subject organization is not {_NODE_GROUP}")
    if not request.common_name.startswith(_NODE_PREFIX):
        raise RefusedError(f"subject common name does not begin with {_NODE_PREFIX}")
    if request.usages - {"key encipherment"} != {"digital signature", auth}:
        raise RefusedError(f"usages did not match {auth}, digital signature and optionally key encipherment")


def _names(request: Request) -> list[x509.GeneralName]:
    try:
        found = request.csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    except ValueError as error:
        raise RefusedError(f"unable to parse csr: {error}") from error
    return list(found.value)


class Authority:
    """The cluster's certificate authority. Both texts are PEM; the key is EC or RSA."""

    def __init__(self, certificate: str, key: str) -> None:
        self._certificate = x509.load_pem_x509_certificate(certificate.encode())
        loaded = serialization.load_pem_private_key(key.encode(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey), "the key is neither EC nor RSA"
        self._key = loaded

    def sign(self, request: Request, uid: str, lifetime_s: int | None, now: float) -> str:
        """The certificate as PEM. It never outlives the authority's own. Raises: RefusedError."""
        if not request.csr.is_signature_valid:
            raise RefusedError("the signature of the csr does not match its key")
        start = datetime.fromtimestamp(int(now), UTC) - BACKDATED
        lifetime = LONGEST if lifetime_s is None else min(timedelta(seconds=lifetime_s), LONGEST)
        end = min(start + BACKDATED + lifetime, self._certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.csr.subject)
            .issuer_name(self._certificate.subject)
            .public_key(request.csr.public_key())
            .serial_number(int.from_bytes(hashlib.sha256(uid.encode()).digest()[:19]) + 1)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(self._authority_identifier(), critical=False)
        )
        key_usages = [any(u in request.usages for u in names) for names in _KEY_USAGES]
        if not key_usages[4]:
            key_usages[7:] = [False, False]  # both only qualify key agreement
        if any(key_usages):
            builder = builder.add_extension(x509.KeyUsage(*key_usages), critical=True)
        extended = [oid for usage, oid in _EXTENDED_USAGES.items() if usage in request.usages]
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        if names := _names(request):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def _authority_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._certificate.public_key())  # type: ignore[arg-type]
