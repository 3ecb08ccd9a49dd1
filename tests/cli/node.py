"""A server in a thread, for what the command line does over upgraded connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from navarch.cli.rest import Client, Endpoint
from navarch.wire.http import Handle, serve


@contextmanager
def serving(handle: Handle) -> Iterator[Client]:
    """A client of a server whose requests all go to the handler."""
    ready: list[int] = []
    up = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        server = await serve(handle, None, "127.0.0.1", 0)
        ready.append(server.port)
        up.set()
        await over.wait()
        await server.close(0.1)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    up.wait(5)
    try:
        yield Client(Endpoint(f"http://127.0.0.1:{ready[0]}"))
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()
