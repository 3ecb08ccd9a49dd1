"""Which credential decides, and what happens without a good one."""

from __future__ import annotations

import base64
import ssl

import pytest
import trustme

from navarch.base.errors import StatusError, UsageError
from navarch.schema.types import Tree
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.bootstrap_token import BootstrapTokens
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.authn.x509 import user_of_certificate
from navarch.wire.messages import ANONYMOUS, Request, User

FILE = ['t1,alice,alice-uid,"dev, ops"', "", "# no one", "t2,bob,bob-uid"]


def request(authorization: str = "", certificate: bytes | None = None) -> Request:
    headers = {"authorization": authorization} if authorization else {}
    return Request("GET", "/", headers=headers, peer_certificate=certificate)


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(None, (StaticTokens(parse_token_file(FILE)),))


def test_static_tokens(authenticator: Authenticator) -> None:
    user = authenticator.authenticate(request("Bearer t1"))
    assert user == User("alice", "alice-uid", ("dev", "ops", "system:authenticated"))
    assert authenticator.authenticate(request("bearer t2")).groups == ("system:authenticated",)


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer ", "Bearer"])
def test_no_credential_is_anonymous(authenticator: Authenticator, header: str) -> None:
    assert authenticator.authenticate(request(header)) is ANONYMOUS


def test_a_bad_token_is_refused_and_so_is_nobody_where_anonymous_is_off(authenticator: Authenticator) -> None:
    for asked, by in ((request("Bearer x"), authenticator), (request(), Authenticator(None, allow_anonymous=False))):
        with pytest.raises(StatusError) as error:
            by.authenticate(asked)
        assert (error.value.code, error.value.message) == (401, "Unauthorized")


BEARER = "base64url.bearer.authorization.k8s.io."


def over_websocket(protocols: str, authorization: str = "") -> Request:
    asked = request(authorization)
    asked.headers |= {"upgrade": "websocket", "sec-websocket-protocol": protocols}
    asked.can_upgrade = True
    return asked


def test_browsers_show_a_token_as_a_subprotocol_which_goes_no_further(authenticator: Authenticator) -> None:
    asked = over_websocket(f"v5.channel.k8s.io, {BEARER}dDE, base64.binary.k8s.io")
    assert authenticator.authenticate(asked).name == "alice"
    assert asked.headers["sec-websocket-protocol"] == "v5.channel.k8s.io, base64.binary.k8s.io"
    asked.can_upgrade = False
    assert authenticator.authenticate(asked) is ANONYMOUS
    assert authenticator.authenticate(over_websocket("v5.channel.k8s.io")) is ANONYMOUS
    assert authenticator.authenticate(over_websocket(f"x, {BEARER}dDE", "Bearer t2")).name == "bob"


@pytest.mark.parametrize(
    "protocols",
    [
        f"{BEARER}dDE",
        f"{BEARER}dDE, {BEARER}dDI, x",
        f"{BEARER}dDE=, x",
        f"{BEARER}d D, x",
        f"{BEARER}_w, x",
        f"{BEARER}eA, x",
    ],
    ids=["no other", "two", "padded", "no base64", "no text", "unknown"],
)
def test_a_subprotocol_that_is_no_good_token_is_refused(authenticator: Authenticator, protocols: str) -> None:
    with pytest.raises(StatusError) as error:
        authenticator.authenticate(over_websocket(protocols))
    assert error.value.code == 401


def test_a_token_file_line_with_too_few_columns() -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse_token_file(["a,b,c", "a,b"])


def test_certificates_name_user_and_groups(authenticator: Authenticator) -> None:
    issued = trustme.CA().issue_cert(common_name="admin", organization_name="system:masters")
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    user = user_of_certificate(der)
    assert user is not None and (user.name, user.groups) == ("admin", ("system:masters",))
    assert authenticator.authenticate(request(certificate=der)).groups == ("system:masters", "system:authenticated")


def secret(**changes: str) -> Tree:
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:workers",
    } | changes
    encoded = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
    return {"metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token", "data": encoded}


@pytest.mark.parametrize(
    ("tree", "token", "good"),
    [
        (secret(), "abcdef.0123456789abcdef", True),
        (secret(), "abcdef.0123456789abcdee", False),
        (secret(), "abcdeg.0123456789abcdef", False),
        (secret(expiration="1970-01-01T00:00:50Z"), "abcdef.0123456789abcdef", False),
        (secret(expiration="1970-01-01T00:02:00Z"), "abcdef.0123456789abcdef", True),
        (secret(**{"usage-bootstrap-authentication": "false"}), "abcdef.0123456789abcdef", False),
        (secret(**{"auth-extra-groups": "system:masters"}), "abcdef.0123456789abcdef", False),
        (secret() | {"type": "Opaque"}, "abcdef.0123456789abcdef", False),
    ],
)
def test_bootstrap_tokens(tree: Tree, token: str, good: bool) -> None:
    found = {"bootstrap-token-abcdef": tree}
    user = BootstrapTokens(lambda _namespace, name: found.get(name), lambda: 100.0)(token)
    assert (user is not None) is good
    if user is not None:
        assert user == User("system:bootstrap:abcdef", groups=("system:bootstrappers", "system:bootstrappers:workers"))
