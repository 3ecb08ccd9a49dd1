"""Writes that the API server makes on its own account: status of definitions, use of quotas, addresses.

They go through the pipeline like any other, as user system:apiserver and field manager kube-apiserver.
"""

from __future__ import annotations

from navarch.schema.types import Tree
from navarch.server.delete import Deleter, Deletion
from navarch.server.options import DeleteOptions, WriteOptions
from navarch.server.pipeline import PATCH_TRIES, Change, Pipeline, Write
from navarch.server.served import Resources
from navarch.wire.messages import User

API_SERVER = User("system:apiserver", groups=("system:masters", "system:authenticated"))
MANAGER = "kube-apiserver"


class OwnWrites:
    """Each call names a resource by its bucket."""

    def __init__(self, resources: Resources, pipeline: Pipeline, deleter: Deleter) -> None:
        self._resources = resources
        self._pipeline = pipeline
        self._deleter = deleter

    async def create(self, bucket: str, namespace: str, tree: Tree) -> None:
        """Store a new object, given whole: pruned and defaulted. Raises: StatusError 409 if it exists."""
        await self._pipeline.create(self._write(bucket, namespace, tree["metadata"]["name"]), tree)

    async def delete(self, bucket: str, namespace: str, name: str) -> None:
        """Raises: StatusError 404."""
        write = self._write(bucket, namespace, name)
        await self._deleter.delete(Deletion(write.served, namespace, name, API_SERVER, DeleteOptions(), []))

    async def change(self, bucket: str, namespace: str, name: str, subresource: str, change: Change) -> None:
        """Raises: StatusError 404, 409 after several lost races, and whatever `change` raises."""
        await self._pipeline.change(self._write(bucket, namespace, name, subresource), change, tries=PATCH_TRIES)

    def _write(self, bucket: str, namespace: str, name: str, subresource: str = "") -> Write:
        served = self._resources.by_bucket(bucket)
        assert served is not None, bucket
        return Write(served, namespace, name, subresource, API_SERVER, WriteOptions(), MANAGER, [])
