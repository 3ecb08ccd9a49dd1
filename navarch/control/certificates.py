"""The three controllers of certificate signing requests: one approves those of kubelets, one signs what is
approved, one clears away what is settled or forgotten. Pure, but for the signature itself.

A kubelet's request for a client certificate is approved if the API server says that whoever sent it may
have one: its own (`selfnodeclient`) or that of a new node (`nodeclient`). All else a human approves.

`certificate_signing` is imported with the first request: it loads `cryptography`, which takes its time.

Source: Kubernetes' certificate controllers (recognizers, messages, life spans).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from navarch.base.resource import ObjectKey, Resource
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.control.intents import DONE, Ask, Delete, Patch, Plan
from navarch.control.signers import KUBELET_CLIENT, SIGNERS
from navarch.control.sources import SIGNINGREQUESTS
from navarch.control.views import CertificateSigningRequest, to_tree
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

if TYPE_CHECKING:
    from navarch.control.certificate_signing import Request

NAME: Final = "certificate-controller"
REVIEWS: Final = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False)
#: A settled request is kept so long, one that nobody decided on a day.
SETTLED_S: Final = 3600.0
PENDING_S: Final = 24 * 3600.0
#: The right to a certificate may be given after the request for one.
ASK_AGAIN_S: Final = 60.0

#: (request, uid, wanted life span in seconds, now) -> PEM. Raises: RefusedError.
Sign = Callable[["Request", str, int | None, float], str]


# --- approving
def approve(world: World, key: ObjectKey, now: float) -> Plan:
    request = world[SIGNINGREQUESTS].get(key)
    if request is None or request.spec.signerName != KUBELET_CLIENT or _types(request) or request.status.certificate:
        return DONE
    from navarch.control.certificate_signing import RefusedError, check

    try:
        asked = _decoded(request)
        check(asked)
    except RefusedError:
        return DONE  # left to a human
    rights = ["nodeclient"]
    if asked.common_name == request.spec.username:
        rights.insert(0, "selfnodeclient")
    answers = world.seen.get(key, {})
    if any((REVIEWS, ObjectKey("", right)) not in answers for right in rights):
        return Plan(tuple(Ask(REVIEWS, ObjectKey("", right), _review(request, right)) for right in rights))
    granted = next((right for right in rights if answers[REVIEWS, ObjectKey("", right)]), None)
    if granted is None:
        return Plan(requeue_after_s=ASK_AGAIN_S, routine=True)
    own = "self " if granted == "selfnodeclient" else ""
    text = f"Auto approving {own}kubelet client certificate after SubjectAccessReview."
    return Plan((_settle(request, "approval", "Approved", "AutoApproved", text, now),))


def _review(request: CertificateSigningRequest, right: str) -> Tree:
    spec = request.spec
    return {
        "user": spec.username,
        "uid": spec.uid,
        "groups": list(spec.groups),
        "extra": {name: list(values) for name, values in spec.extra.items()},
        "resourceAttributes": {
            "group": SIGNINGREQUESTS.resource.group,
            "resource": SIGNINGREQUESTS.resource.plural,
            "subresource": right,
            "verb": "create",
            "version": "*",
        },
    }


# --- signing
def sign_approved(sign: Sign, world: World, key: ObjectKey, now: float) -> Plan:
    request = world[SIGNINGREQUESTS].get(key)
    if request is None or request.spec.signerName not in SIGNERS or request.status.certificate:
        return DONE
    if "Approved" not in _types(request) or {"Denied", "Failed"} & _types(request):
        return DONE
    from navarch.control.certificate_signing import RefusedError, check

    try:
        asked = _decoded(request)
        check(asked)
        certificate = sign(asked, request.metadata.uid, request.spec.expirationSeconds, now)
    except RefusedError as error:
        return Plan((_settle(request, "status", "Failed", "SignerValidationFailure", str(error), now),))
    encoded = base64.b64encode(certificate.encode()).decode()
    return Plan((_write(request, "status", {"certificate": encoded}),))


# --- clearing away
def clean(world: World, key: ObjectKey, now: float) -> Plan:
    request = world[SIGNINGREQUESTS].get(key)
    if request is None or request.metadata.deletionTimestamp is not None:
        return DONE
    settled = [c.lastUpdateTime or c.lastTransitionTime for c in request.status.conditions]
    dates = [parse(at) + SETTLED_S for at in settled if at]
    if not dates:
        dates = [parse(request.metadata.creationTimestamp or format_time(now)) + PENDING_S]
    due = max(dates)
    if due > now:
        return Plan(requeue_after_s=due - now, routine=True)
    metadata = request.metadata
    return Plan((Delete(SIGNINGREQUESTS.resource, key, metadata.uid, metadata.resourceVersion),))


def _decoded(request: CertificateSigningRequest) -> Request:
    from navarch.control.certificate_signing import decoded

    return decoded(request.spec.request, request.spec.signerName, request.spec.usages)


def _types(request: CertificateSigningRequest) -> set[str]:
    return {c.type for c in request.status.conditions}


def _settle(
    request: CertificateSigningRequest, subresource: str, type_: str, reason: str, message: str, now: float
) -> Patch:
    stamp = format_time(now)
    condition = {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp,
    }
    conditions = [*(to_tree(c) for c in request.status.conditions), condition]
    return _write(request, subresource, {"conditions": conditions})


def _write(request: CertificateSigningRequest, subresource: str, status: Tree) -> Patch:
    metadata = request.metadata
    return Patch(
        SIGNINGREQUESTS.resource,
        key_of(request),
        {"status": status},
        subresource=subresource,
        uid=metadata.uid,
        resource_version=metadata.resourceVersion,
        by_update=True,
    )


def controllers(sign: Sign | None) -> tuple[Controller, ...]:
    """The approver and the cleaner, and where there is a key to sign with the signer."""
    watches = (Watch(SIGNINGREQUESTS, same_key),)
    signers = (Controller(NAME, watches, partial(sign_approved, sign)),) if sign is not None else ()
    return (Controller(NAME, watches, approve), *signers, Controller(NAME, watches, clean))
