"""Bootstrap tokens: what is signed with them, and when they go."""

from __future__ import annotations

import base64

from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.control import bootstrap_tokens
from navarch.control.bootstrap_tokens import CLUSTER_INFO, signature
from navarch.control.intents import Update
from navarch.control.sources import BOOTSTRAP_SECRETS, CONFIGMAPS
from navarch.schema.types import Tree
from tests.control.worlds import deleted, world

NOW = 1_000_000.0


def token(token_id: str, secret: str = "0123456789abcdef", ends_at: float | None = None, signs: str = "true") -> Tree:
    texts = {"token-id": token_id, "token-secret": secret, "usage-bootstrap-signing": signs}
    if ends_at is not None:
        texts["expiration"] = format_time(ends_at)
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    return {"metadata": {"name": f"bootstrap-token-{token_id}", "namespace": "kube-system"}, "data": data}


def info(**data: str) -> Tree:
    return {"metadata": {"name": CLUSTER_INFO.name, "namespace": CLUSTER_INFO.namespace}, "data": data}


def test_a_signature_is_that_of_the_reference() -> None:
    # A header as others write it, and its key computed by hand with openssl's HMAC.
    made = signature("content", "abcdef", "0123456789abcdef")
    header, middle, _ = made.split(".")
    assert base64.urlsafe_b64decode(header + "==") == b'{"alg":"HS256","kid":"abcdef"}' and middle == ""
    assert made == signature("content", "abcdef", "0123456789abcdef") != signature("content", "abcdef", "x")


def test_each_token_that_signs_has_its_signature() -> None:
    tokens = [token("aaaaaa"), token("bbbbbb", signs="false"), token("cccccc", ends_at=NOW - 1)]
    seen = world({CONFIGMAPS: [info(kubeconfig="k", **{"jws-kubeconfig-gone00": "old"})], BOOTSTRAP_SECRETS: tokens})
    (update,) = bootstrap_tokens.sign(seen, CLUSTER_INFO, NOW).intents
    assert isinstance(update, Update)
    assert update.tree["data"] == {
        "kubeconfig": "k",
        "jws-kubeconfig-aaaaaa": signature("k", "aaaaaa", "0123456789abcdef"),
    }
    seen = world({CONFIGMAPS: [info(**update.tree["data"])], BOOTSTRAP_SECRETS: tokens})
    assert bootstrap_tokens.sign(seen, CLUSTER_INFO, NOW).intents == ()


def test_without_a_description_there_is_nothing_to_sign() -> None:
    assert bootstrap_tokens.sign(world({CONFIGMAPS: [], BOOTSTRAP_SECRETS: []}), CLUSTER_INFO, NOW).intents == ()


def test_a_token_goes_when_it_ends() -> None:
    broken = token("dddddd", ends_at=NOW)
    broken["data"]["expiration"] = base64.b64encode(b"soon").decode()
    tokens = [token("aaaaaa"), token("bbbbbb", ends_at=NOW + 60), token("cccccc", ends_at=NOW), broken]
    seen = world({BOOTSTRAP_SECRETS: tokens})
    plans = {
        tree["metadata"]["name"][-6:]: bootstrap_tokens.clean(
            seen, ObjectKey("kube-system", tree["metadata"]["name"]), NOW
        )
        for tree in tokens
    }
    assert plans["bbbbbb"].requeue_after_s == 60 and not plans["bbbbbb"].intents
    gone = [name for plan in plans.values() for name in deleted(plan.intents)]
    assert gone == ["bootstrap-token-cccccc", "bootstrap-token-dddddd"]
