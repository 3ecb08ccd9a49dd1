"""The root CA publisher: every living namespace has a ConfigMap with the cluster's CA certificate."""

from __future__ import annotations

from functools import partial
from typing import Final

from navarch.api.views.core import ConfigMap
from navarch.base.resource import ObjectKey
from navarch.control.intents import DONE, Create, Plan, Update
from navarch.control.sources import CONFIGMAPS, NAMESPACES
from navarch.control.views import to_tree
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

NAME: Final = "kube-root-ca.crt"
_DESCRIPTION: Final = {
    "kubernetes.io/description": (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as "
        "the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
        "Kubernetes clusters."
    )
}


def reconcile(root_ca: str, world: World, key: ObjectKey, _now: float) -> Plan:
    namespace = world[NAMESPACES].get(key)
    if namespace is None or namespace.metadata.deletionTimestamp is not None:
        return DONE
    target = ObjectKey(key.name, NAME)
    wanted = {"ca.crt": root_ca}
    known = world[CONFIGMAPS].get(target)
    if known is None:
        metadata = {"name": NAME, "namespace": key.name, "annotations": _DESCRIPTION}
        tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": wanted}
        return Plan((Create(CONFIGMAPS.resource, tree, key.name),))
    if known.data == wanted and _DESCRIPTION.items() <= known.metadata.annotations.items():
        return DONE
    # The publisher's role allows no reading: what the cache holds is sent back whole.
    metadata = {**to_tree(known.metadata), "annotations": {**known.metadata.annotations, **_DESCRIPTION}}
    whole: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": wanted}
    return Plan((Update(CONFIGMAPS.resource, whole),))


def _keys(_world: World, key: ObjectKey, _old: ConfigMap | None, _new: ConfigMap | None) -> tuple[ObjectKey, ...]:
    return (ObjectKey("", key.namespace),) if key.name == NAME else ()


def controller(root_ca: str) -> Controller:
    watches = (Watch(NAMESPACES, same_key), Watch(CONFIGMAPS, _keys))
    return Controller("root-ca-cert-publisher", watches, partial(reconcile, root_ca))
