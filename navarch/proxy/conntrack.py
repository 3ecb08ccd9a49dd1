"""Forgets the UDP flows that a transaction has made wrong.

A connection's first packet chooses its backend. UDP knows no end: a client that keeps its port would be sent
to a backend that is gone for as long as it keeps talking, or past a service that had no backends when it began.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator

from navarch.proxy.nft import Transaction

log = logging.getLogger(__name__)

#: Beyond so many calls, one call that forgets every UDP flow through a service is cheaper.
CALLS_MAX = 50


async def forget_stale(transaction: Transaction) -> None:
    """Calls conntrack(8) if there is anything to forget and the tool is installed."""
    calls = list(dict.fromkeys(stale(transaction)))
    command = shutil.which("conntrack") if calls else None
    if command is None:
        return
    if len(calls) > CALLS_MAX:
        calls = [("-D", "-p", "udp", "--dst-nat")]
    for arguments in calls:
        process = await asyncio.create_subprocess_exec(
            command, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        await process.wait()


def stale(transaction: Transaction) -> Iterator[tuple[str, ...]]:
    """Arguments for conntrack(8), one call each."""
    if transaction.full:
        return
    kept = {(slot.family, slot.set, slot.key.rpartition(" . ")[0], value) for slot, value in transaction.added}
    for slot, old in transaction.removed:
        if not slot.set.endswith("-backends"):
            continue
        frontend = slot.key.rpartition(" . ")[0]
        if (slot.family, slot.set, frontend, old) in kept or not _is_udp(frontend):
            continue
        yield ("-D", "-p", "udp", *_original(frontend), "--reply-src", old.split(" . ")[0])
    served = {slot for slot, _ in transaction.removed}
    for slot, _ in transaction.added:
        if slot.set in ("vip-frontends", "port-frontends") and slot not in served and _is_udp(slot.key):
            yield ("-D", "-p", "udp", *_original(slot.key))


def _is_udp(frontend: str) -> bool:
    return "udp" in frontend.split(" . ")


def _original(frontend: str) -> tuple[str, ...]:
    parts = frontend.split(" . ")
    address = ("--orig-dst", parts[0]) if len(parts) == 3 else ()
    return (*address, "--orig-port-dst", parts[-1])
