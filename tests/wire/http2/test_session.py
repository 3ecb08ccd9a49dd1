"""Flow control, limits, floods and the orderly end of a session."""

from __future__ import annotations

import pytest

from navarch.wire.http2 import frames as h2
from navarch.wire.http2.events import Asked, Cancelled, Refusal, Refused
from navarch.wire.http2.frames import frame, reset, settings_frame, window_update
from navarch.wire.http2.session import CONNECTION_WINDOW, IDLE_FRAMES, MAX_STREAMS, MAX_UNSENT_BYTES, STREAM_WINDOW
from navarch.wire.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, READ_TIMEOUT_S, WRITE_TIMEOUT_S
from tests.wire.http2.peer import GET, OK, POST, Peer, ping


def small_windows(size: int) -> Peer:
    """A peer whose streams take `size` bytes each, and whose connection takes a great deal."""
    peer = Peer()
    peer.send(settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: size}), window_update(0, 1 << 30))
    return peer


# --- sending


def test_an_answer_waits_for_the_streams_window() -> None:
    peer = small_windows(5)
    stream = peer.ask(1).stream
    peer.session.respond(stream, OK, b"abcdefgh")
    peer.collect()
    assert (peer.data(1), stream.queued) == (b"abcde", 3)
    peer.send(window_update(1, 2))
    assert (peer.data(1), stream.closed) == (b"abcdefg", False)
    peer.send(window_update(1, 2))
    assert peer.frames[-1] == (h2.DATA, h2.END_STREAM, 1, b"h")
    assert stream.closed and not peer.session.streams


def test_a_slow_stream_holds_up_nobody() -> None:
    peer = small_windows(5)
    slow, quick = peer.ask(1).stream, peer.ask(3).stream
    peer.session.respond(slow, OK, b"x" * 100)
    peer.session.respond(quick, OK, b"ready")
    peer.collect()
    assert (peer.data(1), peer.data(3), quick.closed) == (b"xxxxx", b"ready", True)


def test_streams_share_the_connections_window_in_turns() -> None:
    peer = Peer()
    peer.send(settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: 1 << 20}))
    size = 3 * h2.DEFAULT_FRAME_SIZE
    for stream in [peer.ask(stream_id).stream for stream_id in (1, 3)]:
        peer.session.respond(stream, OK, b"x" * size)
    sent = [each.stream_id for each in peer.collect() if each.kind == h2.DATA]
    assert len(peer.data(1)) + len(peer.data(3)) == h2.DEFAULT_WINDOW
    assert sent == [1, 3, 1, 3]
    peer.send(window_update(0, 1 << 20))
    assert (len(peer.data(1)), len(peer.data(3))) == (size, size)


def test_a_window_may_shrink_below_zero() -> None:
    peer = small_windows(10)
    stream = peer.ask(1).stream
    peer.session.start(stream, OK)
    peer.session.send(stream, b"x" * 10)
    peer.send(settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: 4}))
    peer.session.send(stream, b"y" * 3)
    peer.send(window_update(1, 6))
    assert b"y" not in peer.data(1)
    peer.send(window_update(1, 3))
    assert peer.data(1).endswith(b"yyy")


def test_frames_are_as_long_as_the_peer_takes_them() -> None:
    peer = small_windows(1 << 20)
    peer.send(settings_frame({h2.SETTINGS_MAX_FRAME_SIZE: 16_384}))
    peer.session.respond(peer.ask(1).stream, OK, b"x" * 40_000)
    peer.collect()
    assert [len(each.payload) for each in peer.of_kind(h2.DATA)] == [16_384, 16_384, 7_232]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_long_answer_is_cut_where_the_windows_end_and_goes_on_from_there(pieces: int) -> None:
    peer = small_windows(100_000)
    stream = peer.ask(1).stream
    data = bytes(range(251)) * 600
    peer.session.start(stream, OK)
    for n in range(pieces):
        peer.session.send(stream, data[n::pieces])
    peer.session.end(stream)
    peer.collect()
    sent = b"".join(data[n::pieces] for n in range(pieces))
    assert peer.data(1) == sent[:100_000]
    for more in (5, 40_000, 20_000):
        peer.send(window_update(1, more))
    assert (peer.data(1), stream.closed, peer.session.outbox.unsent_bytes) == (sent, True, 0)
    assert all(len(each.payload) <= h2.DEFAULT_FRAME_SIZE for each in peer.frames)


