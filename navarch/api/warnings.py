"""Warnings: what Kubernetes takes but advises against, as texts of Warning headers.

The kinds name these functions as their `warnings`; they are called with (new, old or None) after
validation and change nothing.

Source: kubernetes `pkg/api/pod/warnings.go` and its likes for other kinds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from navarch.api.flawless import Flawless, spec_text
from navarch.api.validation.definition_schema import unknown_formats
from navarch.api.validation.rules import indexed
from navarch.base import quantity
from navarch.schema.types import Tree

_BY_NODE_LABEL: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_BY_VOLUME: Final = {
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_VOLUME_NAMES: Final = {"storageos": "storageOS", "cephfs": "cephFS"}
#: Kinds of projected sources that Kubernetes looks at; any other counts as none.
_PROJECTED: Final = ("secret", "configMap", "downwardAPI", "serviceAccountToken")
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"

Warn = Callable[[Tree, Tree | None], Sequence[str]]


def pod_warnings(new: Tree, old: Tree | None) -> list[str]:
    """Only new pods are warned of: people rarely change pods."""
    return [] if old is not None else list(_pod(new, ""))


def of_template(*path: str) -> Warn:
    """Warnings of a kind that makes pods from the template at a path, when it is new or its spec changes."""

    def warn(new: Tree, old: Tree | None) -> list[str]:
        if old is not None and new.get("spec") == old.get("spec"):
            return []
        tree: Any = new
        for key in path:
            tree = tree.get(key) or {}
        return list(_pod(tree, ".".join(path) + "."))

    return warn


#: Specs of which there is nothing to say.
_FLAWLESS: Final = Flawless()


def _pod(tree: Tree, path: str) -> Iterator[str]:
    spec = tree.get("spec") or {}
    text = spec_text(spec)
    if text in _FLAWLESS:
        yield from _annotations(tree, path)
        return
    found = list(_spec(tree, spec, path))
    if not found:
        _FLAWLESS.add(text)
    yield from found


def _annotations(tree: Tree, path: str) -> Iterator[str]:
    for key in (tree.get("metadata") or {}).get("annotations") or {}:
        if key.startswith(_APPARMOR):
            text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            yield f"{path}metadata.annotations[{key}]: {text}"


def _spec(tree: Tree, spec: Tree, path: str) -> Iterator[str]:
    where = f"{path}spec"
    for key in spec.get("nodeSelector") or {}:
        if text := _BY_NODE_LABEL.get(key):
            yield f"{where}.nodeSelector[{key}]: {text}"
    for place, constraint in indexed(spec, "topologySpreadConstraints", where):
        if text := _BY_NODE_LABEL.get(constraint.get("topologyKey", "")):
            yield f"{place}.topologyKey: {constraint['topologyKey']} is {text}"
        if constraint.get("labelSelector") is None:
            yield f"{place}.labelSelector: a null labelSelector results in matching no pod"
    yield from _annotations(tree, path)
    for place, volume in indexed(spec, "volumes", where):
        yield from _volume(volume, place)
        yield from _projected(volume)
    yield from _pull_secrets(spec, where)
    for key in ("initContainers", "containers"):
        for place, container in indexed(spec, key, where):
            yield from _container(container, place)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{where}.terminationGracePeriodSeconds: {text}"


def _volume(source: Tree, path: str) -> Iterator[str]:
    for key, text in _BY_VOLUME.items():
        if source.get(key) is not None:
            yield f"{path}.{_VOLUME_NAMES.get(key, key)}: {text}"


def _projected(volume: Tree) -> Iterator[str]:
    projected = volume.get("projected")
    if projected is None:
        return
    name = f'volume "{volume.get("name", "")}" (Projected)'
    seen: list[tuple[str, str]] = []
    for part in projected.get("sources") or ():
        if not any((part or {}).get(key) is not None for key in _PROJECTED):
            yield f"{name} has no sources provided"
        for path, label in _projected_paths(part or {}):
            for other, other_label in seen:
                if path == other:
                    yield f'{name}: overlapping paths: "{path}" ({label}) with "{other}" ({other_label})'
            seen.append((path, label))


def _projected_paths(part: Tree) -> Iterator[tuple[str, str]]:
    for key, label in (("secret", "Secret"), ("configMap", "ConfigMap")):
        source = part.get(key) or {}
        for item in source.get("items") or ():
            yield item.get("path", ""), f'{label} "{source.get("name", "")}"'
    for item in (part.get("downwardAPI") or {}).get("items") or ():
        yield item.get("path", ""), "DownwardAPI"
    if token := part.get("serviceAccountToken"):
        yield token.get("path", ""), "ServiceAccountToken"


def _pull_secrets(spec: Tree, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for place, secret in indexed(spec, "imagePullSecrets", path):
        name = secret.get("name", "")
        if not name:
            yield f'{place}.name: invalid empty name ""'
        elif name in seen:
            yield f'{place}.name: duplicate name "{name}"'
        seen.add(name)


def _container(container: Tree, path: str) -> Iterator[str]:
    for kind in ("limits", "requests"):
        for name, amount in ((container.get("resources") or {}).get(kind) or {}).items():
            if name in ("memory", "ephemeral-storage") and quantity.parse(str(amount)).nano % quantity.NANO:
                text = f'fractional byte value "{amount}" is invalid, must be an integer'
                yield f"{path}.resources.{kind}[{name}]: {text}"
    seen: set[str] = set()
    for place, variable in indexed(container, "env", path):
        name = variable.get("name", "")
        if name in seen:
            yield f'{place}: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)
    ports: dict[tuple[Any, ...], str] = {}
    for place, port in indexed(container, "ports", path):
        key = tuple(port.get(part) for part in ("protocol", "containerPort", "hostPort", "hostIP"))
        if key in ports:
            yield f"{place}: duplicate port definition with {ports[key]}"
        ports.setdefault(key, place)


def volume_warnings(new: Tree, _old: Tree | None) -> list[str]:
    spec = new.get("spec") or {}
    found = list(_volume(spec, "spec"))
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        )
    return found


def service_warnings(new: Tree, _old: Tree | None) -> list[str]:
    spec = new.get("spec") or {}
    found = []
    if spec.get("externalIPs"):
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("externalName") and spec.get("type") != "ExternalName":
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def service_account_warnings(new: Tree, _old: Tree | None) -> list[str]:
    key = "kubernetes.io/enforce-mountable-secrets"
    if key not in (new["metadata"].get("annotations") or {}):
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{key}]: {text}"]


def secret_warnings(new: Tree, _old: Tree | None) -> list[str]:
    """A key pair that is none."""
    if new.get("type") != "kubernetes.io/tls":
        return []
    for key, word in (("tls.crt", "certificate"), ("tls.key", "key")):
        encoded = (new.get("data") or {}).get(key) or ""
        if b"-----BEGIN " not in base64.b64decode(encoded):
            return [f"tls: failed to find any PEM data in {word} input"]
    return []


def ingress_warnings(new: Tree, old: Tree | None) -> list[str]:
    key = "kubernetes.io/ingress.class"
    if old is not None or key not in (new["metadata"].get("annotations") or {}):
        return []
    return [f"annotation \"{key}\" is deprecated, please use 'spec.ingressClassName' instead"]


def definition_warnings(new: Tree, _old: Tree | None) -> list[str]:
    """Formats that nothing checks."""
    formats: dict[str, None] = {}
    for version in (new.get("spec") or {}).get("versions") or ():
        schema = ((version or {}).get("schema") or {}).get("openAPIV3Schema")
        formats |= dict.fromkeys(unknown_formats(schema or {}))
    return [f'unrecognized format "{name}"' for name in formats]


def driver_warnings(new: Tree, old: Tree | None) -> list[str]:
    spec = new.get("spec") or {}
    if old is not None or not spec.get("tokenRequests") or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    return [
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
        "possible logging of tokens in volume attributes"
    ]
