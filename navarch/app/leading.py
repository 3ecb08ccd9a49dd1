"""Components of which only one works, however many control planes there are: each behind a Lease in kube-system."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine

from navarch.base.resource import ObjectKey
from navarch.client.contract import Client
from navarch.client.election import Election, LeadershipLost, Timing
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

NAMESPACE = "kube-system"


async def lead_for_ever(
    name: str,
    client: Client,
    seams: Seams,
    hostname: str,
    timing: Timing,
    work: Callable[[], Coroutine[None, None, None]],
) -> None:
    """Run `work` whenever this process holds the lease `name`, until cancelled."""
    identity = f"{hostname}_{seams.rng.uuid()}"
    while True:
        try:
            await Election(client, seams, ObjectKey(NAMESPACE, name), identity, timing).lead(work)
        except LeadershipLost as error:
            log.warning("component stands for election again name=%s error=%s", name, error)
