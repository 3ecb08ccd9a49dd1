"""What RFC 9113 demands of a server, case by case: the essential ones of the public conformance tools."""

from __future__ import annotations

import pytest

from navarch.wire.http2 import frames as h2
from navarch.wire.http2.events import Asked, Cancelled
from navarch.wire.http2.frames import frame, reset, settings_frame, window_update
from tests.wire.http2.peer import GET, OK, POST, Peer, ping

#: The priority part of HEADERS: depends on stream 5, weight 16.
PRIORITY = b"\0\0\0\x05\x0f"


def test_the_server_speaks_first_with_its_settings() -> None:
    peer = Peer(greet=False)
    first = peer.collect()[0]
    assert (first.kind, first.flags, first.stream_id) == (h2.SETTINGS, 0, 0)
    settings = dict(h2.parse_settings(first.payload))
    assert settings[h2.SETTINGS_MAX_CONCURRENT_STREAMS] == 250
    assert settings[h2.SETTINGS_INITIAL_WINDOW_SIZE] == 256 * 1024


def test_settings_and_pings_are_acknowledged() -> None:
    peer = Peer(greet=False)
    peer.send(h2.PREFACE, settings_frame({}), ping(b"abcdefgh"))
    assert (h2.SETTINGS, h2.ACK, 0, b"") in peer.frames
    assert peer.frames[-1] == (h2.PING, h2.ACK, 0, b"abcdefgh")


BROKEN_CONNECTIONS = [
    ("SETTINGS on a stream", frame(h2.SETTINGS, 0, 1), h2.PROTOCOL_ERROR),
    ("SETTINGS of 5 bytes", frame(h2.SETTINGS, 0, 0, b"12345"), h2.FRAME_SIZE_ERROR),
    ("SETTINGS ACK with payload", frame(h2.SETTINGS, h2.ACK, 0, b"123456"), h2.FRAME_SIZE_ERROR),
    ("ENABLE_PUSH 2", settings_frame({h2.SETTINGS_ENABLE_PUSH: 2}), h2.PROTOCOL_ERROR),
    ("initial window", settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: 1 << 31}), h2.FLOW_CONTROL_ERROR),
    ("frame size too small", settings_frame({h2.SETTINGS_MAX_FRAME_SIZE: 16383}), h2.PROTOCOL_ERROR),
    ("frame size too large", settings_frame({h2.SETTINGS_MAX_FRAME_SIZE: 1 << 24}), h2.PROTOCOL_ERROR),
    ("PING on a stream", frame(h2.PING, 0, 1, b"12345678"), h2.PROTOCOL_ERROR),
    ("PING of 7 bytes", frame(h2.PING, 0, 0, b"1234567"), h2.FRAME_SIZE_ERROR),
    ("GOAWAY on a stream", frame(h2.GOAWAY, 0, 1, b"\0" * 8), h2.PROTOCOL_ERROR),
    ("window update by nothing", window_update(0, 0), h2.PROTOCOL_ERROR),
    ("window update of 3 bytes", frame(h2.WINDOW_UPDATE, 0, 0, b"123"), h2.FRAME_SIZE_ERROR),
    ("window too large", window_update(0, h2.MAX_WINDOW), h2.FLOW_CONTROL_ERROR),
    ("window update of an idle stream", window_update(9, 1), h2.PROTOCOL_ERROR),
    ("reset of the connection", reset(0, h2.CANCEL), h2.PROTOCOL_ERROR),
    ("reset of an idle stream", reset(9, h2.CANCEL), h2.PROTOCOL_ERROR),
    ("reset of 3 bytes", frame(h2.RST_STREAM, 0, 1, b"123"), h2.FRAME_SIZE_ERROR),
    ("DATA on no stream", frame(h2.DATA, 0, 0, b"x"), h2.PROTOCOL_ERROR),
    ("DATA on an idle stream", frame(h2.DATA, 0, 9, b"x"), h2.PROTOCOL_ERROR),
    ("HEADERS on no stream", frame(h2.HEADERS, h2.END_HEADERS, 0, b"\x82"), h2.PROTOCOL_ERROR),
    ("HEADERS on an even stream", frame(h2.HEADERS, h2.END_HEADERS, 2, b"\x82"), h2.PROTOCOL_ERROR),
    ("HEADERS that is all padding", frame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, 1, b"\x09\x82"), h2.PROTOCOL_ERROR),
    ("HEADERS cut in its priority", frame(h2.HEADERS, h2.HAS_PRIORITY, 1, b"\0\0"), h2.FRAME_SIZE_ERROR),
    ("a header block of nonsense", frame(h2.HEADERS, h2.END_HEADERS, 1, b"\xff\xff"), h2.COMPRESSION_ERROR),
    ("CONTINUATION of nothing", frame(h2.CONTINUATION, h2.END_HEADERS, 1, b"\x82"), h2.PROTOCOL_ERROR),
    ("an interrupted header block", frame(h2.HEADERS, 0, 1, b"\x82") + ping(), h2.PROTOCOL_ERROR),
    (
        "a header block carried on elsewhere",
        frame(h2.HEADERS, 0, 1, b"\x82") + frame(h2.CONTINUATION, h2.END_HEADERS, 3, b"\x84"),
        h2.PROTOCOL_ERROR,
    ),
    ("a pushing client", frame(h2.PUSH_PROMISE, h2.END_HEADERS, 1, b"\0\0\0\x02"), h2.PROTOCOL_ERROR),
    ("PRIORITY of no stream", frame(h2.PRIORITY, 0, 0, PRIORITY), h2.PROTOCOL_ERROR),
    ("PRIORITY of 4 bytes", frame(h2.PRIORITY, 0, 1, PRIORITY[:4]), h2.FRAME_SIZE_ERROR),
    ("a frame of 16385 bytes", frame(h2.DATA, 0, 1, b"x" * 16385), h2.FRAME_SIZE_ERROR),
]


