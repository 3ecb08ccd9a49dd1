"""What objects a record's preceding requests leave behind: a tiny server, for tests of pure code.

It knows creation, replacement and merge patches of objects and of their status; nothing else.
"""

from __future__ import annotations

import copy
from typing import Any

from navarch.api.catalog import lookup
from navarch.api.kind import Kind
from navarch.schema import facts
from navarch.schema.decode import normalize
from navarch.schema.defaults import apply_defaults
from navarch.schema.types import Tree

_NAMESPACED = 2


def kind_of_path(path: str) -> Kind | None:
    """The kind that a request path is about."""
    found = split(path)
    return found[0] if found else None


def split(path: str) -> tuple[Kind, str, str] | None:
    """The kind, the object's name and the subresource of a path; empty where there is none."""
    parts = path.split("?")[0].strip("/").split("/")
    group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1], parts[2:])
    version, rest = rest[0], rest[1:]
    if len(rest) > _NAMESPACED and rest[0] == "namespaces":
        kind = lookup(group, version, rest[2])
        if kind is not None:
            return kind, *_padded(rest[3:])
    kind = lookup(group, version, rest[0]) if rest else None
    return (kind, *_padded(rest[1:])) if kind else None


def _padded(rest: list[str]) -> tuple[str, str]:
    return (rest[0] if rest else "", rest[1] if len(rest) > 1 else "")


def replay(record: dict[str, Any], now: str) -> list[Tree]:
    """The objects after the requests in `pre`."""
    objects: dict[tuple[str, str], Tree] = {}
    for request in record.get("pre") or ():
        found = split(request["path"])
        if found is None:
            continue
        kind, name, subresource = found
        body = copy.deepcopy(request.get("body"))
        if request["method"] == "POST" and not name and isinstance(body, dict):
            tree = created(kind, body, now)
            objects[kind.bucket, tree["metadata"].get("name", "")] = tree
        elif (kind.bucket, name) in objects:
            objects[kind.bucket, name] = _changed(objects[kind.bucket, name], request["method"], subresource, body, now)
    return list(objects.values())


def created(kind: Kind, body: Tree, now: str) -> Tree:
    """A body after defaults and preparation, stamped as the server would."""
    decoded(kind, body)
    body["metadata"] |= {"creationTimestamp": now, "uid": "uid1"}
    kind.prepare_create(body)
    if kind.kind == "CertificateSigningRequest":
        body["spec"]["username"] = "admin"
    if kind.to_stored and kind.from_stored:
        kind.to_stored(body)
        kind.from_stored(body)
    return body


def decoded(kind: Kind, body: Tree) -> None:
    """Canonical form and defaults, in place, as the write path does them."""
    node = facts.load().type(kind.type_name)
    normalize(node, body)
    apply_defaults(node, body)
    kind.default(body)


def _changed(tree: Tree, method: str, subresource: str, body: Any, now: str) -> Tree:
    if method == "DELETE":
        status = {"phase": "Terminating"} if tree["kind"] == "Namespace" else tree.get("status")
        return {**tree, "metadata": {**tree["metadata"], "deletionTimestamp": now}, "status": status}
    if not isinstance(body, dict):
        return tree
    if subresource in ("status", "approval"):
        status = body.get("status") or {}
        return {**tree, "status": {**tree.get("status", {}), **status} if method == "PATCH" else status}
    if subresource == "binding":
        return {**tree, "spec": {**tree["spec"], "nodeName": body["target"]["name"]}}
    return _merged(tree, body) if method == "PATCH" else {**body, "status": tree.get("status", {})}


def _merged(tree: Tree, patch: Tree) -> Tree:
    merged = dict(tree)
    for key, value in patch.items():
        merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, dict) else value
    return merged


def admit(pod: Tree) -> None:
    """What admission adds to a pod: its token, its account, its priority and two tolerations."""
    spec, volume = pod["spec"], "kube-api-access-xxxxx"
    field = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    config = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": config},
        {"downwardAPI": {"items": [field]}},
    ]
    token = {"name": volume, "projected": {"sources": sources, "defaultMode": 420}}
    mount = {"name": volume, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = "default"
    spec["volumes"] = [*(spec.get("volumes") or ()), token]
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    present = {toleration.get("key") for toleration in spec.get("tolerations") or ()}
    added = [
        {"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for why in ("not-ready", "unreachable")
    ]
    spec["tolerations"] = [*(spec.get("tolerations") or ()), *(t for t in added if t["key"] not in present)]
