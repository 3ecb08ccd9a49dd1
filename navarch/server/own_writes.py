"""Writes that the API server makes on its own account: status of definitions, use of quotas.

They go through the pipeline like any other, as user system:apiserver and field manager kube-apiserver.
"""

from __future__ import annotations

from navarch.server.options import WriteOptions
from navarch.server.pipeline import PATCH_TRIES, Change, Pipeline, Write
from navarch.server.served import Resources
from navarch.wire.messages import User

API_SERVER = User("system:apiserver", groups=("system:masters", "system:authenticated"))
MANAGER = "kube-apiserver"


class OwnWrites:
    """Changes to objects that exist."""

    def __init__(self, resources: Resources, pipeline: Pipeline) -> None:
        self._resources = resources
        self._pipeline = pipeline

    async def change(self, bucket: str, namespace: str, name: str, subresource: str, change: Change) -> None:
        """Raises: StatusError 404, 409 after several lost races, and whatever `change` raises."""
        served = self._resources.by_bucket(bucket)
        assert served is not None, bucket
        write = Write(served, namespace, name, subresource, API_SERVER, WriteOptions(), MANAGER, [])
        await self._pipeline.change(write, change, tries=PATCH_TRIES)
