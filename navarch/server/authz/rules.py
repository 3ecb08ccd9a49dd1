"""Policy rules: what one allows, and whether one set of rules covers another. Pure.

Source: RBAC API (`*` for verbs, groups and resources; `*/sub`; resourceNames; trailing `*` in paths).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from navarch.schema.types import Tree
from navarch.server.authz.attributes import Attributes


@dataclass(frozen=True, slots=True)
class Rule:
    """One PolicyRule. Order within the lists is kept: messages and reviews show it."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, tree: Tree) -> Rule:
        def strings(key: str) -> tuple[str, ...]:
            return tuple(tree.get(key) or ())

        return cls(
            strings("verbs"),
            strings("apiGroups"),
            strings("resources"),
            strings("resourceNames"),
            strings("nonResourceURLs"),
        )

    def allows(self, question: Attributes) -> bool:
        if question.verb not in self.verbs and "*" not in self.verbs:
            return False
        if question.path:
            return any(_url_matches(url, question.path) for url in self.urls)
        return (
            (question.group in self.groups or "*" in self.groups)
            and self._has_resource(question.combined, question.subresource)
            and (not self.names or question.name in self.names)
        )

    def covers(self, other: Rule) -> bool:
        """Does this rule allow everything that `other` allows?"""
        return (
            _includes(self.verbs, other.verbs)
            and _includes(self.groups, other.groups)
            and all(self._has_resource(r, r.partition("/")[2]) for r in other.resources)
            and (not self.names or (bool(other.names) and set(other.names) <= set(self.names)))
            and all(any(_url_covers(mine, theirs) for mine in self.urls) for theirs in other.urls)
        )

    def show(self) -> str:
        """The rule as messages print it; empty parts are left out."""
        parts = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.urls),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return "{" + ", ".join(f"{name}:{show_strings(values)}" for name, values in parts if values) + "}"

    def to_dict(self) -> Tree:
        parts: Iterable[tuple[str, tuple[str, ...]]] = (
            ("verbs", self.verbs),
            ("apiGroups", self.groups),
            ("resources", self.resources),
            ("resourceNames", self.names),
            ("nonResourceURLs", self.urls),
        )
        return {name: list(values) for name, values in parts if values}

    def _has_resource(self, combined: str, subresource: str) -> bool:
        return (
            combined in self.resources
            or "*" in self.resources
            or (bool(subresource) and f"*/{subresource}" in self.resources)
        )


def rules_of(role: Tree) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole tree."""
    rules: Any = role.get("rules") or ()
    return tuple(Rule.of(rule) for rule in rules)


def uncovered(held: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """The smallest pieces of `wanted` that no rule of `held` covers, verbs of alike pieces joined."""
    missing = [piece for rule in wanted for piece in _pieces(rule) if not any(h.covers(piece) for h in held)]
    joined: dict[tuple[Any, ...], list[str]] = {}
    for piece in missing:
        verbs = joined.setdefault((piece.groups, piece.resources, piece.names, piece.urls), [])
        if piece.verbs[0] not in verbs:
            verbs.append(piece.verbs[0])
    return [Rule(tuple(verbs), *rest) for rest, verbs in joined.items()]


def show_strings(values: Sequence[str]) -> str:
    """`["a" "b"]`, as Go prints a list of quoted strings."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


def _pieces(rule: Rule) -> Iterable[Rule]:
    """The rule taken apart: one verb, and one group, resource and name or one path each."""
    for verb in rule.verbs:
        for group in rule.groups:
            for resource in rule.resources:
                for name in rule.names or (None,):
                    yield Rule((verb,), (group,), (resource,), () if name is None else (name,))
        for url in rule.urls:
            yield Rule((verb,), urls=(url,))


def _includes(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return "*" in mine or all(value in mine for value in theirs)


def _url_matches(rule_url: str, path: str) -> bool:
    return rule_url == path or (rule_url.endswith("*") and path.startswith(rule_url[:-1].rstrip("*")))


def _url_covers(mine: str, theirs: str) -> bool:
    return mine == theirs or (mine.endswith("*") and theirs.startswith(mine[:-1].rstrip("*")))