@pytest.mark.parametrize(
    ("sent", "code"), [case[1:] for case in BROKEN_CONNECTIONS], ids=[c[0] for c in BROKEN_CONNECTIONS]
)
def test_a_broken_connection_ends_with_the_right_code(sent: bytes, code: int) -> None:
    peer = Peer()
    peer.send(sent)
    assert peer.goaway == code
    assert peer.send(ping()) == []


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_what_is_no_preface_ends_the_connection(first: bytes) -> None:
    peer = Peer(greet=False)
    peer.send(first)
    assert peer.goaway == h2.PROTOCOL_ERROR


def test_the_first_frame_is_settings() -> None:
    peer = Peer(greet=False)
    peer.send(h2.PREFACE, ping())
    assert peer.goaway == h2.PROTOCOL_ERROR


def test_unknown_frames_settings_and_flags_are_ignored() -> None:
    peer = Peer()
    peer.send(frame(0x16, 0xFF, 0, b"new"), frame(0x16, 0, 77, b""), settings_frame({0xFF: 1}), ping(flags=0x30))
    assert peer.goaway is None
    assert peer.head_of(1, GET).target == "/p"


def test_requests_may_have_padding_priority_and_several_frames() -> None:
    peer = Peer()
    block = peer.headers(1, GET)[9:]
    framed = bytes([4]) + PRIORITY + block[:2] + b"\0" * 4
    flags = h2.PADDED | h2.HAS_PRIORITY | h2.END_STREAM
    (event,) = peer.send(
        frame(h2.HEADERS, flags, 1, framed),
        frame(h2.CONTINUATION, 0, 1, block[2:4]),
        frame(h2.CONTINUATION, h2.END_HEADERS, 1, block[4:]),
    )
    assert isinstance(event, Asked)
    head = peer.session.take_up(event.stream)
    assert head is not None and head.target == "/p"


MALFORMED = [
    ("upper case", [*GET, ("X-Upper", "1")]),
    ("unknown pseudo-header", [*GET, (":new", "1")]),
    ("answer's pseudo-header", [*GET, (":status", "200")]),
    ("pseudo-header after a field", [("x", "1"), *GET]),
    ("repeated method", [GET[0], *GET]),
    ("no method", GET[1:]),
    ("no scheme", [GET[0], *GET[2:]]),
    ("no path", GET[:2]),
    ("empty path", [*GET[:2], (":path", "")]),
    ("path of nowhere", [*GET[:2], (":path", "nowhere")]),
    ("connection", [*GET, ("connection", "keep-alive")]),
    ("upgrade", [*GET, ("upgrade", "websocket")]),
    ("transfer-encoding", [*GET, ("transfer-encoding", "chunked")]),
    ("te", [*GET, ("te", "gzip")]),
    ("a line break in a value", [*GET, ("x", "a\r\nb: c")]),
    ("a zero byte in a path", [*GET[:2], (":path", "/\0")]),
    ("an empty name", [*GET, ("", "1")]),
    ("content-length without a body", [*GET, ("content-length", "1")]),
    ("content-length that is no number", [*GET, ("content-length", "-1")]),
]


