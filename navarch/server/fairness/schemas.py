"""Which FlowSchema a request belongs to. Pure.

Worked example: a schema whose rule has the subject Group system:nodes and the resource rule {verbs: [*],
apiGroups: [""], resources: [nodes/status], clusterScope: true} takes a kubelet's PATCH of its node's status,
if no schema of lower matchingPrecedence takes it before.

Source: flowcontrol.apiserver.k8s.io/v1 (FlowSchema); apiserver `util/flowcontrol/rule.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from navarch.schema.types import Tree
from navarch.wire.messages import RequestInfo, User

_SERVICE_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class FlowSchema:
    """`distinguisher` is ByUser, ByNamespace or empty."""

    name: str
    uid: str
    level: str
    distinguisher: str
    rules: Sequence[Tree]

    def flow(self, user: User, info: RequestInfo) -> str:
        """What tells the flows of this schema apart."""
        if self.distinguisher == "ByUser":
            return user.name
        return info.namespace if self.distinguisher == "ByNamespace" else ""


def schemas_of(trees: Iterable[Tree]) -> list[FlowSchema]:
    """The schemas in the order in which they are tried."""
    ordered = sorted(trees, key=lambda t: (t["spec"].get("matchingPrecedence", 1000), t["metadata"]["name"]))
    return [
        FlowSchema(
            tree["metadata"]["name"],
            tree["metadata"].get("uid", ""),
            tree["spec"]["priorityLevelConfiguration"]["name"],
            (tree["spec"].get("distinguisherMethod") or {}).get("type", ""),
            tree["spec"].get("rules") or (),
        )
        for tree in ordered
    ]


def classify(schemas: Iterable[FlowSchema], user: User, info: RequestInfo, path: str) -> FlowSchema | None:
    """The first schema that takes the request; None before there are any."""
    return next((schema for schema in schemas if _takes(schema, user, info, path)), None)


def _takes(schema: FlowSchema, user: User, info: RequestInfo, path: str) -> bool:
    for rule in schema.rules:
        if not any(_is_subject(subject, user) for subject in rule.get("subjects") or ()):
            continue
        if info.is_resource:
            if any(_is_resource(each, info) for each in rule.get("resourceRules") or ()):
                return True
        elif any(_is_path(each, info.verb, path) for each in rule.get("nonResourceRules") or ()):
            return True
    return False


def _is_subject(subject: Tree, user: User) -> bool:
    match subject["kind"]:
        case "User":
            return subject["user"]["name"] in ("*", user.name)
        case "Group":
            return subject["group"]["name"] == "*" or subject["group"]["name"] in user.groups
        case "ServiceAccount":
            account = subject["serviceAccount"]
            namespace, _, name = user.name.removeprefix(_SERVICE_ACCOUNT).partition(":")
            is_account = user.name.startswith(_SERVICE_ACCOUNT) and account["namespace"] == namespace
            return is_account and account["name"] in ("*", name)
    return False


def _is_resource(rule: Tree, info: RequestInfo) -> bool:
    if not (_among(info.verb, rule["verbs"]) and _among(info.group, rule["apiGroups"])):
        return False
    combined = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not _among(combined, rule["resources"]):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _among(info.namespace, rule.get("namespaces") or ())


def _is_path(rule: Tree, verb: str, path: str) -> bool:
    if not _among(verb, rule["verbs"]):
        return False
    return any(
        url in ("*", path) or (url.endswith("/*") and path.startswith(url[:-1])) for url in rule["nonResourceURLs"]
    )


def _among(value: str, allowed: Sequence[str]) -> bool:
    return "*" in allowed or value in allowed
