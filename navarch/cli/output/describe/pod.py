"""`kubectl describe pod`."""

from __future__ import annotations

from navarch.cli.output.describe.containers import containers
from navarch.cli.output.describe.context import Context, Lines, rfc1123
from navarch.cli.output.describe.volumes import volumes
from navarch.cli.selection import Found
from navarch.schema.types import Tree


def pod(found: Found, context: Context) -> str:
    out = Lines()
    tree = found.tree
    metadata, spec, status = tree["metadata"], tree.get("spec") or {}, tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    if spec.get("priority") is not None:
        out.line(0, "Priority:", spec["priority"])
        if spec.get("priorityClassName"):
            out.line(0, "Priority Class Name:", spec["priorityClassName"])
    if spec.get("runtimeClassName"):
        out.line(0, "Runtime Class Name:", spec["runtimeClassName"])
    if spec.get("serviceAccountName"):
        out.line(0, "Service Account:", spec["serviceAccountName"])
    node = spec.get("nodeName")
    out.line(0, "Node:", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        out.line(0, "Start Time:", rfc1123(status["startTime"]))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    _phase(out, metadata, status, context)
    _addresses(out, status)
    if owner := next((o for o in metadata.get("ownerReferences") or [] if o.get("controller")), None):
        out.line(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")
    if status.get("nominatedNodeName"):
        out.line(0, "NominatedNodeName:", status["nominatedNodeName"])
    groups = (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    )
    for title, key, statuses in groups:
        if spec.get(key):
            containers(out, title, spec[key], status.get(statuses) or [], "", tree)
    _gates_and_conditions(out, spec, status)
    volumes(out, spec.get("volumes") or [])
    out.line(0, "QoS Class:", status.get("qosClass", ""))
    out.labels("Node-Selectors", spec.get("nodeSelector"))
    out.pairs("Tolerations", tolerations(spec.get("tolerations") or []))
    spread = [_spread(rule) for rule in spec.get("topologySpreadConstraints") or []]
    if spread:
        out.pairs("Topology Spread Constraints", sorted(spread))
    context.events(out, found)
    return out.render()


def _phase(out: Lines, metadata: Tree, status: Tree, context: Context) -> None:
    if metadata.get("deletionTimestamp"):
        out.line(0, "Status:", f"Terminating (lasts {context.age(metadata['deletionTimestamp'])})")
        out.line(0, "Termination Grace Period:", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        out.line(0, "Status:", status.get("phase", ""))
    for title, key in (("Reason", "reason"), ("Message", "message")):
        if status.get(key):
            out.line(0, f"{title}:", status[key])


def _addresses(out: Lines, status: Tree) -> None:
    out.line(0, "IP:", status.get("podIP", ""))
    addresses = status.get("podIPs") or []
    if not addresses:
        out.line(0, "IPs:", "<none>")
        return
    out.line(0, "IPs:")
    for address in addresses:
        out.line(1, "IP:", address["ip"])


def _gates_and_conditions(out: Lines, spec: Tree, status: Tree) -> None:
    conditions = status.get("conditions") or []
    if gates := spec.get("readinessGates"):
        out.line(0, "Readiness Gates:")
        out.line(1, "Type", "Status")
        known = {condition["type"]: condition["status"] for condition in conditions}
        for gate in gates:
            out.line(1, f"{gate['conditionType']} ", f"{known.get(gate['conditionType'], '<none>')} ")
    if conditions:
        out.line(0, "Conditions:")
        out.line(1, "Type", "Status")
        for condition in conditions:
            out.line(1, f"{condition['type']} ", f"{condition['status']} ")


def tolerations(found: list[Tree]) -> list[str]:
    """`key=value:effect op=Exists for 300s`, sorted by key."""
    return [_toleration(item) for item in sorted(found, key=lambda item: item.get("key", ""))]


def _toleration(item: Tree) -> str:
    text: str = item.get("key", "")
    if item.get("value"):
        text += f"={item['value']}"
    if item.get("effect"):
        text += f":{item['effect']}"
    operator = item.get("operator", "Equal")
    if operator != "Equal" and not item.get("value"):
        text += " op=Exists"
    if item.get("tolerationSeconds") is not None:
        text += f" for {item['tolerationSeconds']}s"
    return text


def _spread(rule: Tree) -> str:
    from navarch.cli.output.describe.context import selector_text

    text = f"{rule['topologyKey']}:{rule['whenUnsatisfiable']} when max skew {rule['maxSkew']} is exceeded"
    return f"{text} for selector {selector_text(rule['labelSelector'])}" if rule.get("labelSelector") else text