@pytest.mark.parametrize("fields", [case[1] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_malformed_requests_are_reset_and_the_connection_goes_on(fields: list[tuple[str, str]]) -> None:
    peer = Peer()
    events = peer.send(peer.headers(1, fields))
    assert not any(isinstance(event, Asked) for event in events)
    assert peer.reset_of(1) == h2.PROTOCOL_ERROR
    assert peer.ask(3)


def test_te_trailers_and_cookies_are_fine() -> None:
    peer = Peer()
    head = peer.head_of(1, [*GET, ("te", "trailers"), ("cookie", "a"), ("cookie", "b"), ("x", "1"), ("x", " 2 ")])
    assert head.headers == {"te": "trailers", "cookie": "a; b", "x": "1, 2", "host": "localhost"}


@pytest.mark.parametrize("length", [2, 4])
def test_a_body_of_another_length_than_declared_resets_the_stream(length: int) -> None:
    peer = Peer()
    peer.send(peer.headers(1, [*POST, ("content-length", str(length))], 0), frame(h2.DATA, h2.END_STREAM, 1, b"abc"))
    assert peer.reset_of(1) == h2.PROTOCOL_ERROR


def test_a_body_comes_in_pieces_with_padding_and_ends_with_trailers() -> None:
    peer = Peer()
    events = peer.send(
        peer.headers(1, POST, 0),
        frame(h2.DATA, 0, 1, b"abc"),
        frame(h2.DATA, h2.PADDED, 1, b"\x02de\0\0"),
        peer.headers(1, [("x-checksum", "1")]),
    )
    (event,) = events
    assert isinstance(event, Asked) and event.body == b"abcde"


def test_trailers_that_do_not_end_the_stream_or_are_no_fields_reset_it() -> None:
    peer = Peer()
    peer.send(peer.headers(1, POST, 0), peer.headers(1, [("x", "1")], 0))
    peer.send(peer.headers(3, POST, 0), peer.headers(3, [(":path", "/")]))
    assert (peer.reset_of(1), peer.reset_of(3)) == (h2.PROTOCOL_ERROR, h2.PROTOCOL_ERROR)


@pytest.mark.parametrize("kind", ["data", "headers"])
def test_more_on_a_half_closed_stream_resets_it(kind: str) -> None:
    peer = Peer()
    stream = peer.ask(1).stream
    more = frame(h2.DATA, 0, 1, b"x") if kind == "data" else peer.headers(1, [("x", "1")])
    assert peer.send(more) == [Cancelled(stream)]
    assert peer.reset_of(1) == h2.STREAM_CLOSED
    peer.session.respond(stream, OK, b"late")
    assert peer.collect()[-1].kind == h2.RST_STREAM


def test_frames_of_a_closed_stream() -> None:
    peer = Peer()
    peer.session.respond(peer.ask(1).stream, OK, b"")
    peer.send(window_update(1, 5), reset(1, h2.CANCEL), frame(h2.PRIORITY, 0, 1, PRIORITY))
    assert peer.goaway is None
    peer.send(frame(h2.DATA, 0, 1, b"x"))
    assert peer.goaway == h2.STREAM_CLOSED


def test_a_stream_is_not_opened_twice_nor_backwards() -> None:
    for again in (1, 3):
        peer = Peer()
        for stream_id in (3, 5):
            peer.session.respond(peer.ask(stream_id).stream, OK, b"")
        peer.send(peer.headers(again, GET))
        assert peer.goaway == h2.STREAM_CLOSED


def test_what_still_comes_after_a_reset_is_ignored_and_its_headers_are_decoded() -> None:
    peer = Peer()
    peer.send(peer.headers(1, [*POST, ("te", "gzip")], 0), frame(h2.DATA, 0, 1, b"late"))
    peer.send(peer.headers(1, [("x-indexed", "once")]))
    assert peer.goaway is None
    assert peer.head_of(3, [*GET, ("x-indexed", "once")]).headers["x-indexed"] == "once"


@pytest.mark.parametrize(("increment", "code"), [(0, h2.PROTOCOL_ERROR), (h2.MAX_WINDOW, h2.FLOW_CONTROL_ERROR)])
def test_wrong_window_updates_reset_their_stream(increment: int, code: int) -> None:
    peer = Peer()
    peer.ask(1)
    peer.send(window_update(1, increment))
    assert (peer.reset_of(1), peer.goaway) == (code, None)
