"""Which requests a webhook or policy wants, and in which version it wants to see them. Pure.

Rules name groups, versions and resources. With matchPolicy Equivalent a rule for one version of a resource
also concerns requests in its other versions, and the object is converted for it (`versions.py`).

Worked example: a rule {operations: [CREATE], apiGroups: [autoscaling], apiVersions: [v1], resources:
[horizontalpodautoscalers]} concerns a request to autoscaling/v2, and `matched` answers with v1.

Source: admissionregistration.k8s.io/v1 (MatchResources, RuleWithOperations, selectors).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from navarch.base import selector
from navarch.schema.types import Tree
from navarch.server.admission.contract import Attributes, World
from navarch.server.served import Served

#: Nobody is asked about these, so that what is broken can always be removed.
_EXEMPT = (
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
)


def is_exempt(attributes: Attributes) -> bool:
    """Whether the request is about what decides over requests."""
    served = attributes.served
    return served.group == "admissionregistration.k8s.io" and served.plural in _EXEMPT


def matched(attributes: Attributes, world: World, wanted: Tree, rules: Sequence[Tree]) -> Served | None:
    """The version in which a match policy (a webhook, or a policy's constraints) with these rules wants to
    see the request; None if it does not concern it."""
    if not matches_namespace(attributes, world, wanted.get("namespaceSelector")):
        return None
    if not matches_object(attributes, wanted.get("objectSelector")):
        return None
    equivalent = wanted.get("matchPolicy", "Equivalent") == "Equivalent"
    excluded = wanted.get("excludeResourceRules") or ()
    if excluded and version_of(attributes, world, excluded, equivalent=equivalent) is not None:
        return None
    return version_of(attributes, world, rules, equivalent=equivalent)


def version_of(attributes: Attributes, world: World, rules: Sequence[Tree], *, equivalent: bool) -> Served | None:
    """The version that the rules name: the request's own, else an equivalent one."""
    if any(matches_rule(attributes, attributes.served, rule) for rule in rules):
        return attributes.served
    if not equivalent:
        return None
    for served in world.versions(attributes.bucket):
        if served is not attributes.served and any(matches_rule(attributes, served, rule) for rule in rules):
            return served
    return None


def matches_rule(attributes: Attributes, served: Served, rule: Tree) -> bool:
    """Whether a rule names the operation of a request, and its resource in the form of `served`."""
    kind = served.kind
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != kind.namespaced:
        return False
    names = rule.get("resourceNames")
    return (
        _among(attributes.operation, rule.get("operations"))
        and _among(kind.group, rule.get("apiGroups"))
        and _among(kind.version, rule.get("apiVersions"))
        and any(_matches_resource(kind.plural, attributes.subresource, p) for p in rule.get("resources") or ())
        and (not names or attributes.name in names)
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


def _matches_resource(plural: str, asked: str, pattern: str) -> bool:
    resource, _, subresource = pattern.partition("/")
    if resource not in ("*", plural):
        return False
    return subresource in ("*", asked) if "/" in pattern else not asked
