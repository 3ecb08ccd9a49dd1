"""Continue tokens: ours come back, all others are refused in Go's words."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base.errors import StatusError
from navarch.server.continuation import Continuation, decode, encode

V1 = "meta.k8s.io/v1"


def token(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.integers(-1, 1 << 62).filter(bool), st.text(st.characters(codec="utf-8"), min_size=1))
def test_ours_come_back(revision: int, start: str) -> None:
    if ".." not in start.split("/"):
        assert decode(encode(revision, start)) == Continuation(revision, start)


@pytest.mark.parametrize(
    ("given_token", "why"),
    [
        ("%", "illegal base64 data at input byte 0"),
        ("abc=", "illegal base64 data at input byte 3"),
        ("abcde", "illegal base64 data at input byte 4"),
        ("ab+/", "illegal base64 data at input byte 2"),
        ("é", "illegal base64 data at input byte 0"),
        (token(b"{"), "unexpected end of JSON input"),
        (token(b"x"), "invalid character 'x' looking for beginning of value"),
        (token({"v": "meta.k8s.io/v9"}), "server does not recognize this encoded version meta.k8s.io/v9"),
        (token({}), "server does not recognize this encoded version "),
        (token({"v": V1}), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (token({"v": V1, "rv": 5}), "encoded start key empty (version meta.k8s.io/v1)"),
        (token({"v": V1, "rv": 5, "start": "../x"}), "../x"),
    ],
)
def test_others_are_refused(given_token: str, why: str) -> None:
    with pytest.raises(StatusError) as error:
        decode(given_token)
    assert (error.value.code, error.value.reason) == (400, "BadRequest")
    assert error.value.message == f"invalid continue token: continue key is not valid: {why}"


@pytest.mark.parametrize("content", [[], 5, "x", None, {"v": 5}, {"v": V1, "rv": "5"}, {"v": V1, "rv": 5, "start": 1}])
def test_other_shapes_are_refused(content: Any) -> None:
    with pytest.raises(StatusError) as error:
        decode(token(content))
    assert error.value.code == 400
