"""What is recognised without a parser is what the parser would have read."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.wire.plain_get import add_field, plain_get

FIELDS = b"Host: x\r\nAccept: a\r\naccept: b\r\n"


def test_repeated_fields_are_joined_and_the_callers_own() -> None:
    for target in (b"/version", b"/api/v1/pods?limit=5"):
        plain = plain_get(b"GET %b HTTP/1.1\r\n%b\r\n" % (target, FIELDS))
        assert plain == (target.decode(), {"host": "x", "accept": "a, b"})
        plain[1].clear()


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nno field\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 4000 + b"\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_everything_else_is_left_to_the_parser(data: bytes) -> None:
    assert plain_get(data) is None


class Reader:
    """All that a parser says of the requests in some bytes."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = b""
        self.fields: dict[str, str] = {}

    def on_message_begin(self) -> None:
        self.url, self.fields = b"", {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        add_field(self.fields, name, value)

    def on_message_complete(self) -> None:
        self.requests.append((self.url.decode("latin-1"), self.fields))


LINES = st.sampled_from(
    [b"Host: x\r\n", b"A:  b \r\n", b"a: \xe4\r\n", b"b:\r\n", b" folded\r\n", b"\r\n", b"\n", b"c\r\n", b"d: \0\r\n"]
)


@given(st.binary(max_size=20), st.lists(LINES, max_size=5))
def test_it_never_says_anything_else_than_the_parser(target: bytes, lines: list[bytes]) -> None:
    data = b"GET /%b HTTP/1.1\r\n%b\r\n" % (target, b"".join(lines))
    plain = plain_get(data)
    if plain is not None:
        reader = Reader()
        httptools.HttpRequestParser(reader).feed_data(data)
        assert reader.requests == [plain]
