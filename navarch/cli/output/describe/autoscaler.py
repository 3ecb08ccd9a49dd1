"""`kubectl describe` of horizontal pod autoscalers."""

from __future__ import annotations

from navarch.cli.output.describe.context import Context, Lines, rfc1123
from navarch.cli.selection import Found
from navarch.schema.types import Tree


def autoscaler(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    target = spec["scaleTargetRef"]
    out.head(found)
    out.line(0, "CreationTimestamp:", rfc1123(metadata.get("creationTimestamp")))
    out.line(0, "Reference:", f"{target['kind']}/{target['name']}")
    out.line(0, "Metrics:", "( current / target )")
    current = status.get("currentMetrics") or []
    for i, metric in enumerate(spec.get("metrics") or []):
        out.line(1, *_metric(metric, current[i] if i < len(current) else {}))
    out.line(0, "Min replicas:", spec.get("minReplicas", "<unset>"))
    out.line(0, "Max replicas:", spec["maxReplicas"])
    _behavior(out, spec.get("behavior") or {})
    out.put(0, f"{target['kind']} pods:\t")
    out.put(0, f"{status.get('currentReplicas', 0)} current / {status.get('desiredReplicas', 0)} desired\n")
    if conditions := status.get("conditions"):
        out.put(0, "Conditions:\n")
        out.line(1, "Type", "Status", "Reason", "Message")
        out.line(1, "----", "------", "------", "-------")
        for c in conditions:
            out.line(1, c["type"], c["status"], c.get("reason", ""), c.get("message", ""))
    context.events(out, found)
    return out.render()


def _metric(metric: Tree, current: Tree) -> tuple[str, str]:
    """What is measured, and `current / target`."""
    kind = metric["type"]
    source = metric[kind[:1].lower() + kind[1:]]
    measured = current.get(kind[:1].lower() + kind[1:]) or {}
    values, target = measured.get("current") or {}, source["target"]
    if kind in ("Resource", "ContainerResource"):
        where = f' of container "{source["container"]}"' if kind == "ContainerResource" else ""
        if target.get("averageValue") is not None:
            return f"resource {source['name']}{where} on pods:", _pair(values, target, "averageValue")
        share = values.get("averageUtilization")
        shown = "<unknown>" if share is None else f"{share}% ({values.get('averageValue')})"
        title = f"resource {source['name']}{where} on pods  (as a percentage of request):"
        return title, f"{shown} / {target.get('averageUtilization', '<auto>')}%"
    name = source["metric"]["name"]
    if kind == "Pods":
        return f'"{name}" on pods:', _pair(values, target, "averageValue")
    if kind == "Object":
        thing = source["describedObject"]
        key = "averageValue" if target["type"] == "AverageValue" else "value"
        return f'"{name}" on {thing["kind"]}/{thing["name"]} (target {_words(key)}):', _pair(values, target, key)
    key = "averageValue" if target.get("averageValue") is not None else "value"
    return f'"{name}" (target {_words(key)}):', _pair(values, target, key)


def _words(key: str) -> str:
    return "average value" if key == "averageValue" else "value"


def _pair(values: Tree, target: Tree, key: str) -> str:
    return f"{values.get(key, '<unknown>')} / {target[key]}"


def _behavior(out: Lines, behavior: Tree) -> None:
    if not behavior:
        return
    out.put(0, "Behavior:\n")
    for title, key in (("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")):
        if not (rules := behavior.get(key)):
            continue
        out.put(1, f"{title}:\n")
        if (window := rules.get("stabilizationWindowSeconds")) is not None:
            out.put(2, f"Stabilization Window: {window} seconds\n")
        if policies := rules.get("policies"):
            out.put(2, f"Select Policy: {rules.get('selectPolicy', 'Max')}\n")
            out.put(2, "Policies:\n")
            for policy in policies:
                out.line(
                    3,
                    f"- Type: {policy['type']}",
                    f"Value: {policy['value']}",
                    f"Period: {policy['periodSeconds']} seconds",
                )
