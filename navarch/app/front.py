"""The process before the control planes of a profile: everybody's way in, whichever of them run.

    python -m navarch.app.front PROFILE_DIRECTORY

It asks every control plane for /readyz in short intervals and passes connections on to those that are ready.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import uvloop

from navarch.app.config import Place
from navarch.app.control_plane import until_signalled
from navarch.app.logfiles import open_logs
from navarch.base.errors import StatusError
from navarch.client.contract import Client, Unreachable
from navarch.client.http import http_client
from navarch.launch.profile import load
from navarch.wire.front import Front, Health

log = logging.getLogger("navarch.app.front")

LOOK_S = 1.0
ANSWER_TIMEOUT_S = 2.0
LOGS = {"front": ("navarch.app",)}


async def serve_front(place: Place) -> None:
    """Until cancelled. Raises: OSError when the address is taken."""
    profile = place.profile
    front = Front([(host, profile.port) for host in profile.plane_hosts])
    await front.listen(profile.host, profile.port)
    log.info("passing on address=%s:%d to=%s", profile.host, profile.port, ",".join(profile.plane_hosts))
    context = place.client_context("proxy")  # anybody may ask; nobody without a name where that is forbidden
    try:
        async with asyncio.TaskGroup() as group:
            for number, host in enumerate(profile.plane_hosts):
                client = http_client(f"https://{host}:{profile.port}", context, user_agent="navarch-front")
                group.create_task(_watch(front, number, client))
    finally:
        front.close()


async def _watch(front: Front, number: int, client: Client) -> None:
    before = Health.READY
    while True:
        health = await _health(client)
        if health is not before:
            log.info("control plane number=%d health=%s", number, health.name)
        before = health
        front.mark(number, health)
        await asyncio.sleep(LOOK_S)


async def _health(client: Client) -> Health:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await client.request("GET", "/readyz")
    except StatusError:
        return Health.UNREADY
    except (Unreachable, TimeoutError):
        return Health.GONE
    return Health.READY


def main() -> int:
    directory = Path(sys.argv[1])
    profile = load(directory)
    if profile is None:
        print(f"{directory} holds no profile", file=sys.stderr)
        return 2
    place = Place(directory, profile)
    open_logs(place.logs, LOGS)
    try:
        uvloop.run(until_signalled(lambda: serve_front(place)))
    except OSError as error:
        print(f"front: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
