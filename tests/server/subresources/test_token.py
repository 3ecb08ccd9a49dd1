"""TokenRequests: what is signed, and what a token hangs on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.peer import ISSUER, Peer

PATH = "/api/v1/namespaces/default/serviceaccounts/default/token"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def signer() -> Iterator[Peer]:
    peer = Peer(signs=True)
    yield peer
    peer.close()


def claims(answer: dict[str, Any]) -> dict[str, Any]:
    payload = answer["status"]["token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def request(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def test_defaults(signer: Peer) -> None:
    answer = signer.post(PATH, request())
    assert answer["spec"] == {"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": None}
    said = claims(answer)
    assert (said["iss"], said["aud"], said["sub"]) == (ISSUER, [ISSUER], "system:serviceaccount:default:default")
    assert said["exp"] - said["iat"] == 3600
    (owner,) = answer["metadata"]["managedFields"]
    assert owner["fieldsV1"] == {"f:spec": {"f:expirationSeconds": {}}}


def test_a_token_is_bound_to_its_pod(signer: Peer) -> None:
    pod = signer.post(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    uid = pod["metadata"]["uid"]
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid}
    said = claims(signer.post(PATH, request(boundObjectRef=reference, audiences=["x"])))
    assert said["kubernetes.io"]["pod"] == {"name": "p", "uid": uid}
    assert said["aud"] == ["x"]


@pytest.mark.parametrize(
    ("spec", "code", "text"),
    [
        ({"expirationSeconds": 10}, 422, "may not specify a duration less than 10 minutes"),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}, 404, 'pods "none" not found'),
        ({"boundObjectRef": {"kind": "Job", "apiVersion": "v1", "name": "x"}}, 422, "spec.boundObjectRef.kind"),
        ({"expirationSeconds": "x"}, 400, "cannot unmarshal"),
    ],
)
def test_refusals(signer: Peer, spec: dict[str, Any], code: int, text: str) -> None:
    answered, message = signer.refused("POST", PATH, request(**spec))
    assert answered == code and text in message


def test_a_pod_of_another_uid(signer: Peer) -> None:
    signer.post(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "other"}
    assert signer.refused("POST", PATH, request(boundObjectRef=reference))[0] == 409
