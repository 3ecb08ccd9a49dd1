"""Which webhooks a request concerns. Pure.

Worked example, a webhook with the rule {operations: [CREATE], apiGroups: [""], apiVersions: ["v1"],
resources: ["pods"]} and namespaceSelector {matchLabels: {inject: "yes"}} is called for a new pod in a
namespace with that label.

Source: admissionregistration.k8s.io/v1 (RuleWithOperations, selectors).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from navarch.base import selector
from navarch.schema.types import Tree
from navarch.server.admission.contract import Attributes, World

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"

#: No webhook is asked about these, so that a broken one can always be removed.
_EXEMPT = (
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of one configuration. `key` tells webhooks apart, their names need not."""

    configuration: str
    index: int
    tree: Tree

    @property
    def name(self) -> str:
        return str(self.tree["name"])

    @property
    def key(self) -> tuple[str, int]:
        return self.configuration, self.index

    @property
    def must_succeed(self) -> bool:
        return bool(self.tree.get("failurePolicy", "Fail") == "Fail")

    @property
    def again_if_needed(self) -> bool:
        return bool(self.tree.get("reinvocationPolicy") == "IfNeeded")

    @property
    def has_side_effects(self) -> bool:
        return self.tree.get("sideEffects") not in ("None", "NoneOnDryRun")


def concerned(attributes: Attributes, world: World, bucket: str) -> list[Webhook]:
    """The webhooks of all configurations in a bucket that the request concerns, in calling order."""
    if is_exempt(attributes):
        return []
    return [
        Webhook(configuration["metadata"]["name"], index, webhook)
        for configuration in world.list(bucket)
        for index, webhook in enumerate(configuration.get("webhooks") or ())
        if _concerns(attributes, world, webhook)
    ]


def is_exempt(attributes: Attributes) -> bool:
    """Whether the request is about what decides over requests."""
    served = attributes.served
    return served.group == "admissionregistration.k8s.io" and served.plural in _EXEMPT


def _concerns(attributes: Attributes, world: World, webhook: Tree) -> bool:
    return (
        any(matches_rule(attributes, rule) for rule in webhook.get("rules") or ())
        and matches_namespace(attributes, world, webhook.get("namespaceSelector"))
        and matches_object(attributes, webhook.get("objectSelector"))
    )


def matches_rule(attributes: Attributes, rule: Tree) -> bool:
    """Whether a rule names the operation and the resource of a request."""
    kind = attributes.served.kind
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != kind.namespaced:
        return False
    return (
        _among(attributes.operation, rule.get("operations"))
        and _among(kind.group, rule.get("apiGroups"))
        and _among(kind.version, rule.get("apiVersions"))
        and any(_matches_resource(attributes, pattern) for pattern in rule.get("resources") or ())
    )


def matches_namespace(attributes: Attributes, world: World, wanted: Tree | None) -> bool:
    """Namespaces are judged by their own labels, other objects without one always match."""
    if not wanted:
        return True
    if attributes.bucket == "namespaces":
        namespace = attributes.obj or attributes.old
    elif attributes.served.kind.namespaced:
        namespace = world.get("namespaces", "", attributes.namespace)
    else:
        return True
    return namespace is not None and _selects(wanted, namespace)


def matches_object(attributes: Attributes, wanted: Tree | None) -> bool:
    """The new or the old object must be selected."""
    if not wanted:
        return True
    return any(tree is not None and _selects(wanted, tree) for tree in (attributes.obj, attributes.old))


def _selects(wanted: Tree, tree: Tree) -> bool:
    return selector.from_label_selector(wanted).matches((tree.get("metadata") or {}).get("labels") or {})


def _among(value: str, allowed: Iterable[str] | None) -> bool:
    return any(one in ("*", value) for one in allowed or ())


def _matches_resource(attributes: Attributes, pattern: str) -> bool:
    resource, _, subresource = pattern.partition("/")
    if resource not in ("*", attributes.served.plural):
        return False
    return subresource in ("*", attributes.subresource) if "/" in pattern else not attributes.subresource
