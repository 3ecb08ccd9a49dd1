"""Which objects a node needs, because a pod that runs on it refers to them.

Fed with pods, PersistentVolumes, VolumeAttachments and ResourceClaims as they are written. Only the
node authorizer reads it.

Source: KEP-279 (node authorizer); the references that a kubelet follows for a pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Any

from navarch.schema.types import Tree

#: (plural, namespace, name) of what a node may need.
Ref = tuple[str, str, str]

#: Volume types with credentials: where the secret's name is, relative to the volume source.
_VOLUME_SECRETS = (
    ("azureFile", "secretName"),
    ("cephfs", "secretRef"),
    ("cinder", "secretRef"),
    ("csi", "nodePublishSecretRef"),
    ("flexVolume", "secretRef"),
    ("iscsi", "secretRef"),
    ("rbd", "secretRef"),
    ("scaleIO", "secretRef"),
    ("secret", "secretName"),
    ("storageos", "secretRef"),
)

_PV_CSI_SECRETS = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")

#: Sets of references that later pods may share; those in use stay with the pods that use them.
_KEEP_SHARED = 10_000

MIRROR = "kubernetes.io/config.mirror"


class NodeGraph:
    """Answers `reaches`: does the node have a pod that refers to the object?"""

    def __init__(self) -> None:
        #: `namespace/name` of a pod -> its node, and what it refers to. As texts, and in tuples that pods
        #: share, because a cluster has many pods: none takes an object that the garbage collector sees.
        self._nodes: dict[str, str] = {}
        self._refs: dict[str, tuple[str, ...]] = {}
        self._shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        #: Node -> object -> number of pods there that refer to it.
        self._uses: dict[str, dict[str, int]] = {}
        #: PersistentVolume -> its claim and its secrets; and secrets -> volumes.
        self._volumes: dict[str, tuple[Ref | None, frozenset[Ref]]] = {}
        self._secret_volumes: dict[Ref, set[str]] = {}
        self._attachments: dict[str, str] = {}

    def put_pod(self, pod: Tree) -> None:
        namespace, name = _key(pod)
        self.remove_pod(namespace, name)
        node = pod.get("spec", {}).get("nodeName", "")
        if node:
            refs = self._share(tuple({intern(_text(ref)): None for ref in _pod_refs(pod)}))
            key = f"{namespace}/{name}"
            self._nodes[key], self._refs[key] = intern(node), refs
            uses = self._uses.setdefault(node, {})
            for ref in refs:
                uses[ref] = uses.get(ref, 0) + 1

    def remove_pod(self, namespace: str, name: str) -> None:
        key = f"{namespace}/{name}"
        node = self._nodes.pop(key, "")
        for ref in self._refs.pop(key, ()):
            uses = self._uses[node]
            uses[ref] -= 1
            if not uses[ref]:
                del uses[ref]
                if not uses:
                    del self._uses[node]

    def put_volume(self, volume: Tree) -> None:
        name = volume["metadata"]["name"]
        self.remove_volume(name)
        spec = volume.get("spec", {})
        claim = spec.get("claimRef")
        claim_ref = ("persistentvolumeclaims", claim.get("namespace", ""), claim.get("name", "")) if claim else None
        secrets = frozenset(_volume_secrets(spec, claim.get("namespace", "") if claim else ""))
        self._volumes[name] = claim_ref, secrets
        for ref in secrets:
            self._secret_volumes.setdefault(ref, set()).add(name)

    def remove_volume(self, name: str) -> None:
        _, secrets = self._volumes.pop(name, (None, frozenset()))
        for ref in secrets:
            self._secret_volumes[ref].discard(name)

    def put_attachment(self, attachment: Tree) -> None:
        self._attachments[attachment["metadata"]["name"]] = attachment.get("spec", {}).get("nodeName", "")

    def remove_attachment(self, name: str) -> None:
        self._attachments.pop(name, None)

    def reaches(self, node: str, plural: str, namespace: str, name: str) -> bool:
        ref = (plural, namespace, name)
        if plural == "volumeattachments":
            return self._attachments.get(name) == node
        if plural == "persistentvolumes":
            return self._reaches_volume(node, name)
        if plural == "pods":
            return self._nodes.get(f"{namespace}/{name}") == node
        if self._refers(node, ref):
            return True
        return any(self._reaches_volume(node, volume) for volume in self._secret_volumes.get(ref, ()))

    def _reaches_volume(self, node: str, name: str) -> bool:
        claim, _ = self._volumes.get(name, (None, frozenset()))
        return claim is not None and self._refers(node, claim)

    def _share(self, refs: tuple[str, ...]) -> tuple[str, ...]:
        """The one tuple of these texts that all pods with them have."""
        if len(self._shared) >= _KEEP_SHARED:
            self._shared.clear()
        return self._shared.setdefault(refs, refs)

    def _refers(self, node: str, ref: Ref) -> bool:
        return _text(ref) in self._uses.get(node, ())


def _text(ref: Ref) -> str:
    return "/".join(ref)


def _key(tree: Tree) -> tuple[str, str]:
    return tree["metadata"].get("namespace", ""), tree["metadata"]["name"]


def _pod_refs(pod: Tree) -> Iterator[Ref]:
    """What a pod gives its node to read. A mirror pod gives nothing: the node itself made it."""
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        yield from pod_references(pod)


def pod_references(pod: Tree) -> Iterator[Ref]:
    """Everything that a pod refers to by name."""
    namespace, name = _key(pod)
    spec = pod["spec"]
    if account := spec.get("serviceAccountName"):
        yield "serviceaccounts", namespace, account
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name", "")
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield from _container_refs(container, namespace)
    for volume in spec.get("volumes") or ():
        yield from _pod_volume_refs(volume, namespace, name)
    yield from _claim_refs(pod, namespace)


def _container_refs(container: Tree, namespace: str) -> Iterator[Ref]:
    for source in container.get("envFrom") or ():
        yield from _config_refs(source.get("secretRef"), source.get("configMapRef"), namespace)
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield from _config_refs(source.get("secretKeyRef"), source.get("configMapKeyRef"), namespace)


def _config_refs(secret: Tree | None, config_map: Tree | None, namespace: str) -> Iterator[Ref]:
    if secret:
        yield "secrets", namespace, secret.get("name", "")
    if config_map:
        yield "configmaps", namespace, config_map.get("name", "")


def _pod_volume_refs(volume: Tree, namespace: str, pod_name: str) -> Iterator[Ref]:
    yield from _volume_secrets(volume, namespace)
    yield from _config_refs(None, volume.get("configMap"), namespace)
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _config_refs(source.get("secret"), source.get("configMap"), namespace)
    if claim := volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaims", namespace, claim.get("claimName", "")
    if volume.get("ephemeral"):
        yield "persistentvolumeclaims", namespace, f"{pod_name}-{volume.get('name', '')}"


def _claim_refs(pod: Tree, namespace: str) -> Iterator[Ref]:
    for claim in pod["spec"].get("resourceClaims") or ():
        if name := claim.get("resourceClaimName"):
            yield "resourceclaims", namespace, name
    for status in pod.get("status", {}).get("resourceClaimStatuses") or ():
        if name := status.get("resourceClaimName"):
            yield "resourceclaims", namespace, name


def _volume_secrets(source: Tree, namespace: str) -> Iterator[Ref]:
    """Secrets of a volume in a pod or of a PersistentVolume's spec."""
    for kind, field in _VOLUME_SECRETS:
        value: Any = (source.get(kind) or {}).get(field)
        if isinstance(value, str):
            yield "secrets", source[kind].get("secretNamespace") or namespace, value
        elif value:
            yield "secrets", value.get("namespace") or namespace, value.get("name", "")
    for field in _PV_CSI_SECRETS:
        if value := (source.get("csi") or {}).get(field):
            yield "secrets", value.get("namespace") or namespace, value.get("name", "")
