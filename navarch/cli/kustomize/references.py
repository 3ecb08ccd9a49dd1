"""Names by which objects call others, brought along when the others are renamed."""

from __future__ import annotations

from typing import Any, Final

from navarch.cli.kustomize.item import CLUSTER_KINDS, Item
from navarch.schema.types import Tree

#: Old names to new ones, by kind and namespace.
Renamed = dict[tuple[str, str], dict[str, str]]

#: Fields whose map has the other's name in a field of its own: (kind, field).
_MAPS: Final = {
    "configMapRef": ("ConfigMap", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
    "configMap": ("ConfigMap", "name"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
    "service": ("Service", "name"),
}
#: Fields that are the other's name.
_NAMES: Final = {
    "serviceAccountName": "ServiceAccount",
    "serviceName": "Service",
    "secretName": "Secret",
    "volumeName": "PersistentVolume",
    "storageClassName": "StorageClass",
    "priorityClassName": "PriorityClass",
    "ingressClassName": "IngressClass",
    "runtimeClassName": "RuntimeClass",
}
#: Fields whose map says the kind too.
_KINDED: Final = ("scaleTargetRef", "roleRef")


def update(items: list[Item], renamed: Renamed) -> None:
    """Let the built-in objects call the renamed ones by their new names."""
    if renamed:
        for item in items:
            if item.builtin:
                _walk(item.tree, item.namespace, renamed)


def _walk(tree: Any, namespace: str, renamed: Renamed) -> None:
    if isinstance(tree, list):
        for each in tree:
            _walk(each, namespace, renamed)
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key in _MAPS and isinstance(value, dict):
            kind, field = _MAPS[key]
            _set(value, field, kind, value.get("namespace", namespace), renamed)
        elif key == "secret" and isinstance(value, dict):
            _set(value, "secretName" if "secretName" in value else "name", "Secret", namespace, renamed)
        elif key in _NAMES and isinstance(value, str):
            _set(tree, key, _NAMES[key], namespace, renamed)
        elif key in _KINDED and isinstance(value, dict):
            _set(value, "name", str(value.get("kind")), namespace, renamed)
        elif key == "imagePullSecrets" and isinstance(value, list):
            for each in value:
                _set(each, "name", "Secret", namespace, renamed)
        elif key == "subjects" and isinstance(value, list):
            for each in value:
                _set(each, "name", str(each.get("kind")), each.get("namespace", namespace), renamed)
        _walk(value, namespace, renamed)


def _set(tree: Tree, field: str, kind: str, namespace: str, renamed: Renamed) -> None:
    """Cluster-wide kinds are known without a namespace."""
    place = "" if kind in CLUSTER_KINDS else namespace
    new = renamed.get((kind, place), {}).get(str(tree.get(field)))
    if new is not None:
        tree[field] = new
