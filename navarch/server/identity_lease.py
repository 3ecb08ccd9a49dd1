"""Each API server holds a lease in kube-system that tells that it lives, and by which address others reach it.

It is renewed while the server runs. Leases of servers that are gone are removed by those that live.

Called by `bootstrap.py` for the first time, then kept by whoever runs the server. Never read by the server itself.

Source: KEP-1965 (name, labels, times).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from typing import Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.times import format_micro, parse
from navarch.schema.types import Tree
from navarch.seams.contract import routine
from navarch.server.app import ApiServer
from navarch.server.own_calls import call, check
from navarch.store.contract import StoreError

log = logging.getLogger(__name__)

_PATH: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
_LABEL: Final = "apiserver.kubernetes.io/identity"
_COMPONENT: Final = "kube-apiserver"
RENEW_S: Final = 10.0
DURATION_S: Final = 3600


def lease_name(hostname: str) -> str:
    """One name per machine: the server that comes after a crash takes up its predecessor's lease."""
    digest = hashlib.sha256(hostname.encode()).digest()[:16]
    return "apiserver-" + base64.b32encode(digest).decode().rstrip("=").lower()


class IdentityLease:
    """The lease of one server; `address` is `host:port` as its peers reach it."""

    def __init__(self, server: ApiServer, hostname: str, address: str) -> None:
        self._server = server
        self._hostname = hostname
        self._address = address
        self._name = lease_name(hostname)
        self._holder = f"{self._name}_{server.seams.rng.uuid()}"

    async def keep(self) -> None:
        """Renew until cancelled; once in the time that a lease lasts, look for those that nobody renews."""
        rounds = 0
        while True:
            with routine():
                await asyncio.sleep(RENEW_S)
            rounds += 1
            try:
                await self.renew()
                if rounds * RENEW_S >= DURATION_S:
                    rounds = 0
                    await self.collect()
            except (StatusError, StoreError) as error:
                log.warning("lease=%s not renewed: %s", self._name, error)

    async def renew(self) -> None:
        """Raises: StatusError."""
        found = await call(self._server, "GET", f"{_PATH}/{self._name}")
        if found.status == 404:
            check(await call(self._server, "POST", _PATH, self._renewed({"metadata": {"name": self._name}})))
            return
        check(found)
        check(await call(self._server, "PUT", f"{_PATH}/{self._name}", self._renewed(orjson.loads(found.body))))

    async def collect(self) -> None:
        """Delete the leases of servers that have not renewed them in time. Raises: StatusError."""
        found = await call(self._server, "GET", f"{_PATH}?labelSelector={_LABEL}%3D{_COMPONENT}")
        check(found)
        now = self._server.seams.clock.now()
        for lease in orjson.loads(found.body)["items"]:
            if is_expired(lease["spec"], now):
                await call(self._server, "DELETE", f"{_PATH}/{lease['metadata']['name']}")

    def _renewed(self, lease: Tree) -> Tree:
        metadata = lease["metadata"]
        labels = {_LABEL: _COMPONENT, "kubernetes.io/hostname": self._hostname}
        annotations = {"kubernetes.io/peer-advertise-address": self._address}
        now = format_micro(self._server.seams.clock.now())
        return {
            **lease,
            "metadata": {
                **metadata,
                "labels": {**(metadata.get("labels") or {}), **labels},
                "annotations": {**(metadata.get("annotations") or {}), **annotations},
            },
            "spec": {"holderIdentity": self._holder, "leaseDurationSeconds": DURATION_S, "renewTime": now},
        }


def is_expired(spec: Tree, now: float) -> bool:
    """A lease that never was renewed is nobody's, too."""
    if not spec.get("renewTime"):
        return True
    return bool(parse(spec["renewTime"]) + spec.get("leaseDurationSeconds", 0) < now)
