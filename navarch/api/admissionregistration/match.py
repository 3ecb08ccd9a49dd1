"""Defaults that webhooks and admission policies share: which requests they match."""

from __future__ import annotations

from navarch.api.defaulting import each, fill_pointer
from navarch.schema.types import Tree

HTTPS_PORT = 443


def default_webhooks(configuration: Tree, *, mutating: bool) -> None:
    for webhook in each(configuration, "webhooks"):
        default_match(webhook)
        default_rules(webhook, "rules")
        fill_pointer(webhook, "failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        if mutating:
            fill_pointer(webhook, "reinvocationPolicy", "Never")
        if service := (webhook.get("clientConfig") or {}).get("service"):
            service.setdefault("port", HTTPS_PORT)


def default_match_resources(resources: Tree | None) -> None:
    """`matchConstraints` of a policy or `matchResources` of a binding."""
    if resources is None:
        return
    default_match(resources)
    default_rules(resources, "resourceRules", "excludeResourceRules")


def default_match(tree: Tree) -> None:
    fill_pointer(tree, "matchPolicy", "Equivalent")
    fill_pointer(tree, "namespaceSelector", {})
    fill_pointer(tree, "objectSelector", {})


def default_rules(tree: Tree, *keys: str) -> None:
    for rule in each(tree, *keys):
        fill_pointer(rule, "scope", "*")
