"""What a kustomization changes in all of its objects: labels, names, namespaces, images, replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from navarch.cli.kustomize.item import CLUSTER_KINDS, Item, at, pod_specs, templates
from navarch.schema.types import Tree

#: Workloads whose selector is a map of labels, not a label selector.
_PLAIN_SELECTORS = ("Service", "ReplicationController")
#: Kinds whose selector must say the labels; those of others are only added to.
_SELECTING = ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")


def add_labels(item: Item, labels: Mapping[str, str], *, selectors: bool, in_templates: bool) -> None:
    """Labels for the object; with `selectors` for what it selects too, which needs them in its templates."""
    _add(item.tree, "labels", labels)
    if selectors or in_templates:
        for template in templates(item.tree):
            _add(template, "labels", labels)
    if selectors and item.builtin:
        for found in _selectors(item.tree):
            found.update(labels)


def add_annotations(item: Item, annotations: Mapping[str, str]) -> None:
    _add(item.tree, "annotations", annotations)
    for template in templates(item.tree):
        _add(template, "annotations", annotations)


def _add(tree: Tree, key: str, pairs: Mapping[str, str]) -> None:
    at(tree, "metadata", key, create=True).update({name: str(value) for name, value in pairs.items()})


def _selectors(tree: Tree) -> Iterator[dict[str, str]]:
    """The maps of labels by which an object finds others."""
    kind, spec = tree.get("kind"), tree.get("spec")
    if not isinstance(spec, dict):
        return
    if kind in _PLAIN_SELECTORS:
        if kind == "Service" and spec.get("selector") is None:
            return
        yield at(spec, "selector", create=True)
    elif kind in _SELECTING:
        yield at(spec, "selector", "matchLabels", create=True)
    elif kind in ("Job", "PodDisruptionBudget", "NetworkPolicy"):
        if kind == "NetworkPolicy":
            yield at(spec, "podSelector", "matchLabels", create=True)
            yield from _peers(spec)
        elif (found := at(spec, "selector", "matchLabels")) is not None:
            yield found
    for pods in pod_specs(tree):
        yield from _within_pods(pods)


def _peers(spec: Tree) -> Iterator[dict[str, str]]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction) or ():
            for peer in rule.get(side) or ():
                if (found := at(peer, "podSelector", "matchLabels")) is not None:
                    yield found


def _within_pods(spec: Tree) -> Iterator[dict[str, str]]:
    """Selectors of affinity and spreading that are there."""
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = at(spec, "affinity", kind) or {}
        terms = list(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        weighted = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        for term in [*terms, *(each.get("podAffinityTerm") for each in weighted)]:
            if (found := at(term, "labelSelector", "matchLabels")) is not None:
                yield found
    for constraint in spec.get("topologySpreadConstraints") or ():
        if (found := at(constraint, "labelSelector", "matchLabels")) is not None:
            yield found


def set_namespace(items: list[Item], namespace: str) -> None:
    """Into the namespace with all that belongs to one; service accounts that roles are bound to go with them."""
    accounts = {item.name for item in items if item.kind == "ServiceAccount"} | {"default"}
    for item in items:
        if item.kind not in CLUSTER_KINDS:
            at(item.tree, "metadata", create=True)["namespace"] = namespace
        if item.kind in ("RoleBinding", "ClusterRoleBinding"):
            for subject in item.tree.get("subjects") or ():
                if subject.get("kind") == "ServiceAccount" and subject.get("name") in accounts:
                    subject["namespace"] = namespace
        if item.kind == "Namespace" and len([i for i in items if i.kind == "Namespace"]) == 1:
            item.rename(namespace)


def affix(items: list[Item], prefix: str, suffix: str) -> None:
    """Names with something before and behind; definitions and namespaces are called what they are called."""
    for item in items:
        if item.kind not in ("CustomResourceDefinition", "Namespace", "APIService"):
            item.rename(f"{prefix}{item.name}{suffix}")


def set_images(item: Item, images: list[Tree]) -> None:
    """Other names, tags or digests for images of containers."""
    for spec in pod_specs(item.tree):
        for key in ("containers", "initContainers"):
            for container in spec.get(key) or ():
                for wish in images:
                    if _name_of(container.get("image", "")) == wish.get("name"):
                        container["image"] = _image(container["image"], wish)


def _name_of(image: str) -> str:
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _image(image: str, wish: Tree) -> str:
    name = wish.get("newName") or _name_of(image)
    if wish.get("digest"):
        return f"{name}@{wish['digest']}"
    if wish.get("newTag") is not None:
        return f"{name}:{wish['newTag']}{wish.get('tagSuffix', '')}"
    return str(name) + image[len(_name_of(image)) :] + str(wish.get("tagSuffix", ""))


def set_replicas(items: list[Item], wish: Any) -> bool:
    """Whether there was a workload of that name."""
    found = [
        item
        for item in items
        if wish.get("name") in item.names and item.kind in (*_SELECTING[:2], "StatefulSet", "ReplicationController")
    ]
    for item in found:
        at(item.tree, "spec", create=True)["replicas"] = wish.get("count")
    return bool(found)
