"""`kubectl describe` of roles and their bindings, in a namespace or cluster-wide."""

from __future__ import annotations

from navarch.cli.output.describe.context import Context, Lines
from navarch.cli.selection import Found
from navarch.schema.types import Tree


def role(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found, namespaced=False)
    out.put(0, "PolicyRule:\n")
    out.line(1, "Resources", "Non-Resource URLs", "Resource Names", "Verbs")
    out.line(1, "---------", "-----------------", "--------------", "-----")
    for row in _rows(found.tree.get("rules") or []):
        out.line(1, *row)
    return out.render()


def _rows(rules: list[Tree]) -> list[tuple[str, str, str, str]]:
    """A row for each resource and each URL, in the order of Go's text of such a rule: verbs, group, resource, names.

    What different rules allow with the same thing comes together.
    """
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for rule in rules:
        names = _listed(rule.get("resourceNames"))
        things = [(g, r, names, "[]") for g in rule.get("apiGroups") or () for r in rule.get("resources") or ()]
        things += [("", "", names, _listed([url])) for url in rule.get("nonResourceURLs") or ()]
        for thing in things:
            verbs = found.setdefault(thing, [])
            verbs += [verb for verb in rule.get("verbs") or () if verb not in verbs]
    ordered = sorted((_listed(verbs), *thing) for thing, verbs in found.items())
    return [(_qualified(resource, group), urls, names, verbs) for verbs, group, resource, names, urls in ordered]


def _qualified(resource: str, group: str) -> str:
    """`deployments.apps/scale`"""
    name, slash, subresource = resource.partition("/")
    return (f"{name}.{group}" if group else name) + slash + subresource


def _listed(values: list[str] | None) -> str:
    return "[" + " ".join(values or []) + "]"


def binding(found: Found, context: Context) -> str:
    out = Lines()
    reference = found.tree.get("roleRef") or {}
    out.head(found, namespaced=False)
    out.put(0, "Role:\n")
    out.line(1, "Kind:", reference.get("kind", ""))
    out.line(1, "Name:", reference.get("name", ""))
    out.put(0, "Subjects:\n")
    out.line(1, "Kind", "Name", "Namespace")
    out.line(1, "----", "----", "---------")
    for subject in found.tree.get("subjects") or []:
        out.line(1, subject.get("kind", ""), subject.get("name", ""), subject.get("namespace", ""))
    return out.render()
