"""The API objects that pods on this node are made of: ConfigMaps, Secrets, tokens, bound claims.

Each object is read once for all pods of the node that name it, and watched by itself as long as one of them is
there: a node may see no others. `changed` hears whose pods have to be brought up to date, also when an object
appears that was missing. Tokens are renewed before they expire.

Source: the kubelet's secret and configmap managers, `token/token_manager.go` (80 % of the lifetime, or a day).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from navarch.api.views.base import decode
from navarch.api.views.core import ConfigMap, Secret
from navarch.api.views.pod import Pod
from navarch.base import times
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.node.environment import named_objects
from navarch.node.labels import all_containers
from navarch.node.volumes.payload import Contents, MountError, TokenRef, needs
from navarch.node.volumes.setup import Claimed
from navarch.seams.contract import Seams

CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap", True)
SECRETS: Final = Resource("", "v1", "secrets", "Secret", True)
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True)
VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", False)

RENEW_SHARE: Final = 0.8
RENEW_LATEST_S: Final = 24 * 3600.0

V = TypeVar("V", ConfigMap, Secret)
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
#: Called with the uids of pods.
Changed = Callable[[set[str]], None]
#: (resource plural, namespace, name)
Name = tuple[str, str, str]


@dataclass(slots=True)
class _Held:
    """`view` is None where there is no such object."""

    view: ConfigMap | Secret | None
    users: set[str]
    watch: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: float


class Objects:
    """Reads for one kubelet. `request_tokens` off: tokens are empty, for simulations."""

    def __init__(
        self, client: Client, seams: Seams, spawn: Spawn, changed: Changed, *, request_tokens: bool = True
    ) -> None:
        self._client = client
        self._seams = seams
        self._clock = seams.clock
        self._spawn = spawn
        self._changed = changed
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

    def due_tokens(self) -> set[str]:
        """The uids of pods whose tokens have to be renewed."""
        now = self._clock.now()
        return {uid for (uid, _), token in self._tokens.items() if token.renew_at <= now}

    def forget(self, uid: str) -> None:
        """The pod is gone: drop what only it used."""
        for name, held in list(self._held.items()):
            held.users.discard(uid)
            if not held.users:
                if held.watch is not None:
                    held.watch.cancel()
                del self._held[name]
                self._reading.pop(name, None)
        for key in [k for k in self._tokens if k[0] == uid]:
            del self._tokens[key]

    async def _get(self, resource: Resource, view: type[V], pod: Pod, name: str) -> V | None:
        key = (resource.plural, pod.metadata.namespace, name)
        async with self._reading.setdefault(key, asyncio.Lock()):
            held = self._held.get(key)
            if held is None or held.view is None:
                found = await self._read(resource, view, pod.metadata.namespace, name)
                held = self._held.setdefault(key, _Held(None, set()))
                held.view = found
                if held.watch is None and not getattr(found, "immutable", None):
                    held.watch = self._follow(resource, view, pod.metadata.namespace, name, held)
        held.users.add(pod.metadata.uid)
        assert held.view is None or isinstance(held.view, view)
        return held.view

    async def _read(self, resource: Resource, view: type[V], namespace: str, name: str) -> V | None:
        try:
            return decode(view, await self._client.get(resource, name, namespace))
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None

    def _follow(self, resource: Resource, view: type[V], namespace: str, name: str, held: _Held) -> asyncio.Task[None]:
        informer = Informer(
            self._client,
            resource,
            view,
            namespace=namespace,
            field_selector=f"metadata.name={name}",
            rng=self._seams.rng,
        )

        def seen(_key: ObjectKey, _old: V | None, new: V | None) -> None:
            if new != held.view:
                held.view = new
                self._changed(set(held.users))

        informer.on_change(seen)
        return self._spawn(informer.run())

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
