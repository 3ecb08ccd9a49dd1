"""RBAC objects of every cluster that a fresh Kubernetes does not have: for what others install beside it."""

from __future__ import annotations

from typing import Final

from navarch.schema.types import Tree
from navarch.server.authz.bootstrap_policy import API_VERSION, AUTOUPDATE, LABEL

_POLICIES: Final = "system:network-policy-enforcer"


def _metadata(name: str, **labels: str) -> Tree:
    return {"name": name, "labels": {LABEL: "rbac-defaults", **labels}, "annotations": {AUTOUPDATE: "true"}}


def own_objects(*, measured: bool) -> tuple[Tree, ...]:
    """Fresh trees: that the proxies of nodes may see what network policies are about, and where use is `measured`, who
    may see it (as metrics-server's manifests have it)."""
    return (*_enforcers(), _reader()) if measured else _enforcers()


def _reader() -> Tree:
    viewers = {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in ("admin", "edit", "view")}
    rule = {"apiGroups": ["metrics.k8s.io"], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}
    metadata = _metadata("system:aggregated-metrics-reader", **viewers)
    return {"apiVersion": API_VERSION, "kind": "ClusterRole", "metadata": metadata, "rules": [rule]}


def _enforcers() -> tuple[Tree, ...]:
    return (
        {
            "apiVersion": API_VERSION,
            "kind": "ClusterRole",
            "metadata": _metadata(_POLICIES),
            "rules": [
                {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list", "watch"]},
                {
                    "apiGroups": ["networking.k8s.io"],
                    "resources": ["networkpolicies"],
                    "verbs": ["get", "list", "watch"],
                },
            ],
        },
        {
            "apiVersion": API_VERSION,
            "kind": "ClusterRoleBinding",
            "metadata": _metadata(_POLICIES),
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:kube-proxy"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _POLICIES},
        },
    )
