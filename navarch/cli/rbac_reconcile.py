"""What `kubectl auth reconcile` does to a role or a binding: adds what is missing, removes what is too much. Pure.

A rule counts as present if the rules that are there allow everything it allows, in whatever grouping.

Source: component-helpers `auth/rbac/reconciliation`; kubectl `cmd/auth/reconcile.go` (the report's words).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from navarch.schema.types import Tree

ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_PROTECTED = "rbac.authorization.kubernetes.io/autoupdate"


class Reconciled(NamedTuple):
    """`operation`: none, create, update or recreate; `missing` and `extra`: rules of roles, subjects of bindings."""

    tree: Tree
    operation: str
    protected: bool = False
    missing: tuple[Tree, ...] = ()
    extra: tuple[Tree, ...] = ()


def reconcile(live: Tree | None, wanted: Tree, *, remove_extra: bool) -> Reconciled:
    """What the object has to become. `remove_extra`: take away what the file does not say."""
    role = wanted["kind"] in ROLES
    key = "rules" if role else "subjects"
    said: list[Tree] = wanted.get(key) or []
    if live is None:
        return Reconciled(wanted, "create", missing=tuple(_atoms(said) if role else said))
    protected = (live["metadata"].get("annotations") or {}).get(_PROTECTED) == "false"
    present: list[Tree] = live.get(key) or []
    if not role and wanted.get("roleRef") != live.get("roleRef"):
        metadata = {k: v for k, v in _metadata(live, wanted).items() if k not in ("resourceVersion", "uid")}
        return Reconciled(
            {**wanted, "metadata": metadata}, "recreate", protected, tuple(s for s in said if s not in present)
        )
    missing, extra = _difference(present, said, role)
    kept = [item for item in present if not (remove_extra and item in extra)]
    items = said if role and remove_extra and extra else [*kept, *missing]
    tree = {**live, "metadata": _metadata(live, wanted)}
    if items or key in live:
        tree[key] = items
    if role and (rule := _aggregation(live, wanted, remove_extra)):
        tree["aggregationRule"] = rule
    removed = tuple(extra) if remove_extra else ()
    return Reconciled(tree, "none" if tree == live else "update", protected, tuple(missing), removed)


def report(result: Reconciled, kind: str) -> str:
    """What was found, line by line, each with its line break; empty if nothing had to be done."""
    if result.operation == "none":
        return ""
    caveat = f", but object opted out ({_PROTECTED}: false)" if result.protected else ""
    noun, show = ("rules", _rule_text) if kind in ROLES else ("subjects", _subject_text)
    out = f"\treconciliation required {result.operation}{caveat}\n"
    for title, items in ((f"missing {noun} added", result.missing), (f"extra {noun} removed", result.extra)):
        if items:
            out += f"\t{title}:\n" + "".join(f"\t\t{show(item)}\n" for item in items)
    return out


def _metadata(live: Tree, wanted: Tree) -> Tree:
    """That of the live object with the labels and annotations of the file."""
    metadata = dict(live["metadata"])
    for key in ("labels", "annotations"):
        both = {**(metadata.get(key) or {}), **((wanted.get("metadata") or {}).get(key) or {})}
        if both:
            metadata[key] = both
    return metadata


def _difference(present: list[Tree], said: list[Tree], role: bool) -> tuple[list[Tree], list[Tree]]:
    if not role:
        return [item for item in said if item not in present], [item for item in present if item not in said]
    missing = [atom for atom in _atoms(said) if not any(_covers(rule, atom) for rule in present)]
    extra = [atom for atom in _atoms(present) if not any(_covers(rule, atom) for rule in said)]
    return missing, extra


def _atoms(rules: list[Tree]) -> Iterator[Tree]:
    """Rules of one verb on one thing each."""
    for rule in rules:
        for verb in rule.get("verbs") or []:
            for group, resource in product(rule.get("apiGroups") or [], rule.get("resources") or []):
                atom: Tree = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                for name in rule.get("resourceNames") or [None]:
                    yield atom if name is None else {**atom, "resourceNames": [name]}
            for url in rule.get("nonResourceURLs") or []:
                yield {"verbs": [verb], "nonResourceURLs": [url]}


def _covers(rule: Tree, atom: Tree) -> bool:
    if not _has(rule, "verbs", atom["verbs"][0]):
        return False
    if "nonResourceURLs" in atom:
        url: str = atom["nonResourceURLs"][0]
        known: list[str] = rule.get("nonResourceURLs") or []
        return any(own == url or (own.endswith("*") and url.startswith(own[:-1])) for own in known)
    names = rule.get("resourceNames") or []
    named = not names or (atom.get("resourceNames") or [None])[0] in names
    resource: str = atom["resources"][0]
    any_subresource = f"*/{resource.partition('/')[2]}" in (rule.get("resources") or []) and "/" in resource
    return (
        named
        and _has(rule, "apiGroups", atom["apiGroups"][0])
        and (_has(rule, "resources", resource) or any_subresource)
    )


def _has(rule: Tree, key: str, value: str) -> bool:
    return value in (rule.get(key) or []) or "*" in (rule.get(key) or [])


def _aggregation(live: Tree, wanted: Tree, remove_extra: bool) -> Tree | None:
    said = (wanted.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    present = (live.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    selectors = said if remove_extra and said else [*present, *(each for each in said if each not in present)]
    return {"clusterRoleSelectors": selectors} if selectors else None


def _rule_text(rule: Tree) -> str:
    fields = ("verbs", "Verbs"), ("apiGroups", "APIGroups"), ("resources", "Resources")
    more = ("resourceNames", "ResourceNames"), ("nonResourceURLs", "NonResourceURLs")
    return "{" + " ".join(f"{name}:[{' '.join(rule.get(key) or [])}]" for key, name in (*fields, *more)) + "}"


def _subject_text(subject: Tree) -> str:
    fields = ("kind", "Kind"), ("apiGroup", "APIGroup"), ("name", "Name"), ("namespace", "Namespace")
    return "{" + " ".join(f"{name}:{subject.get(key, '')}" for key, name in fields) + "}"
