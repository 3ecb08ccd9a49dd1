"""What a cluster holds so that nodes can join it: trees only, written by `navarch token create`.

    cluster-info (kube-public)     address and authority, readable by everybody, signed by the bootstrap signer
    kubelet-config (kube-system)   what kubelets are to be told
    roles and bindings             who holds a bootstrap token may ask for a node's certificate, and gets it

Source: kubeadm's `init phase bootstrap-token` and `upload-config kubelet` (names, groups, rules).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from navarch.base.times import format_time
from navarch.schema.types import Tree

TOKEN_TYPE = "bootstrap.kubernetes.io/token"
DEFAULT_GROUP = "system:bootstrappers:kubeadm:default-node-token"
DEFAULT_USAGES = ("signing", "authentication")
INFO, KUBELET = "cluster-info", "kubelet-config"
_RBAC = "rbac.authorization.k8s.io"
_SIGNING = "system:certificates.k8s.io:certificatesigningrequests"


def cluster_info(server: str, ca_pem: str) -> Tree:
    authority = base64.b64encode(ca_pem.encode()).decode()
    kubeconfig = (
        "apiVersion: v1\n"
        "clusters:\n"
        "- cluster:\n"
        f"    certificate-authority-data: {authority}\n"
        f"    server: {server}\n"
        '  name: ""\n'
        "contexts: null\n"
        'current-context: ""\n'
        "kind: Config\n"
        "preferences: {}\n"
        "users: null\n"
    )
    return _config_map("kube-public", INFO, {"kubeconfig": kubeconfig})


def kubelet_config(cluster_dns: str, domain: str) -> Tree:
    text = (
        "apiVersion: kubelet.config.k8s.io/v1beta1\n"
        "clusterDNS:\n"
        f"- {cluster_dns}\n"
        f"clusterDomain: {domain}\n"
        "kind: KubeletConfiguration\n"
    )
    return _config_map("kube-system", KUBELET, {"kubelet": text})


def _config_map(namespace: str, name: str, data: dict[str, str]) -> Tree:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def access() -> Iterator[tuple[str, Tree]]:
    """(collection path, object) of everything that lets newcomers in."""
    yield from _reading("kube-public", "kubeadm:bootstrap-signer-clusterinfo", INFO, [_user("system:anonymous")])
    readers = [_group("system:nodes"), _group(DEFAULT_GROUP)]
    yield from _reading("kube-system", "kubeadm:kubelet-config", KUBELET, readers)
    for name, role, group in (
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", DEFAULT_GROUP),
        ("kubeadm:node-autoapprove-bootstrap", f"{_SIGNING}:nodeclient", DEFAULT_GROUP),
        ("kubeadm:node-autoapprove-certificate-rotation", f"{_SIGNING}:selfnodeclient", "system:nodes"),
        # Proxy and pod network are part of the node's agent and ask under its name.
        ("navarch:node-proxier", "system:node-proxier", "system:nodes"),
    ):
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [_group(group)],
        }
        yield f"/apis/{_RBAC}/v1/clusterrolebindings", binding


def _reading(namespace: str, name: str, config_map: str, subjects: list[Tree]) -> Iterator[tuple[str, Tree]]:
    base = f"/apis/{_RBAC}/v1/namespaces/{namespace}"
    metadata = {"name": name, "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [config_map], "verbs": ["get"]}
    yield f"{base}/roles", {"metadata": metadata, "rules": [rule]}
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    yield f"{base}/rolebindings", {"metadata": metadata, "roleRef": reference, "subjects": subjects}


def _user(name: str) -> Tree:
    return {"apiGroup": _RBAC, "kind": "User", "name": name}


def _group(name: str) -> Tree:
    return {"apiGroup": _RBAC, "kind": "Group", "name": name}


def token_secret(
    token: str,
    ends_at: float | None,
    description: str,
    usages: Sequence[str] = DEFAULT_USAGES,
    groups: Sequence[str] = (DEFAULT_GROUP,),
) -> Tree:
    """The Secret of the token `ID.SECRET`, which ends at `ends_at`, seconds since the epoch."""
    token_id, _, secret = token.partition(".")
    texts = {"token-id": token_id, "token-secret": secret}
    texts |= {f"usage-bootstrap-{usage}": "true" for usage in usages}
    if groups:
        texts["auth-extra-groups"] = ",".join(groups)
    if ends_at is not None:
        texts["expiration"] = format_time(ends_at)
    if description:
        texts["description"] = description
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    metadata = {"name": f"bootstrap-token-{token_id}", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TOKEN_TYPE, "data": data}
