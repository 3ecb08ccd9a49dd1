"""ServiceAccount: every pod runs as a service account and, unless it opts out, finds a token.

Source: plugin/pkg/admission/serviceaccount.
"""

from __future__ import annotations

from navarch.base.errors import forbidden
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, Attributes, Plugin, World

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
_MIRROR = "kubernetes.io/config.mirror"


def admit(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 when the service account does not exist."""
    pod = attributes.obj
    assert pod is not None
    spec = pod["spec"]
    if _MIRROR in pod["metadata"].get("annotations", {}):
        if spec.get("serviceAccountName"):
            raise forbidden("pods", attributes.name, "a mirror pod may not reference service accounts")
        return
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = world.get("serviceaccounts", attributes.namespace, name)
    if account is None:
        why = f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden("pods", attributes.name, why)
    if _wants_token(spec, account):
        _mount_token(spec, world)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": s["name"]} for s in account["imagePullSecrets"] if s.get("name")]


def _wants_token(spec: Tree, account: Tree) -> bool:
    for holder in (spec, account):
        wanted = holder.get("automountServiceAccountToken")
        if wanted is not None:
            return bool(wanted)
    return True


def _mount_token(spec: Tree, world: World) -> None:
    containers = [c for name in ("initContainers", "containers") for c in spec.get(name) or ()]
    lacking = [c for c in containers if not any(m.get("mountPath") == MOUNT_PATH for m in c.get("volumeMounts") or ())]
    if not lacking:
        return
    name = next((v["name"] for v in spec.get("volumes") or () if v["name"].startswith("kube-api-access-")), "")
    if not name:
        name = "kube-api-access-" + world.suffix(5)
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": name, "projected": token_volume()}]
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def token_volume() -> Tree:
    """The projected volume with token, CA certificate and namespace."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 420,
    }


PLUGIN = Plugin("ServiceAccount", (CREATE,), ("pods",), admit=admit)
