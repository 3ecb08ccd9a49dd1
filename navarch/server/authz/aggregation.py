"""What rules an aggregated ClusterRole has: the union of those whose labels it selects. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from navarch.base.selector import from_label_selector
from navarch.schema.types import Tree


def aggregated_rules(role: Tree, roles: Iterable[Tree]) -> list[Tree]:
    """The rules for `role`, which has an aggregationRule: selector by selector, roles by name, each rule
    once. The role itself is never a source."""
    sources = sorted((r for r in roles if r["metadata"]["name"] != role["metadata"]["name"]), key=_name)
    rules: list[Tree] = []
    for tree in role["aggregationRule"].get("clusterRoleSelectors") or ():
        selector = from_label_selector(tree)
        for source in sources:
            if selector.matches(source["metadata"].get("labels") or {}):
                rules.extend(rule for rule in source.get("rules") or () if rule not in rules)
    return rules


def _name(role: Tree) -> str:
    name: str = role["metadata"]["name"]
    return name
