"""The calls that the store makes to etcd: requests built, errors named, nothing remembered.

Called by etcd.py alone. Messages are generated from etcd_pb/etcd.proto.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from navarch.store.contract import StoreError, StoreReadOnly, StoreUnavailable, ValueTooLarge
from navarch.store.etcd_pb import etcd_pb2 as pb

#: How long one call may take, connecting included.
CALL_TIMEOUT_S = 5.0

#: Keys in one answer when everything is read: 5 MB of documents of usual size.
PAGE_KEYS = 1_000

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.lb_policy_name", "round_robin"),
)


class HistoryCompacted(StoreError):
    """etcd no longer has the events that a watch was to begin with."""


class EtcdClient:
    """One channel. Raises from every call: StoreUnavailable, StoreReadOnly, ValueTooLarge."""

    def __init__(self, target: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, _OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, _OPTIONS)
        self._range = self._method("KV/Range", pb.RangeRequest, pb.RangeResponse)
        self._txn = self._method("KV/Txn", pb.TxnRequest, pb.TxnResponse)
        self._compact = self._method("KV/Compact", pb.CompactionRequest, pb.CompactionResponse)
        self._grant = self._method("Lease/LeaseGrant", pb.LeaseGrantRequest, pb.LeaseGrantResponse)
        self._watch = self._channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=pb.WatchRequest.SerializeToString,
            response_deserializer=pb.WatchResponse.FromString,
        )

    async def close(self) -> None:
        await self._channel.close()

    async def read_all(self, prefix: bytes) -> tuple[list[pb.KeyValue], int]:
        """Everything under `prefix` as of one revision, and that revision."""
        found: list[pb.KeyValue] = []
        start, revision = prefix, 0
        while True:
            request = pb.RangeRequest(key=start, range_end=after_prefix(prefix), limit=PAGE_KEYS, revision=revision)
            page = await self._call(self._range, request)
            found += page.kvs
            revision = revision or page.header.revision
            if not page.more:
                return found, revision
            start = page.kvs[-1].key + b"\0"

    async def revision(self) -> int:
        """The revision of the cluster, agreed with a majority."""
        answer = await self._call(self._range, pb.RangeRequest(key=b"\0", count_only=True))
        return int(answer.header.revision)

    async def put(self, key: bytes, value: bytes, expected: int, lease: int) -> tuple[bool, int]:
        """Put if the key's revision is `expected`: whether it was done, and etcd's revision then."""
        put = pb.PutRequest(key=key, value=value, lease=lease)
        answer = await self._compare(key, expected, pb.RequestOp(request_put=put))
        return answer.succeeded, answer.header.revision

    async def delete(self, key: bytes, expected: int) -> tuple[pb.KeyValue | None, int]:
        """Delete if the key's revision is `expected`: what was there if it was done, and etcd's revision."""
        delete = pb.DeleteRangeRequest(key=key, prev_kv=True)
        answer = await self._compare(key, expected, pb.RequestOp(request_delete_range=delete))
        if not answer.succeeded:
            return None, answer.header.revision
        return answer.responses[0].response_delete_range.prev_kvs[0], answer.header.revision

    async def grant(self, ttl_s: int) -> int:
        """A lease: its keys are deleted after `ttl_s`."""
        return int((await self._call(self._grant, pb.LeaseGrantRequest(TTL=ttl_s))).ID)

    async def compact(self, revision: int) -> None:
        """Forget history. A revision that is compacted already is no error."""
        try:
            await self._compact(pb.CompactionRequest(revision=revision), timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.OUT_OF_RANGE:
                raise _named(error) from error

    async def watch_all(self, after: int) -> AsyncIterator[pb.WatchResponse]:
        """Every change of every key above revision `after`, in order, until the connection ends.

        Raises: HistoryCompacted, StoreUnavailable.
        """
        call = self._watch()
        try:
            create = pb.WatchCreateRequest(key=b"\0", range_end=b"\0", start_revision=after + 1)
            await call.write(pb.WatchRequest(create_request=create))
            async for answer in call:
                if answer.compact_revision:
                    raise HistoryCompacted(f"etcd has compacted up to {answer.compact_revision}")
                if answer.canceled:
                    raise StoreUnavailable(f"etcd ended the watch: {answer.cancel_reason}")
                yield answer
        except grpc.aio.AioRpcError as error:
            raise _named(error) from error
        finally:
            call.cancel()

    async def _compare(self, key: bytes, expected: int, then: pb.RequestOp) -> Any:
        compare = pb.Compare(target=pb.Compare.MOD, key=key, mod_revision=expected)
        return await self._call(self._txn, pb.TxnRequest(compare=[compare], success=[then]))

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            return await method(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _named(error) from error

    def _method(self, path: str, request: Any, response: Any) -> Any:
        return self._channel.unary_unary(
            f"/etcdserverpb.{path}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )


def after_prefix(prefix: bytes) -> bytes:
    """The end of the range of all keys that begin with `prefix`."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _named(error: grpc.aio.AioRpcError) -> StoreError:
    """What an error of etcd means to those who use the store."""
    text = error.details() or error.code().name
    if "request is too large" in text:
        return ValueTooLarge(text)
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "space exceeded" in text:
        return StoreReadOnly(f"{text}; compact and defragment etcd or raise its quota, then disarm the alarm")
    return StoreUnavailable(f"etcd cannot carry this out now ({text}); is it running, has it a leader?")
