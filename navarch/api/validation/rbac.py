"""Roles and role bindings."""

from __future__ import annotations

from typing import Final

from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, supported
from navarch.base import names
from navarch.base.field import invalid_value, not_supported, required
from navarch.schema.types import Tree

GROUP: Final = "rbac.authorization.k8s.io"


def role_errors(tree: Tree) -> Errors:
    errors: Errors = []
    for where, rule in indexed(tree, "rules", ""):
        errors += _rule_errors(rule, where.lstrip("."), namespaced=True)
    return errors


def cluster_role_errors(tree: Tree) -> Errors:
    errors: Errors = []
    for where, rule in indexed(tree, "rules", ""):
        errors += _rule_errors(rule, where.lstrip("."), namespaced=False)
    aggregation = tree.get("aggregationRule")
    if aggregation is None:
        return errors
    if not aggregation.get("clusterRoleSelectors"):
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        return [*errors, required("aggregationRule.clusterRoleSelectors", text)]
    for where, selector in indexed(aggregation, "clusterRoleSelectors", "aggregationRule"):
        found = selector_errors(selector, where)
        errors += found
        if found:
            errors.append(invalid_value(where, None, "invalid label selector."))
    return errors


def role_binding_errors(tree: Tree) -> Errors:
    return _binding_errors(tree, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding_errors(tree: Tree) -> Errors:
    return _binding_errors(tree, ("ClusterRole",), namespaced=False)


def binding_update_errors(new: Tree, old: Tree) -> Errors:
    role = new.get("roleRef")
    return [invalid_value("roleRef", _shown_role(role), "cannot change roleRef")] if role != old.get("roleRef") else []


def _shown_role(role: Tree | None) -> Tree:
    """A role reference as the server's own structure prints it."""
    return {
        shown: (role or {}).get(key, "")
        for shown, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
    }


def _rule_errors(rule: Tree, path: str, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid_value(f"{path}.nonResourceURLs", urls, text))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid_value(f"{path}.nonResourceURLs", urls, text))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def _binding_errors(tree: Tree, kinds: tuple[str, ...], *, namespaced: bool) -> Errors:
    role = tree.get("roleRef") or {}
    errors: Errors = []
    if role.get("apiGroup") != GROUP:
        errors.append(not_supported("roleRef.apiGroup", role.get("apiGroup", ""), (GROUP,)))
    errors += supported("roleRef.kind", role.get("kind"), kinds)
    name = role.get("name", "")
    if not name:
        errors.append(required("roleRef.name"))
    else:
        errors += invalid_each("roleRef.name", name, names.path_segment_errors(name))
    for where, subject in indexed(tree, "subjects", ""):
        errors += _subject_errors(subject, where.lstrip("."), namespaced=namespaced)
    return errors


def _subject_errors(subject: Tree, path: str, *, namespaced: bool) -> Errors:
    errors: Errors = []
    kind, name, group = subject.get("kind", ""), subject.get("name", ""), subject.get("apiGroup", "")
    if not name:
        errors.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            errors += invalid_each(f"{path}.name", name, names.dns1123_subdomain_errors(name))
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return errors
