"""Static pods: manifests on the node itself, run without the API server and mirrored into it.

A mirror pod is how the API shows a static pod. It has the same name, and its annotation holds the hash of the
manifest: when that changes the mirror is made anew, and deleting it only makes it come back.

Source: the kubelet's `config/file.go`, `config/common.go` (names, uids), `pod/mirror_client.go`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable

import msgspec

from navarch.api.views.base import decode
from navarch.api.views.pod import Pod
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey
from navarch.client.contract import Client, Preconditions, Unreachable
from navarch.node.config import NodeConfig
from navarch.node.host.contract import Host
from navarch.node.labels import CONFIG_HASH, CONFIG_MIRROR, CONFIG_SOURCE
from navarch.node.statuses import PODS
from navarch.schema.types import Tree
from navarch.seams.contract import Seams, routine

log = logging.getLogger(__name__)


class StaticPods:
    """`mirrors` are the mirror pods that the API shows for this node, `node_uid` the uid of its Node, which
    owns them: empty until the node is registered."""

    def __init__(self, client: Client, seams: Seams, config: NodeConfig, host: Host) -> None:
        self.mirrors: dict[ObjectKey, Pod] = {}
        self.node_uid = ""
        self._client = client
        self._seams = seams
        self._config = config
        self._host = host
        self._trees: dict[ObjectKey, Tree] = {}

    def read(self) -> list[Pod]:
        """The static pods as the manifests have them now. One that cannot be read is skipped."""
        trees = [static_pod(tree, self._config.name) for tree in self._config.static_pods]
        directory = self._config.static_pod_dir
        for name in self._host.list_dir(directory) if directory else ():
            if name.startswith(".") or not name.endswith((".yaml", ".yml", ".json")):
                continue
            import yaml  # only where there are manifests

            try:
                tree = yaml.safe_load(self._host.read_file(f"{directory}/{name}"))
                trees.append(static_pod(tree, self._config.name))
            except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
                log.warning("static pod not read file=%s/%s error=%s", directory, name, error)
        self._trees = {ObjectKey(t["metadata"]["namespace"], t["metadata"]["name"]): t for t in trees}
        return [decode(Pod, msgspec.json.encode(tree)) for tree in trees]

    async def run(
        self, changed: Callable[[Iterable[Pod]], None], mirror: Callable[[ObjectKey, Pod | None], None]
    ) -> None:
        """Keep mirrors right, and tell of changed manifests, until cancelled."""
        if not self._config.static_pods and not self._config.static_pod_dir:
            return
        while True:
            changed(self.read())
            for key, tree in self._trees.items():
                try:
                    await self._keep_mirror(key, tree)
                except (StatusError, Unreachable) as error:
                    log.info("mirror pod not made pod=%s error=%s", key, error)
                mirror(key, self.mirrors.get(key))
            for key in [k for k in self.mirrors if k not in self._trees]:
                await self._remove_mirror(key)
            with routine():
                await asyncio.sleep(self._config.static_interval_s)

    async def _keep_mirror(self, key: ObjectKey, tree: Tree) -> None:
        wanted = tree["metadata"]["annotations"][CONFIG_HASH]
        have = self.mirrors.get(key)
        if have is not None:
            if have.metadata.annotations.get(CONFIG_MIRROR) == wanted and have.metadata.deletionTimestamp is None:
                return
            await self._remove_mirror(key)
        metadata = {k: v for k, v in tree["metadata"].items() if k != "uid"}
        metadata["annotations"] = {**metadata["annotations"], CONFIG_MIRROR: wanted}
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._config.name, "uid": self.node_uid}
        metadata["ownerReferences"] = [{**owner, "controller": True}]
        raw = await self._client.create(PODS, {**tree, "metadata": metadata}, key.namespace)
        self.mirrors[key] = decode(Pod, raw)

    async def _remove_mirror(self, key: ObjectKey) -> None:
        mirror = self.mirrors.pop(key)
        try:
            await self._client.delete(
                PODS,
                key.name,
                key.namespace,
                preconditions=Preconditions(uid=mirror.metadata.uid),
                grace_period_s=0,
            )
        except (StatusError, Unreachable) as error:
            log.info("mirror pod not removed pod=%s error=%s", key, error)


def static_pod(tree: Tree, node: str) -> Tree:
    """A manifest as a pod of this node: name, namespace, uid and annotations filled in."""
    digest = hashlib.md5(msgspec.json.encode(tree, order="sorted"), usedforsecurity=False).hexdigest()
    metadata = dict(tree.get("metadata", {}))
    annotations = {**metadata.get("annotations", {}), CONFIG_HASH: digest, CONFIG_SOURCE: "file"}
    name = metadata["name"]
    metadata |= {
        "name": name if name.endswith(f"-{node}") else f"{name}-{node}",
        "namespace": metadata.get("namespace", "default"),
        "uid": digest,
        "annotations": annotations,
    }
    spec = {"restartPolicy": "Always", **tree["spec"], "nodeName": node}
    spec["tolerations"] = [*spec.get("tolerations", ()), {"operator": "Exists", "effect": "NoExecute"}]
    return {**tree, "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
