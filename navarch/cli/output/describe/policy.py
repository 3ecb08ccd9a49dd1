"""`kubectl describe` of what limits others: quotas, limit ranges, disruption budgets, network policies, priorities."""

from __future__ import annotations

from navarch.base import quantity
from navarch.cli.output.describe.context import Context, Lines, selector_text, yes
from navarch.cli.selection import Found
from navarch.schema.types import Tree

_SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a node "
    "before being actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include long running "
    "pods whose container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best effort quality "
    "of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a burstable "
    "or guaranteed quality of service.",
}


def resource_quota(found: Found, context: Context) -> str:
    out = Lines()
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    if scopes := sorted(found.tree["spec"].get("scopes") or ()):
        out.line(0, "Scopes:", ", ".join(scopes))
        for scope in scopes:
            if scope in _SCOPES:
                out.line(0, f" * {_SCOPES[scope]}")
    usage(out, found.tree, 0)
    return out.render()


def usage(out: Lines, quota: Tree, level: int) -> None:
    """A quota's table: used and hard."""
    status = quota.get("status") or {}
    used: dict[str, str] = status.get("used") or {}
    out.line(level, "Resource", "Used", "Hard")
    out.line(level, "--------", "----" if level == 0 else "---", "----" if level == 0 else "---")
    for name, hard in sorted((status.get("hard") or {}).items()):
        out.line(level, name, _in_form_of(used.get(name, "0"), hard), hard)


def _in_form_of(used: str, hard: str) -> quantity.Quantity:
    return quantity.Quantity(quantity.parse(used).nano, quantity.parse(hard).format)


def limit_range(found: Found, context: Context) -> str:
    out = Lines()
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    limits(out, found.tree["spec"].get("limits") or [], "")
    return out.render()


def limits(out: Lines, items: list[Tree], indent: str) -> None:
    """A limit range's table: a row for each kind of thing and resource."""
    heads = ("Type", "Resource", "Min", "Max", "Default Request", "Default Limit", "Max Limit/Request Ratio")
    out.put(0, indent + "\t".join(heads) + "\n")
    out.put(0, indent + "\t".join("-" * len(head) for head in heads) + "\n")
    keys = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    for item in items:
        for name in sorted({name for key in keys for name in item.get(key) or ()}):
            cells = [(item.get(key) or {}).get(name, "-") for key in keys]
            out.put(0, indent + "\t".join([item.get("type", ""), name, *cells]) + "\n")


def disruption_budget(found: Found, context: Context) -> str:
    out = Lines()
    spec, status = found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    for title, key in (("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")):
        if spec.get(key) is not None:
            out.line(0, f"{title}:", spec[key])
    selector = spec.get("selector")
    out.line(0, "Selector:", selector_text(selector) if selector is not None else "<unset>")
    out.put(0, "Status:\n")
    for title, key in (("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"),
                       ("Desired", "desiredHealthy"), ("Total", "expectedPods")):  # fmt: skip
        out.line(2, f"{title}:", status.get(key, 0))
    context.events(out, found)
    return out.render()


def priority_class(found: Found, context: Context) -> str:
    out = Lines()
    tree = found.tree
    out.line(0, "Name:", found.name)
    out.line(0, "Value:", tree.get("value", 0))
    out.line(0, "GlobalDefault:", yes(tree.get("globalDefault")))
    out.line(0, "PreemptionPolicy:", tree.get("preemptionPolicy", ""))
    out.line(0, "Description:", tree.get("description", ""))
    out.annotations(tree["metadata"].get("annotations"))
    context.events(out, found)
    return out.render()


def network_policy(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec = found.tree["metadata"], found.tree["spec"]
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    out.line(0, "Created on:", (metadata.get("creationTimestamp") or "").replace("T", " ").replace("Z", " +0000 UTC"))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.put(0, "Spec:\n")
    selector = spec.get("podSelector") or {}
    shown = (
        selector_text(selector) if selector else "<none> (Allowing the specific traffic to all pods in this namespace)"
    )
    out.put(1, f"PodSelector:     {shown}\n")
    kinds = spec.get("policyTypes") or []
    for title, key, word in (("Ingress", "ingress", "From"), ("Egress", "egress", "To")):
        if title in kinds:
            out.put(1, f"Allowing {key} traffic:\n")
            _rules(out, spec.get(key) or [], key, word)
        else:
            out.put(1, f"Not affecting {key} traffic\n")
    out.put(1, f"Policy Types: {', '.join(kinds)}\n")
    return out.render()


def _rules(out: Lines, rules: list[Tree], direction: str, word: str) -> None:
    if not rules:
        out.put(2, f"<none> (Selected pods are isolated for {direction} connectivity)\n")
    for i, rule in enumerate(rules):
        _rule(out, rule, word)
        if i < len(rules) - 1:
            out.put(2, "----------\n")


def _rule(out: Lines, rule: Tree, word: str) -> None:
    ports = rule.get("ports") or []
    if not ports:
        out.put(2, "To Port: <any> (traffic allowed to all ports)\n")
    for port in ports:
        protocol = port.get("protocol", "TCP")
        if port.get("endPort"):
            out.put(2, f"To Port Range: {port['port']}-{port['endPort']}/{protocol}\n")
        else:
            out.put(2, f"To Port: {port.get('port', '<any>')}/{protocol}\n")
    peers = rule.get(word.lower()) or []
    if not peers:
        out.put(2, f"{word}: <any> (traffic not restricted by {'source' if word == 'From' else 'destination'})\n")
    for peer in peers:
        out.put(2, f"{word}:\n")
        for key, title in (("namespaceSelector", "NamespaceSelector"), ("podSelector", "PodSelector")):
            if peer.get(key) is not None:
                out.put(3, f"{title}: {selector_text(peer[key])}\n")
        if block := peer.get("ipBlock"):
            out.put(3, "IPBlock:\n")
            out.put(4, f"CIDR: {block['cidr']}\n")
            out.put(4, f"Except: {', '.join(block.get('except') or [])}\n")
