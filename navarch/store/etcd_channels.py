"""A gRPC channel to each member of an etcd cluster, and which of them is asked.

One member is asked as long as it answers; then the next one is. A call that is safe to repeat is tried on
every member, and as long as a try took place nobody knows of, also again: so the death of a member, or the
election of a leader that follows it, costs time and no error. `CALL_TIMEOUT_S` bounds all tries together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio

from navarch.store.contract import StoreError, StoreReadOnly, StoreUnavailable, ValueTooLarge

#: How long one call may take, connecting and all tries included.
CALL_TIMEOUT_S = 5.0
#: How long one member may take when there are others.
TRY_TIMEOUT_S = 2.0
#: Between two rounds through all members, when each of them refuses at once.
ROUND_PAUSE_S = 0.1

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
)
#: Nothing of the call reached a server.
_UNSENT = "failed to connect to all addresses"
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class HistoryCompacted(StoreError):
    """etcd no longer has the revision that was asked for."""


class Uncertain(StoreUnavailable):
    """The call was sent and not answered: whether it was carried out is not known."""


class Channels:
    """`targets` are `host:port`, one for each member, all reached with the same credentials."""

    def __init__(self, targets: Sequence[str], credentials: grpc.ChannelCredentials | None = None) -> None:
        assert targets
        self._members = [_Member(target, credentials) for target in targets]
        self._turn = 0

    async def close(self) -> None:
        for member in self._members:
            await member.channel.close()

    async def call(self, path: str, request: Any, response: Any) -> tuple[Any, bool]:
        """The answer to a call that may be carried out twice, and whether it may have been: an earlier try
        was sent and not answered.

        Raises: Uncertain, StoreUnavailable, StoreReadOnly, ValueTooLarge, HistoryCompacted.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + CALL_TIMEOUT_S
        tries, sent = 0, False
        while True:
            left_s = ends_at - loop.time()
            timeout_s = left_s if len(self._members) == 1 else min(left_s, TRY_TIMEOUT_S)
            member = self._members[self._turn]
            tries += 1
            try:
                return await member.method(path, type(request), response)(request, timeout=timeout_s), sent
            except grpc.aio.AioRpcError as error:
                text = error.details() or error.code().name
                sent = sent or (error.code() in _PASSING and not text.startswith(_UNSENT))
                if error.code() not in _PASSING:
                    raise _named(error, sent) from error
                self.leave(member)
                if not self._go_on(tries, sent, ends_at - loop.time()):
                    raise _named(error, sent) from error
            if tries % len(self._members) == 0:
                await asyncio.sleep(ROUND_PAUSE_S)

    def _go_on(self, tries: int, sent: bool, left_s: float) -> bool:
        """A cluster where nobody listens is told of at once; one that is busy with itself gets its time."""
        return len(self._members) > 1 and left_s > ROUND_PAUSE_S and (sent or tries < len(self._members))

    def stream(self, path: str, request: Any, response: Any, metadata: tuple[tuple[str, str], ...]) -> Stream:
        """A stream of requests and answers with the member whose turn it is."""
        member = self._members[self._turn]
        call = member.channel.stream_stream(
            path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
        )(metadata=metadata)
        return Stream(self, member, call)

    def leave(self, member: _Member) -> None:
        """Ask another one from now on."""
        if self._members[self._turn] is member:
            self._turn = (self._turn + 1) % len(self._members)


class Stream:
    """A stream's `call`; when it breaks, it is the next member's turn."""

    def __init__(self, channels: Channels, member: _Member, call: Any) -> None:
        self.call = call
        self.given_up = False
        self._channels = channels
        self._member = member

    def give_up(self) -> None:
        """Its member is silent: end the stream, and ask another one from now on."""
        self.given_up = True
        self._channels.leave(self._member)
        self.call.cancel()

    def broken(self, error: grpc.aio.AioRpcError) -> StoreError:
        """What to raise for `error`."""
        self._channels.leave(self._member)
        return _named(error, sent=False)


class _Member:
    def __init__(self, target: str, credentials: grpc.ChannelCredentials | None) -> None:
        if credentials is None:
            self.channel = grpc.aio.insecure_channel(target, _OPTIONS)
        else:
            self.channel = grpc.aio.secure_channel(target, credentials, _OPTIONS)
        self._methods: dict[str, Any] = {}

    def method(self, path: str, request: Any, response: Any) -> Any:
        found = self._methods.get(path)
        if found is None:
            found = self._methods[path] = self.channel.unary_unary(
                path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
            )
        return found


def _named(error: grpc.aio.AioRpcError, sent: bool) -> StoreError:
    """What an error of etcd means to those who use the store."""
    text = error.details() or error.code().name
    if "request is too large" in text:
        return ValueTooLarge(text)
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "space exceeded" in text:
        return StoreReadOnly(f"{text}; compact and defragment etcd or raise its quota, then disarm the alarm")
    if error.code() == grpc.StatusCode.OUT_OF_RANGE:
        return HistoryCompacted(text)
    kind = Uncertain if sent else StoreUnavailable
    return kind(f"etcd cannot carry this out now ({text}); is it running, has it a leader?")
