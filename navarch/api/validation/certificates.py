"""CertificateSigningRequest.

Source: kubernetes `pkg/apis/certificates/validation`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from navarch.api.validation.rules import Errors, supported
from navarch.base import names
from navarch.base.field import duplicate, invalid_value, required
from navarch.schema.types import Tree

_USAGES: Final = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_LEGACY: Final = "kubernetes.io/legacy-unknown"
_MIN_S: Final = 600
_BEGIN: Final = b"-----BEGIN CERTIFICATE REQUEST-----"


def signing_request_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _request_errors(spec.get("request"))
    usages = spec.get("usages") or []
    if not usages:
        errors.append(required("spec.usages"))
    for index, usage in enumerate(usages):
        where = f"spec.usages[{index}]"
        errors += supported(where, usage, _USAGES)
        if usage in usages[:index]:
            errors.append(duplicate(where, usage))
    signer = spec.get("signerName", "")
    if signer == _LEGACY:
        text = "the legacy signerName is not allowed via this API version"
        errors.append(invalid_value("spec.signerName", signer, text))
    else:
        errors += signer_errors(signer, "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _MIN_S:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid_value("spec.expirationSeconds", seconds, text))
    return errors


def _request_errors(encoded: str | None) -> Errors:
    try:
        pem = base64.b64decode(encoded or "")
    except (binascii.Error, ValueError):
        pem = b""
    if _BEGIN in pem:
        return []
    return [invalid_value("spec.request", encoded, "PEM block type must be CERTIFICATE REQUEST")]


def signer_errors(signer: str, path: str) -> Errors:
    """A domain and a path."""
    if not signer:
        return [required(path)]
    domain, slash, rest = signer.partition("/")
    if not slash:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid_value(path, signer, text)]
    errors: Errors = []
    for label in domain.split("."):
        errors += [
            invalid_value(path, domain, f'validating label "{label}": {why}')
            for why in names.dns1123_label_errors(label)
        ]
    if not errors and "." not in domain:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(invalid_value(path, domain, text))
    for label in rest.split("."):
        errors += [
            invalid_value(path, rest, f'validating label "{label}": {why}')
            for why in names.dns1123_subdomain_errors(label)
        ]
    return errors
