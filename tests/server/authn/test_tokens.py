"""Tokens: issued, verified, expired, revoked with what they are bound to, and published keys."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from navarch.base.errors import UsageError
from navarch.schema.types import Tree
from navarch.server.authn.keys import (
    SigningKey,
    discovery_document,
    generate_key,
    key_set,
    load_signing_key,
    load_verifying_keys,
)
from navarch.server.authn.tokens import EXTENDED_S, Bound, ServiceAccountTokens

ISSUER = "https://kubernetes.default.svc.cluster.local"


def rsa_key() -> SigningKey:
    key = rsa.generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return load_signing_key(key.private_bytes(*form))


@pytest.fixture(scope="module", params=[generate_key, rsa_key], ids=["ES256", "RS256"])
def key(request: pytest.FixtureRequest) -> Iterator[SigningKey]:
    yield request.param()


class World:
    def __init__(self, key: SigningKey) -> None:
        self.now = 1_000_000.0
        self.objects: dict[tuple[str, str, str], Tree] = {
            ("serviceaccounts", "n", "sa"): {"uid": "u1"},
            ("pods", "n", "web"): {"uid": "p1"},
        }
        self.tokens = ServiceAccountTokens(
            ISSUER, key, (), (ISSUER,), lambda *ref: self.objects.get(ref), lambda: self.now
        )

    def issue(self, expiration_s: int = 3600, audiences: tuple[str, ...] = (), **bound: Bound) -> str:
        return self.tokens.issue("n", Bound("sa", "u1"), "id-1", expiration_s, audiences, bound)[0]


def test_a_token_names_its_account(key: SigningKey) -> None:
    world = World(key)
    identity = world.tokens.identify(world.issue(pod=Bound("web", "p1"), node=Bound("n1", "x")))
    assert identity is not None
    user = identity.user
    assert (user.name, user.uid) == ("system:serviceaccount:n:sa", "u1")
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:n")
    assert user.extra["authentication.kubernetes.io/pod-name"] == ("web",)
    assert user.extra["authentication.kubernetes.io/node-name"] == ("n1",)
    assert user.extra["authentication.kubernetes.io/credential-id"] == ("JTI=id-1",)


def test_it_ends_with_its_time_and_with_what_it_is_bound_to(key: SigningKey) -> None:
    world = World(key)
    token = world.issue(pod=Bound("web", "p1"))
    assert world.tokens.identify(token)
    world.objects["pods", "n", "web"] = {"uid": "p2"}
    assert world.tokens.identify(token) is None
    world.objects["pods", "n", "web"] = {"uid": "p1", "deletionTimestamp": "1970-01-12T13:46:40Z"}
    assert world.tokens.identify(token), "deleted just now"
    world.now += 61
    assert world.tokens.identify(token) is None
    world.objects["pods", "n", "web"] = {"uid": "p1"}
    assert world.tokens.identify(token)
    world.now += 3600
    assert world.tokens.identify(token) is None
    world.now -= 3600
    del world.objects["serviceaccounts", "n", "sa"]
    assert world.tokens.identify(token) is None


def test_audiences_are_intersected(key: SigningKey) -> None:
    world = World(key)
    token = world.issue(audiences=("vault", "other"))
    assert world.tokens.identify(token) is None
    identity = world.tokens.identify(token, ("x", "vault"))
    assert identity is not None and identity.audiences == ("vault",)


def test_kubelet_tokens_live_on_but_say_when_they_should_end(key: SigningKey) -> None:
    world = World(key)
    token, told = world.tokens.issue("n", Bound("sa", "u1"), "i", 3607, (), {"pod": Bound("web", "p1")})
    claims = jwt.decode(token, options={"verify_signature": False})
    assert told == claims["kubernetes.io"]["warnafter"] == world.now + 3607
    assert claims["exp"] == world.now + EXTENDED_S


def test_tokens_of_others_are_not_ours(key: SigningKey) -> None:
    world, other = World(key), World(generate_key())
    assert world.tokens.identify(other.issue()) is None
    assert world.tokens.identify("a.b.c") is None
    assert world.tokens.identify("bogus") is None
    head, body, signature = world.issue().split(".")
    assert world.tokens.identify(f"{head}.{body}.{signature[:-4]}AAAA") is None
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"%s"}' % key.public.key_id.encode()).rstrip(b"=").decode()
    assert world.tokens.identify(f"{none}.{body}.") is None


def test_published_keys_verify_what_was_signed(key: SigningKey) -> None:
    world = World(key)
    jwk = key_set(world.tokens.keys)["keys"][0]
    public = jwt.PyJWK.from_dict(jwk)
    claims = jwt.decode(world.issue(), public.key, [jwk["alg"]], audience=ISSUER, options={"verify_exp": False})
    assert claims["sub"] == "system:serviceaccount:n:sa"
    document = discovery_document(ISSUER, "https://x/openid/v1/jwks", world.tokens.keys)
    assert document["id_token_signing_alg_values_supported"] == [jwk["alg"]]


def test_a_file_without_a_key_is_refused() -> None:
    with pytest.raises(UsageError, match="service account key"):
        load_signing_key(b"nothing")


def test_tokens_of_further_keys_are_good_as_long_as_these_are_accepted() -> None:
    old, new = rsa_key(), generate_key()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = b"\n".join(key.public.key.public_bytes(*form) for key in (old, new))
    accepted = load_verifying_keys(pem)
    assert [key.algorithm for key in accepted] == ["RS256", "ES256"]
    before = World(old)
    token, _ = before.tokens.issue("n", Bound("sa", "u1"), "id", 3600)
    after = World(new)
    assert after.tokens.identify(token) is None
    both = ServiceAccountTokens(ISSUER, new, accepted, (ISSUER,), before.tokens._lookup, lambda: before.now)
    assert both.identify(token) is not None
    assert len(both.keys) == 2
    document = discovery_document(ISSUER, "https://s/openid/v1/jwks", both.keys)
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    for bad in (b"", b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"):
        with pytest.raises(UsageError):
            load_verifying_keys(bad)
