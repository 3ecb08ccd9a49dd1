"""Keys that sign and verify service-account tokens, and how they are published.

`cryptography` is imported where a key is made or shown: it takes longer to load than a simulated cluster to start.

Source: RFC 7517 (JWK), Kubernetes' key ids (SHA-256 of the public key's DER, base64url).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from navarch.base.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
    PublicKey = RSAPublicKey | EllipticCurvePublicKey

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_CURVE_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with its id and algorithm."""

    key: PublicKey
    key_id: str
    algorithm: str

    def to_jwk(self) -> dict[str, str]:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        jwk = {"use": "sig", "kty": "EC", "kid": self.key_id, "alg": self.algorithm}
        if isinstance(self.key, RSAPublicKey):
            numbers = self.key.public_numbers()
            size = (numbers.n.bit_length() + 7) // 8
            return jwk | {"kty": "RSA", "n": _base64(numbers.n, size), "e": _base64(numbers.e, 3)}
        point = self.key.public_numbers()
        size = (self.key.key_size + 7) // 8
        return jwk | {"crv": _CURVE_NAMES[self.algorithm], "x": _base64(point.x, size), "y": _base64(point.y, size)}


@dataclass(frozen=True, slots=True)
class SigningKey:
    private: PrivateKey
    public: VerifyingKey


def generate_key() -> SigningKey:
    """A new P-256 key: signing costs a thirtieth of RSA's."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return _signing(ec.generate_private_key(ec.SECP256R1()))


def load_signing_key(pem: bytes) -> SigningKey:
    """Raises: UsageError if `pem` holds no RSA or EC private key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        key = serialization.load_pem_private_key(pem, None)
    except ValueError as error:
        raise UsageError(f"service account key: {error}") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise UsageError("service account key: neither an RSA nor an EC private key")
    return _signing(key)


def load_verifying_keys(pem: bytes) -> tuple[VerifyingKey, ...]:
    """All keys of a file, public ones or the public halves of private ones, in its order.

    Raises: UsageError if there is none, or one that is neither RSA nor EC.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    found = []
    for block in _PEM_BLOCK.finditer(pem):
        if b"PRIVATE" in block[1]:
            found.append(load_signing_key(block[0]).public)
            continue
        try:
            key = serialization.load_pem_public_key(block[0])
        except ValueError as error:
            raise UsageError(f"service account key: {error}") from error
        if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
            raise UsageError("service account key: neither an RSA nor an EC public key")
        found.append(verifying_key(key))
    if not found:
        raise UsageError("service account key: no PEM in it")
    return tuple(found)


def verifying_key(key: PublicKey) -> VerifyingKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    algorithm = "RS256" if isinstance(key, RSAPublicKey) else _CURVES[key.curve.name]
    return VerifyingKey(key, key_id, algorithm)


def discovery_document(issuer: str, jwks_uri: str, keys: tuple[VerifyingKey, ...]) -> dict[str, Any]:
    """The body of `/.well-known/openid-configuration`."""
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.algorithm for key in keys}),
    }


def key_set(keys: tuple[VerifyingKey, ...]) -> dict[str, Any]:
    """The body of `/openid/v1/jwks`, served as application/jwk-set+json."""
    return {"keys": [key.to_jwk() for key in keys]}


def _signing(key: PrivateKey) -> SigningKey:
    return SigningKey(key, verifying_key(key.public_key()))


def _base64(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()