def test_while_the_transport_is_full_only_control_frames_go_out() -> None:
    peer = Peer()
    stream = peer.ask(1).stream
    peer.session.outbox.blocked = True
    peer.session.respond(stream, OK, b"later")
    peer.send(ping())
    assert (peer.data(1), peer.frames[-1].kind) == (b"", h2.PING)
    peer.session.outbox.blocked = False
    peer.collect()
    assert peer.data(1) == b"later"


def test_a_stream_of_pieces_ends_after_what_is_queued() -> None:
    peer = small_windows(4)
    stream = peer.ask(1).stream
    peer.session.start(stream, OK)
    for piece in (b"ab", b"cd", b"ef"):
        peer.session.send(stream, piece)
    peer.session.end(stream)
    peer.session.send(stream, b"after the end")
    peer.collect()
    peer.send(window_update(1, 100))
    assert peer.data(1) == b"abcdef"
    assert peer.frames[-1].flags == h2.END_STREAM


# --- receiving


def test_windows_are_given_back_as_bodies_come() -> None:
    peer = Peer()
    peer.send(peer.headers(1, POST, 0))
    for _ in range(MAX_BODY_BYTES // 16_384):
        peer.send(frame(h2.DATA, 0, 1, b"x" * 16_384))
    (event,) = peer.send(frame(h2.DATA, h2.END_STREAM, 1))
    assert isinstance(event, Asked) and len(event.body) == MAX_BODY_BYTES
    given = [each for each in peer.of_kind(h2.WINDOW_UPDATE) if each.stream_id == 1]
    assert len(given) >= MAX_BODY_BYTES // STREAM_WINDOW


def test_padding_uses_up_the_window_too() -> None:
    peer = Peer()
    peer.send(peer.headers(1, POST, 0), frame(h2.DATA, h2.PADDED, 1, b"\x05" + b"\0" * 5))
    assert peer.session.streams[1].receive_window == STREAM_WINDOW - 6


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_answered_and_not_read(declared: bool) -> None:
    peer = Peer()
    fields = [*POST, ("content-length", str(MAX_BODY_BYTES + 1))] if declared else POST
    peer.send(peer.headers(1, fields, 0))
    while not any(isinstance(event, Refused) for event in peer.events):
        peer.send(frame(h2.DATA, 0, 1, b"x" * 16_384))
    (refused,) = peer.events
    assert isinstance(refused, Refused) and refused.why is Refusal.BODY_TOO_LARGE
    peer.session.respond(refused.stream, OK, b"no")
    peer.collect()
    assert peer.data(1) == b"no"
    assert peer.reset_of(1) == h2.NO_ERROR
    peer.send(frame(h2.DATA, 0, 1, b"x"))
    assert peer.goaway is None


@pytest.mark.parametrize(
    "end",
    [frame(h2.DATA, h2.END_STREAM, 1, b"tail"), frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, b"\x00\x01x\0")],
    ids=["data", "trailers"],
)
def test_the_end_of_a_refused_request_is_no_request_while_the_answer_waits(end: bytes) -> None:
    peer = small_windows(1)
    peer.send(peer.headers(1, POST, 0))
    while not peer.events:
        peer.send(frame(h2.DATA, 0, 1, b"x" * 16_384))
    (refused,) = peer.events
    peer.session.respond(refused.stream, OK, b"no")
    assert peer.send(frame(h2.DATA, 0, 1, b"more"), end) == []
    assert refused.stream.body is None
    peer.send(window_update(1, 1))
    assert (peer.data(1), peer.reset_of(1), peer.goaway) == (b"no", h2.NO_ERROR, None)


