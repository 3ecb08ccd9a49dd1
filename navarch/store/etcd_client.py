"""The calls that the store makes to etcd: requests built, errors named, nothing remembered.

Called by etcd.py alone. Messages are generated from etcd_pb/etcd.proto.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio

from navarch.store.contract import StoreUnavailable
from navarch.store.etcd_channels import Channels, HistoryCompacted, Stream, Uncertain
from navarch.store.etcd_pb import etcd_pb2 as pb

#: Keys in one answer when everything is read: 5 MB of documents of usual size.
PAGE_KEYS = 1_000

#: Ends a watch when its member has lost the leader: it would hear of nothing.
_HAS_LEADER = (("hasleader", "true"),)


class EtcdClient:
    """The members of one cluster. Raises from every call: StoreUnavailable, StoreReadOnly, ValueTooLarge."""

    def __init__(self, targets: Sequence[str], credentials: grpc.ChannelCredentials | None = None) -> None:
        self._channels = Channels(targets, credentials)
        self._watch: Stream | None = None

    async def close(self) -> None:
        await self._channels.close()

    async def read_all(self, prefix: bytes) -> tuple[list[pb.KeyValue], int]:
        """Everything under `prefix` as of one revision, and that revision."""
        found: list[pb.KeyValue] = []
        start, revision = prefix, 0
        while True:
            request = pb.RangeRequest(key=start, range_end=after_prefix(prefix), limit=PAGE_KEYS, revision=revision)
            page, _ = await self._call("KV/Range", request, pb.RangeResponse)
            found += page.kvs
            revision = revision or page.header.revision
            if not page.more:
                return found, revision
            start = page.kvs[-1].key + b"\0"

    async def revision(self) -> int:
        """The revision of the cluster, agreed with a majority."""
        request = pb.RangeRequest(key=b"\0", count_only=True)
        answer, _ = await self._call("KV/Range", request, pb.RangeResponse)
        return int(answer.header.revision)

    async def put(self, key: bytes, value: bytes, expected: int, lease: int) -> tuple[bool, int]:
        """Put if the key's revision is `expected`: whether it was done, and etcd's revision then.

        Raises: Uncertain.
        """
        put = pb.PutRequest(key=key, value=value, lease=lease)
        answer, repeated = await self._compare(key, expected, pb.RequestOp(request_put=put))
        if not answer.succeeded and repeated:
            # The try that got no answer may be what changed the key.
            found, _ = await self._call("KV/Range", pb.RangeRequest(key=key), pb.RangeResponse)
            if found.kvs and found.kvs[0].value == value and found.kvs[0].mod_revision > expected:
                return True, found.kvs[0].mod_revision
        return answer.succeeded, answer.header.revision

    async def delete(self, key: bytes, expected: int) -> tuple[pb.KeyValue | None, int]:
        """Delete if the key's revision is `expected`: what was there if it was done, and etcd's revision.

        Raises: Uncertain.
        """
        delete = pb.DeleteRangeRequest(key=key, prev_kv=True)
        answer, repeated = await self._compare(key, expected, pb.RequestOp(request_delete_range=delete))
        if answer.succeeded:
            return answer.responses[0].response_delete_range.prev_kvs[0], answer.header.revision
        if repeated:
            raise Uncertain("etcd did not answer; whether this deletion took place is not known")
        return None, answer.header.revision

    async def grant(self, ttl_s: int) -> int:
        """A lease: its keys are deleted after `ttl_s`."""
        answer, _ = await self._call("Lease/LeaseGrant", pb.LeaseGrantRequest(TTL=ttl_s), pb.LeaseGrantResponse)
        return int(answer.ID)

    async def compact(self, revision: int) -> None:
        """Forget history. A revision that is compacted already is no error."""
        with contextlib.suppress(HistoryCompacted):
            await self._call("KV/Compact", pb.CompactionRequest(revision=revision), pb.CompactionResponse)

    async def watch_all(self, after: int) -> AsyncIterator[pb.WatchResponse]:
        """Every change of every key above revision `after`, in order, until the connection ends. The first
        answer tells that the watch has begun.

        Raises: HistoryCompacted, StoreUnavailable.
        """
        stream = self._watch = self._channels.stream(
            "/etcdserverpb.Watch/Watch", pb.WatchRequest, pb.WatchResponse, _HAS_LEADER
        )
        try:
            create = pb.WatchCreateRequest(key=b"\0", range_end=b"\0", start_revision=after + 1)
            await stream.call.write(pb.WatchRequest(create_request=create))
            async for answer in stream.call:
                if answer.compact_revision:
                    raise HistoryCompacted(f"etcd has compacted up to {answer.compact_revision}")
                if answer.canceled:
                    raise StoreUnavailable(f"etcd ended the watch: {answer.cancel_reason}")
                yield answer
        except grpc.aio.AioRpcError as error:
            raise stream.broken(error) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not stream.given_up or (task is not None and task.cancelling()):
                raise
            raise StoreUnavailable("etcd says nothing") from None
        finally:
            self._watch = None
            stream.call.cancel()

    def leave_watch(self) -> None:
        """End the watch, which does not follow; the next one is another member's."""
        if self._watch is not None:
            self._watch.give_up()

    async def _compare(self, key: bytes, expected: int, then: pb.RequestOp) -> tuple[Any, bool]:
        compare = pb.Compare(target=pb.Compare.MOD, key=key, mod_revision=expected)
        return await self._call("KV/Txn", pb.TxnRequest(compare=[compare], success=[then]), pb.TxnResponse)

    async def _call(self, method: str, request: Any, response: Any) -> tuple[Any, bool]:
        return await self._channels.call(f"/etcdserverpb.{method}", request, response)


def after_prefix(prefix: bytes) -> bytes:
    """The end of the range of all keys that begin with `prefix`."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
