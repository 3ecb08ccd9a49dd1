"""The files of configMap, secret, downwardAPI and projected volumes: pure, from spec and objects.

Worked example: a projected volume with a token and the root CA gives
    {"token": File(b"eyJ…", 0o644), "ca.crt": File(b"-----BEGIN…", 0o644)}

Source: the kubelet's volume plugins configmap, secret, downwardapi and projected (`MakePayload`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from navarch.api.views.core import ConfigMap, Secret
from navarch.api.views.pod import Pod
from navarch.api.views.volume import DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection
from navarch.node.downward import FieldError, Surroundings, field_value, resource_value
from navarch.node.host.contract import File

DEFAULT_MODE = 0o644
#: Without an own expiry. Source: the API's default of ServiceAccountTokenProjection.
TOKEN_EXPIRY_S = 3600


class MountError(Exception):
    """The volume cannot be set up; shown in a FailedMount event. Trying again may help."""


@dataclass(frozen=True, slots=True)
class TokenRef:
    """A service account token that a volume needs."""

    audience: str
    expiration_s: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read for a pod's volumes. Missing objects are absent."""

    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    tokens: Mapping[TokenRef, str] = field(default_factory=dict)


def payload(pod: Pod, volume: Volume, contents: Contents, around: Surroundings) -> dict[str, File] | None:
    """The volume's files by relative path; None if this kind of volume has none of its own.

    Raises: MountError.
    """
    if volume.configMap is not None:
        source = volume.configMap
        mode = _mode(source.defaultMode)
        return _config_map(source.name, source.items, mode, source.optional, contents)
    if volume.secret is not None:
        mode = _mode(volume.secret.defaultMode)
        return _secret(volume.secret.secretName, volume.secret.items, mode, volume.secret.optional, contents)
    if volume.downwardAPI is not None:
        return _downward(pod, volume.downwardAPI.items, _mode(volume.downwardAPI.defaultMode), around)
    if volume.projected is not None:
        files: dict[str, File] = {}
        for projection in volume.projected.sources:
            files |= _projection(pod, projection, _mode(volume.projected.defaultMode), contents, around)
        return files
    return None


def needs(pod: Pod) -> tuple[set[str], set[str], set[TokenRef]]:
    """The ConfigMaps, Secrets and tokens that a pod's volumes are made of."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    tokens: set[TokenRef] = set()
    for volume in pod.spec.volumes:
        if volume.configMap is not None:
            config_maps.add(volume.configMap.name)
        if volume.secret is not None:
            secrets.add(volume.secret.secretName)
        for projection in volume.projected.sources if volume.projected is not None else ():
            if projection.configMap is not None:
                config_maps.add(projection.configMap.name)
            if projection.secret is not None:
                secrets.add(projection.secret.name)
            if projection.serviceAccountToken is not None:
                tokens.add(token_ref(projection))
    return config_maps, secrets, tokens


def token_ref(projection: VolumeProjection) -> TokenRef:
    source = projection.serviceAccountToken
    assert source is not None
    return TokenRef(source.audience, source.expirationSeconds or TOKEN_EXPIRY_S)


def _projection(
    pod: Pod, projection: VolumeProjection, mode: int, contents: Contents, around: Surroundings
) -> dict[str, File]:
    if projection.configMap is not None:
        config_map = projection.configMap
        return _config_map(config_map.name, config_map.items, mode, config_map.optional, contents)
    if projection.secret is not None:
        secret = projection.secret
        return _secret(secret.name, secret.items, mode, secret.optional, contents)
    if projection.downwardAPI is not None:
        return _downward(pod, projection.downwardAPI.items, mode, around)
    if projection.serviceAccountToken is not None:
        token = contents.tokens.get(token_ref(projection), "")
        return {projection.serviceAccountToken.path: File(token.encode(), _token_mode(pod, mode))}
    return {}


def _token_mode(pod: Pod, mode: int) -> int:
    """With an fsGroup the token is for the group, else for its owner alone unless anyone may be anyone."""
    security = pod.spec.securityContext
    return 0o640 if security is not None and security.fsGroup is not None else mode


def _config_map(
    name: str, items: Sequence[KeyToPath], mode: int, optional: bool | None, contents: Contents
) -> dict[str, File]:
    found = contents.config_maps.get(name)
    if found is None:
        if optional:
            return {}
        raise MountError(f'configmap "{name}" not found')
    values = {key: text.encode() for key, text in found.data.items()}
    values |= {key: base64.b64decode(text) for key, text in found.binaryData.items()}
    return _select(values, items, mode, optional, "configmap references non-existent config key: ")


def _secret(
    name: str, items: Sequence[KeyToPath], mode: int, optional: bool | None, contents: Contents
) -> dict[str, File]:
    found = contents.secrets.get(name)
    if found is None:
        if optional:
            return {}
        raise MountError(f'secret "{name}" not found')
    values = {key: base64.b64decode(text) for key, text in found.data.items()}
    return _select(values, items, mode, optional, "references non-existent secret key: ")


def _select(
    values: Mapping[str, bytes], items: Sequence[KeyToPath], mode: int, optional: bool | None, missing: str
) -> dict[str, File]:
    """All keys, or the listed ones under their paths."""
    if not items:
        return {key: File(data, mode) for key, data in values.items()}
    files = {}
    for item in items:
        if item.key in values:
            files[item.path] = File(values[item.key], mode if item.mode is None else item.mode)
        elif not optional:
            raise MountError(missing + item.key)
    return files


def _downward(pod: Pod, items: Sequence[DownwardAPIVolumeFile], mode: int, around: Surroundings) -> dict[str, File]:
    files = {}
    for item in items:
        try:
            if item.fieldRef is not None:
                text = field_value(pod, item.fieldRef.fieldPath, around)
            elif item.resourceFieldRef is not None:
                text = resource_value(pod, pod.spec.containers[0], item.resourceFieldRef, around)
            else:
                continue
        except FieldError as error:
            raise MountError(str(error)) from error
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files


def _mode(mode: int | None) -> int:
    return DEFAULT_MODE if mode is None else mode