def test_a_head_over_the_limit_is_answered_and_a_huge_one_ends_the_connection() -> None:
    peer = Peer()
    part = [(f"x-{n}", "y" * 60_000) for n in range(18)]
    (event,) = peer.send(peer.headers(1, [*GET, *part]))
    assert isinstance(event, Refused) and event.why is Refusal.HEAD_TOO_LARGE
    peer.send(frame(h2.HEADERS, 0, 3, b"\x82"))
    for _ in range(MAX_HEAD_BYTES // 16_384 + 1):
        peer.send(frame(h2.CONTINUATION, 0, 3, b"x" * 16_384))
    assert peer.goaway == h2.ENHANCE_YOUR_CALM


# --- limits and floods


def test_streams_over_the_limit_are_refused_until_others_end() -> None:
    peer = Peer()
    streams = [peer.ask(2 * n + 1).stream for n in range(MAX_STREAMS)]
    over = 2 * MAX_STREAMS + 1
    assert peer.send(peer.headers(over, GET)) == []
    assert peer.reset_of(over) == h2.REFUSED_STREAM
    peer.session.respond(streams[7], OK, b"")
    assert peer.ask(over + 2)


def test_streams_that_are_reset_count_until_their_handlers_end() -> None:
    peer = Peer()
    for n in range(MAX_STREAMS):
        stream = peer.ask(2 * n + 1).stream
        assert peer.send(reset(stream.id, h2.CANCEL)) == [Cancelled(stream)]
    over = 2 * MAX_STREAMS + 1
    assert peer.send(peer.headers(over, GET)) == []
    assert peer.reset_of(over) == h2.REFUSED_STREAM
    last = peer.events[0]
    peer.session.respond(last.stream, OK, b"nobody reads it")
    assert peer.ask(over + 2)


def test_a_request_that_is_reset_in_the_same_breath_is_not_handled() -> None:
    peer = Peer()
    asked, cancelled = peer.send(peer.headers(1, GET), reset(1, h2.CANCEL))
    assert isinstance(asked, Asked) and isinstance(cancelled, Cancelled)
    assert not peer.session.take_up(asked.stream)


FLOODS = {
    "pings": ping(),
    "settings": settings_frame({}),
    "priorities": frame(h2.PRIORITY, 0, 1, b"\0\0\0\0\0"),
    "unknown frames": frame(0x20, 0, 0),
    "empty data": frame(h2.DATA, 0, 1),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_end_the_connection_and_patience_is_renewed(flood: bytes) -> None:
    peer = Peer()
    peer.send(peer.headers(1, POST, 0))
    for _ in range(3):
        peer.send(flood * (IDLE_FRAMES - 1))
        assert peer.goaway is None
        peer.session.sweep(0.0)
    peer.send(flood * (IDLE_FRAMES + 1))
    assert peer.goaway == h2.ENHANCE_YOUR_CALM


def test_rapid_resets_and_empty_continuations_end_the_connection() -> None:
    peer = Peer()
    for n in range(IDLE_FRAMES + 1):
        peer.send(peer.headers(2 * n + 1, GET), reset(2 * n + 1, h2.CANCEL))
    assert peer.goaway == h2.ENHANCE_YOUR_CALM
    peer = Peer()
    peer.send(frame(h2.HEADERS, 0, 1, b"\x82"), frame(h2.CONTINUATION, 0, 1) * (IDLE_FRAMES + 1))
    assert peer.goaway == h2.ENHANCE_YOUR_CALM


def test_with_too_much_unsent_new_requests_are_refused() -> None:
    peer = small_windows(0)
    stream = peer.ask(1).stream
    peer.session.respond(stream, OK, b"x" * (MAX_UNSENT_BYTES + 1))
    peer.send(peer.headers(3, GET))
    assert peer.reset_of(3) == h2.REFUSED_STREAM
    peer.send(reset(1, h2.CANCEL))
    assert peer.ask(5)


def test_unread_bodies_are_bounded_together() -> None:
    peer = Peer()
    for n in range(30):
        peer.send(peer.headers(2 * n + 1, POST, 0))
        for _ in range(MAX_BODY_BYTES // 16_384):
            peer.send(frame(h2.DATA, 0, 2 * n + 1, b"x" * 16_384))
    assert peer.goaway is None
    assert {each.code for each in peer.of_kind(h2.RST_STREAM)} == {h2.ENHANCE_YOUR_CALM}
    assert sum(stream.body_bytes for stream in peer.session.streams.values()) <= 64 << 20


def test_the_connections_window_is_kept_open() -> None:
    peer = Peer()
    sent = 0
    for n in range(8):
        peer.send(peer.headers(2 * n + 1, POST, 0))
        for _ in range(160):
            peer.send(frame(h2.DATA, 0, 2 * n + 1, b"x" * 16_384))
            sent += 16_384
    given = sum(int.from_bytes(e.payload, "big") for e in peer.of_kind(h2.WINDOW_UPDATE) if not e.stream_id)
    assert sent > CONNECTION_WINDOW and given > 0


def test_peers_that_take_too_long_lose_their_streams() -> None:
    peer = small_windows(1)
    peer.send(peer.headers(1, POST, 0))
    stuck, waits = peer.ask(3).stream, peer.ask(5).stream
    peer.session.respond(stuck, OK, b"xyz")
    peer.session.start(waits, OK)
    assert peer.session.sweep(READ_TIMEOUT_S) == []
    assert [event.stream.id for event in peer.session.sweep(READ_TIMEOUT_S + 1)] == [1]
    assert peer.session.sweep(WRITE_TIMEOUT_S) == []
    assert [event.stream.id for event in peer.session.sweep(WRITE_TIMEOUT_S + 1)] == [3]
    peer.collect()
    assert (peer.reset_of(1), peer.reset_of(3), peer.reset_of(5)) == (h2.CANCEL, h2.CANCEL, None)


def test_a_long_answer_that_is_taken_bit_by_bit_is_not_cut() -> None:
    peer = Peer()
    peer.send(settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: 1 << 30}))
    stream = peer.ask(1).stream
    peer.session.respond(stream, OK, b"x" * 10 * h2.DEFAULT_WINDOW)
    for _ in range(8):
        # The connection's window is what holds the stream back: its own is wide.
        peer.now += WRITE_TIMEOUT_S
        peer.send(window_update(0, h2.DEFAULT_WINDOW))
        assert peer.session.sweep(peer.now) == []
    assert [event.stream for event in peer.session.sweep(peer.now + WRITE_TIMEOUT_S + 1)] == [stream]


def test_an_answer_is_timed_from_its_beginning_however_long_it_was_made() -> None:
    peer = small_windows(1)
    slow = peer.ask(1).stream
    made_at = 10 * WRITE_TIMEOUT_S
    assert peer.session.sweep(made_at) == []
    peer.session.respond(slow, OK, b"xyz")
    assert peer.session.sweep(made_at + WRITE_TIMEOUT_S) == []
    assert [event.stream.id for event in peer.session.sweep(made_at + WRITE_TIMEOUT_S + 1)] == [1]


# --- the end


def test_a_drain_lets_open_streams_finish_and_those_that_crossed_it() -> None:
    peer = Peer()
    before = peer.ask(1).stream
    peer.session.goaway()
    first = peer.collect()[-2:]
    assert [each.kind for each in first] == [h2.GOAWAY, h2.PING]
    assert first[0].payload[:4] == b"\x7f\xff\xff\xff"
    crossed = peer.ask(3).stream
    peer.send(frame(h2.PING, h2.ACK, 0, first[1].payload))
    assert peer.of_kind(h2.GOAWAY)[-1].payload[:4] == b"\0\0\0\x03"
    # What was sent too late is nobody's, its body too.
    assert peer.send(peer.headers(5, GET, 0x4), frame(h2.DATA, 0x1, 5, b"late")) == []
    assert peer.of_kind(h2.GOAWAY)[-1].payload == b"\0\0\0\x03" + bytes(4)
    for stream in (before, crossed):
        assert not peer.session.is_drained
        peer.session.respond(stream, OK, b"done")
    peer.collect()
    assert peer.session.is_drained
