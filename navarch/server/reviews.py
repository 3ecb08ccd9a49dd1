"""The review kinds: objects that are only ever created, and come back answered.

The pipeline decodes, prunes and answers 201; `review` fills in the status, in place. Nothing is
stored. Pure.

Source: authentication.k8s.io/v1 and authorization.k8s.io/v1; messages as recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

from navarch.base.errors import bad_request
from navarch.base.field import FieldError, invalid, invalid_value, required
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authz.attributes import Attributes, Authorize
from navarch.server.authz.node import node_of
from navarch.server.authz.rbac import Rbac
from navarch.wire.messages import User

#: The kinds that `review` answers.
KINDS = frozenset(
    {
        "LocalSubjectAccessReview",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "SubjectAccessReview",
        "TokenReview",
    }
)

#: Fields of the metadata in the order in which messages show them.
_METADATA = (
    *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("labels", "annotations", "ownerReferences", "finalizers", "managedFields"),
)

_NODE_RULES_ERROR = "node authorizer does not support user rule resolution"


@dataclass(frozen=True, slots=True)
class Judges:
    """Who answers reviews."""

    authenticator: Authenticator
    authorize: Authorize
    rbac: Rbac


def review(tree: Tree, user: User, namespace: str, judges: Judges, now: float) -> None:
    """Fill in the status of a review that `user` creates, in `namespace` for the local kind.

    Raises: StatusError 400 or 422 for a review that asks nothing.
    """
    kind = tree["kind"]
    if kind == "TokenReview":
        _token_review(tree, judges.authenticator)
    elif kind == "SelfSubjectReview":
        tree["metadata"] = {"creationTimestamp": format_time(now)}
        tree["status"] = {"userInfo": user_info(user)}
    elif kind == "SelfSubjectRulesReview":
        _rules_review(tree, user, judges.rbac)
    else:
        _access_review(tree, user, namespace, judges.authorize)


def user_info(user: User) -> Tree:
    """A user as UserInfo; empty parts are left out."""
    info: Tree = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in sorted(user.extra.items())}
    return info


def _token_review(tree: Tree, authenticator: Authenticator) -> None:
    spec = tree.get("spec") or {}
    token = spec.get("token", "")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    identity = authenticator.identify(token, tuple(spec.get("audiences") or ()))
    if identity is None:
        tree["status"] = {"user": {}, "error": "invalid bearer token"}
        return
    tree["status"] = {"authenticated": True, "user": user_info(identity.user)}
    if identity.audiences:
        tree["status"]["audiences"] = list(identity.audiences)


def _access_review(tree: Tree, user: User, namespace: str, authorize: Authorize) -> None:
    kind, spec = tree["kind"], tree.get("spec") or {}
    local = kind == "LocalSubjectAccessReview"
    errors = _access_errors(kind, spec, namespace) + _metadata_errors(tree["metadata"], namespace if local else "")
    if errors:
        raise invalid("", "authorization.k8s.io", "", errors)
    subject = user if kind == "SelfSubjectAccessReview" else _subject(spec)
    decision = authorize(_question(subject, spec))
    tree["status"] = {"allowed": decision.allowed}
    if decision.reason:
        tree["status"]["reason"] = decision.reason


def _access_errors(kind: str, spec: Tree, namespace: str) -> list[FieldError]:
    errors = []
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        errors.append(invalid_value("spec.nonResourceAttributes", path, text))
    elif resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid_value("spec.resourceAttributes", None, text))
    if kind != "SelfSubjectAccessReview" and not spec.get("user") and not spec.get("groups"):
        errors.append(invalid_value("spec.user", "", "at least one of user or group must be specified"))
    if kind == "LocalSubjectAccessReview" and resource is not None and resource.get("namespace", "") != namespace:
        text = "must match metadata.namespace"
        errors.append(invalid_value("spec.resourceAttributes.namespace", resource.get("namespace", ""), text))
    for name in ("fieldSelector", "labelSelector"):
        requirements = ((resource or {}).get(name) or {}).get("requirements") or ()
        for i, requirement in enumerate(requirements):
            errors.extend(_requirement_errors(f"spec.resourceAttributes.{name}.requirements[{i}]", requirement or {}))
    return errors


def _metadata_errors(metadata: Tree, namespace: str) -> list[FieldError]:
    """A question has no metadata of its own."""
    given = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    if namespace:
        given = {"namespace": namespace, **given}
    if not given.keys() - {"managedFields", "namespace" if namespace else ""}:
        return []
    text = "must be empty except for namespace" if namespace else "must be empty"
    return [invalid_value("metadata", given, text)]


def _requirement_errors(path: str, requirement: Tree) -> list[FieldError]:
    if not requirement.get("key"):
        return [required(f"{path}.key", "must be specified")]
    if requirement.get("operator") in ("In", "NotIn") and not requirement.get("values"):
        return [required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    return []


def _subject(spec: Tree) -> User:
    extra = {key.lower(): tuple(values) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def _question(user: User, spec: Tree) -> Attributes:
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(user, path.get("verb", ""), path=path.get("path", ""))
    asked = spec["resourceAttributes"]
    return Attributes(
        user,
        asked.get("verb", ""),
        asked.get("group", ""),
        asked.get("version") or "*",
        asked.get("resource", ""),
        asked.get("subresource", ""),
        asked.get("namespace", ""),
        asked.get("name", ""),
        field_selector=_raw_selector(asked.get("fieldSelector") or {}),
    )


def _raw_selector(selector: Tree) -> str:
    """A field selector's requirements in the query syntax; only equality can be of use to anyone."""
    equal = [
        f"{r['key']}={r['values'][0]}"
        for r in selector.get("requirements") or ()
        if r and r.get("operator") == "In" and len(r.get("values") or ()) == 1
    ]
    return selector.get("rawSelector", "") or ",".join(equal)


def _rules_review(tree: Tree, user: User, rbac: Rbac) -> None:
    namespace = (tree.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise bad_request("no namespace on request")
    held = rbac.grants(user, namespace)
    resource_rules, path_rules = [], []
    for rule in held.rules:
        if rule.resources:
            resource_rules.append(rule.to_dict())
        else:
            path_rules.append(rule.to_dict())
    errors = [_NODE_RULES_ERROR] if node_of(user) else []
    errors.extend(held.errors)
    tree["metadata"], tree["spec"] = {}, {}
    tree["status"] = {
        "resourceRules": resource_rules,
        "nonResourceRules": path_rules,
        "incomplete": bool(errors),
    }
    if errors:
        tree["status"]["evaluationError"] = ", ".join(errors)
