"""The API objects that pods on this node are made of: ConfigMaps, Secrets, tokens, bound claims.

Each object is read once for all pods of the node that name it and looked at again from time to time by
`refresh`, which tells whose pods have to be brought up to date. Tokens are renewed before they expire.

Source: the kubelet's secret and configmap managers, `token/token_manager.go` (80 % of the lifetime, or a day).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from navarch.api.views.base import View, decode
from navarch.api.views.core import ConfigMap, Secret
from navarch.api.views.pod import Pod
from navarch.base import times
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client, revision_of
from navarch.node.environment import named_objects
from navarch.node.labels import all_containers
from navarch.node.volumes.payload import Contents, MountError, TokenRef, needs
from navarch.node.volumes.setup import Claimed
from navarch.seams.contract import Clock

CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap", True)
SECRETS: Final = Resource("", "v1", "secrets", "Secret", True)
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True)
VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", False)

RENEW_SHARE: Final = 0.8
RENEW_LATEST_S: Final = 24 * 3600.0

V = TypeVar("V", bound=View)
#: (resource plural, namespace, name)
Name = tuple[str, str, str]


@dataclass(slots=True)
class _Held:
    view: View | None
    revision: int
    immutable: bool
    users: set[str]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: float


class Objects:
    """Reads for one kubelet. `request_tokens` off: tokens are empty, for simulations."""

    def __init__(self, client: Client, clock: Clock, *, request_tokens: bool = True) -> None:
        self._client = client
        self._clock = clock
        self._request_tokens = request_tokens
        self._held: dict[Name, _Held] = {}
        self._reading: dict[Name, asyncio.Lock] = {}
        self._tokens: dict[tuple[str, TokenRef], _Token] = {}

    async def contents(self, pod: Pod) -> Contents:
        """Everything that the pod's volumes and environments name. Raises: StatusError, Unreachable."""
        config_maps, secrets, tokens = needs(pod)
        for container in all_containers(pod):
            more_maps, more_secrets = named_objects(container)
            config_maps |= more_maps
            secrets |= more_secrets
        found_maps = {name: await self._get(CONFIG_MAPS, ConfigMap, pod, name) for name in sorted(config_maps)}
        found_secrets = {name: await self._get(SECRETS, Secret, pod, name) for name in sorted(secrets)}
        ordered = sorted(tokens, key=lambda t: (t.audience, t.expiration_s))
        return Contents(
            {name: view for name, view in found_maps.items() if view is not None},
            {name: view for name, view in found_secrets.items() if view is not None},
            {ref: await self._token(pod, ref) for ref in ordered},
        )

    async def pull_secrets(self, pod: Pod) -> list[Secret]:
        """The pod's imagePullSecrets that exist."""
        found = [await self._get(SECRETS, Secret, pod, ref.name) for ref in pod.spec.imagePullSecrets if ref.name]
        return [secret for secret in found if secret is not None]

    async def claims(self, pod: Pod) -> dict[str, Claimed]:
        """Where the pod's claims lead. Raises: MountError if one is not bound to anything mountable."""
        out = {}
        for volume in pod.spec.volumes:
            if volume.persistentVolumeClaim is not None:
                name = volume.persistentVolumeClaim.claimName
                out[name] = await self._claim(pod, name)
        return out

    async def refresh(self) -> set[str]:
        """Look at every object in use again. The uids of pods whose objects changed or tokens are due."""
        changed: set[str] = set()
        for (plural, namespace, name), held in list(self._held.items()):
            if held.immutable:
                continue
            resource, view = (CONFIG_MAPS, ConfigMap) if plural == "configmaps" else (SECRETS, Secret)
            fresh = await self._read(resource, view, namespace, name)
            if fresh[1] != held.revision:
                held.view, held.revision, held.immutable = fresh
                changed |= held.users
        now = self._clock.now()
        changed |= {uid for (uid, _), token in self._tokens.items() if token.renew_at <= now}
        return changed

    def forget(self, uid: str) -> None:
        """The pod is gone: drop what only it used."""
        for name, held in list(self._held.items()):
            held.users.discard(uid)
            if not held.users:
                del self._held[name]
                self._reading.pop(name, None)
        for key in [k for k in self._tokens if k[0] == uid]:
            del self._tokens[key]

    async def _get(self, resource: Resource, view: type[V], pod: Pod, name: str) -> V | None:
        key = (resource.plural, pod.metadata.namespace, name)
        held = self._held.get(key)
        if held is None or held.view is None:
            async with self._reading.setdefault(key, asyncio.Lock()):
                held = self._held.get(key)
                if held is None or held.view is None:
                    fresh = await self._read(resource, view, pod.metadata.namespace, name)
                    held = self._held[key] = _Held(*fresh, held.users if held else set())
        held.users.add(pod.metadata.uid)
        assert held.view is None or isinstance(held.view, view)
        return held.view

    async def _read(self, resource: Resource, view: type[V], namespace: str, name: str) -> tuple[V | None, int, bool]:
        """(view, revision, immutable); (None, 0, False) if there is none."""
        try:
            raw = await self._client.get(resource, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None, 0, False
        decoded = decode(view, raw)
        return decoded, revision_of(raw), bool(getattr(decoded, "immutable", None))

    async def _token(self, pod: Pod, ref: TokenRef) -> str:
        if not self._request_tokens:
            return ""
        key = (pod.metadata.uid, ref)
        held = self._tokens.get(key)
        now = self._clock.now()
        if held is not None and now < held.renew_at:
            return held.text
        meta = pod.metadata
        spec: dict[str, Any] = {
            "expirationSeconds": ref.expiration_s,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta.name, "uid": meta.uid},
        }
        if ref.audience:
            spec["audiences"] = [ref.audience]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = pod.spec.serviceAccountName or "default"
        raw = await self._client.create(SERVICE_ACCOUNTS, request, meta.namespace, name=account, subresource="token")
        status = msgspec.json.decode(raw)["status"]
        lifetime = times.parse(status["expirationTimestamp"]) - now
        fresh = _Token(status["token"], now + min(lifetime * RENEW_SHARE, RENEW_LATEST_S))
        self._tokens[key] = fresh
        return fresh.text

    async def _claim(self, pod: Pod, name: str) -> Claimed:
        claim = msgspec.json.decode(await self._client.get(CLAIMS, name, pod.metadata.namespace))
        volume_name = claim["spec"].get("volumeName", "")
        if not volume_name or claim.get("status", {}).get("phase") != "Bound":
            raise MountError(f'PersistentVolumeClaim is not bound: "{name}"')
        volume = msgspec.json.decode(await self._client.get(VOLUMES, volume_name))
        spec = volume["spec"]
        if "hostPath" in spec:
            kind = spec["hostPath"].get("type", "")
            return Claimed(spec["hostPath"]["path"], create=kind in ("", "DirectoryOrCreate"))
        if "local" in spec:
            return Claimed(spec["local"]["path"])
        raise MountError(f'no volume plugin matched for PersistentVolume "{volume_name}"')
