"""History is kept for some minutes, then forgotten.

Every five minutes the store forgets what was already past five minutes before: watches and pages of a
list have at least that long to go on. Whoever comes later lists again.

Source: apiserver `--etcd-compaction-interval`; conformance waits twice that long for a token to expire.
"""

from __future__ import annotations

import asyncio
import logging

from navarch.seams.contract import routine
from navarch.store.contract import Compacted, Store, StoreUnavailable

log = logging.getLogger(__name__)

INTERVAL_S = 300.0


async def compact_regularly(store: Store, interval_s: float = INTERVAL_S) -> None:
    """Run until cancelled."""
    past = store.index.revision
    while True:
        with routine():
            await asyncio.sleep(interval_s)
        try:
            await store.compact(past)
        except Compacted:
            pass  # another server of the same store was first
        except StoreUnavailable as error:
            log.warning("revision=%d: not compacted: %s", past, error)
        past = store.index.revision
