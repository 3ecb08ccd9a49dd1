"""Rules of CertificateSigningRequests: who may say what in their status.

Source: certificates.k8s.io/v1 CertificateSigningRequestStatus; recorded messages.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from navarch.api.validation.rules import Errors
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

#: Conditions that once given stay, and are only ever true.
_FINAL: Final = ("Approved", "Denied", "Failed")
_VERDICTS: Final = ("Approved", "Denied")
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"


def approval_errors(new: Tree, old: Tree) -> Errors:
    """Errors of a write to `approval`, which may add verdicts."""
    return _condition_errors(new) + _removed(new, old, _FINAL)


def status_errors(new: Tree, old: Tree) -> Errors:
    """Errors of a write to `status`, which must leave the verdicts as they are."""
    errors = _condition_errors(new) + _removed(new, old, _FINAL)
    given = {c.get("type") for c in _conditions(old)}
    errors += [
        forbidden_field("status.conditions", f'updates may not add a condition of type "{c["type"]}"')
        for c in _conditions(new)
        if c.get("type") in _VERDICTS and c["type"] not in given
    ]
    certificate = (new.get("status") or {}).get("certificate")
    if (
        certificate
        and certificate != (old.get("status") or {}).get("certificate")
        and not _has_certificate(certificate)
    ):
        text = "must contain at least one CERTIFICATE PEM block"
        errors.append(invalid_value("status.certificate", "<certificate data>", text))
    return errors


def _conditions(tree: Tree) -> list[Tree]:
    return (tree.get("status") or {}).get("conditions") or []


def _condition_errors(tree: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate(_conditions(tree)):
        path, type_, status = f"status.conditions[{index}]", condition.get("type", ""), condition.get("status", "")
        if not type_:
            errors.append(required(f"{path}.type"))
        if type_ in _FINAL:
            if status != "True":
                errors.append(not_supported(f"{path}.status", status, ["True"]))
        elif status not in ("True", "False", "Unknown"):
            errors.append(not_supported(f"{path}.status", status, ["False", "True", "Unknown"]))
        if type_ in _VERDICTS and seen & (set(_VERDICTS) - {type_}):
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid_value("status.conditions", type_, text))
        if type_ in seen:
            errors.append(duplicate(f"{path}.type", type_))
        seen.add(type_)
    return errors


def _removed(new: Tree, old: Tree, types: tuple[str, ...]) -> Errors:
    left = {c.get("type") for c in _conditions(new)}
    return [
        forbidden_field("status.conditions", f'updates may not remove a condition of type "{c["type"]}"')
        for c in _conditions(old)
        if c.get("type") in types and c["type"] not in left
    ]


def _has_certificate(encoded: str) -> bool:
    try:
        return _BEGIN in base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return False
