"""The h2 library as client: whatever is asked, however the bytes are cut, it gets the right answers."""

from __future__ import annotations

from itertools import pairwise

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.wire.http2.answer_head import encode_head
from navarch.wire.http2.events import Asked
from navarch.wire.http2.session import Session
from navarch.wire.http2.stream import Stream

#: What one request sends, what it gets, and whether that comes whole or in pieces.
EXCHANGES = st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 90_000), st.booleans()), min_size=1, max_size=12)


class Client:
    """The oracle: sends bodies as far as the windows go, keeps answers, gives windows back."""

    def __init__(self, window: int) -> None:
        self.connection = H2Connection(H2Configuration(client_side=True))
        self.connection.initiate_connection()
        self.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.answers: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self._bodies: dict[int, bytes] = {}

    def ask(self, path: str, body: bytes) -> int:
        stream_id = self.connection.get_next_available_stream_id()
        head = [(":method", "POST" if body else "GET"), (":scheme", "https"), (":path", path), (":authority", "x")]
        self.connection.send_headers(stream_id, head, end_stream=not body)
        if body:
            self._bodies[stream_id] = body
        return stream_id

    def push(self) -> None:
        """Send what the windows allow of the bodies."""
        for stream_id, body in tuple(self._bodies.items()):
            while room := min(self.connection.local_flow_control_window(stream_id), len(body), 16_384):
                piece, body = body[:room], body[room:]
                self.connection.send_data(stream_id, piece, end_stream=not body)
            self._bodies[stream_id] = body
            if not body:
                del self._bodies[stream_id]

    def receive(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                assert event.stream_id is not None and event.data is not None
                self.answers[event.stream_id] = self.answers.get(event.stream_id, b"") + event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                assert event.stream_id is not None
                self.ended.add(event.stream_id)
            else:
                assert not isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated), event


def answer(session: Session, stream: Stream, size: int, in_pieces: bool) -> None:
    body = body_of(stream.id, size)
    block = encode_head(200, [("content-length", str(size))])
    if not in_pieces:
        session.respond(stream, block, body)
        return
    session.start(stream, block)
    for at in range(0, size, 7_000):
        session.send(stream, body[at : at + 7_000])
    session.end(stream)


def body_of(stream_id: int, size: int) -> bytes:
    return (b"%d," % stream_id * (size // 2 + 1))[:size]


@settings(deadline=None, max_examples=60)
@given(EXCHANGES, st.sampled_from([1_000, 65_535, 1 << 20]), st.data())
def test_any_exchange_arrives_whole(exchanges: list[tuple[int, int, bool]], window: int, data: st.DataObject) -> None:
    client, session = Client(window), Session()
    wanted = {client.ask(f"/{n}", body_of(n, sent)): exchanges[n] for n, (sent, _, _) in enumerate(exchanges)}
    got: dict[int, bytes] = {}
    now = 0.0
    while len(client.ended) < len(wanted):
        now += 1
        assert now < 2_000, "it does not come to an end"
        client.push()
        sent = client.connection.data_to_send()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4))) if now < 20 else []
        for start, stop in pairwise([0, *cuts, len(sent)]):
            for event in session.receive(sent[start:stop], now):
                assert isinstance(event, Asked) and session.take_up(event.stream)
                got[event.stream.id] = event.body
                _, size, in_pieces = wanted[event.stream.id]
                answer(session, event.stream, size, in_pieces)
        client.receive(b"".join(session.outbox.take(0.0)))
    assert not session.streams and not session.failed
    for number, (stream_id, (sent, size, _)) in enumerate(wanted.items()):
        assert got[stream_id] == body_of(number, sent)
        assert client.answers.get(stream_id, b"") == body_of(stream_id, size)
