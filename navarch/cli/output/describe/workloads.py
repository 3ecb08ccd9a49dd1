"""`kubectl describe` of deployments, replica sets, daemon sets, stateful sets and replication controllers."""

from __future__ import annotations

from navarch.cli.output.describe.containers import containers
from navarch.cli.output.describe.context import Context, Lines, rfc1123, selector_text
from navarch.cli.output.describe.pod import tolerations
from navarch.cli.output.describe.volumes import volumes
from navarch.cli.selection import Found
from navarch.schema.types import Tree

_REVISION = "deployment.kubernetes.io/revision"


def deployment(found: Found, context: Context) -> str:
    out = Lines()
    tree = found.tree
    metadata, spec, status = tree["metadata"], tree["spec"], tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    out.line(0, "CreationTimestamp:", rfc1123(metadata.get("creationTimestamp")))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.line(0, "Selector:", selector_text(spec.get("selector")))
    counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas", "unavailableReplicas")]
    shown = "{} updated | {} total | {} available | {} unavailable".format(*counts)
    out.line(0, "Replicas:", f"{spec.get('replicas', 1)} desired | {shown}")
    strategy = spec.get("strategy") or {}
    out.line(0, "StrategyType:", strategy.get("type", ""))
    out.line(0, "MinReadySeconds:", spec.get("minReadySeconds", 0))
    if rolling := strategy.get("rollingUpdate"):
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        out.line(0, "RollingUpdateStrategy:", text)
    pod_template(out, spec["template"])
    if conditions := status.get("conditions"):
        out.put(0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n")
        for condition in conditions:
            out.put(0, f"  {condition['type']} \t{condition['status']}\t{condition.get('reason', '')}\n")
    _replica_sets(out, found, context)
    context.events(out, found)
    return out.render()


def _replica_sets(out: Lines, found: Found, context: Context) -> None:
    """The replica set of the current revision, and those of others that still have pods."""
    current = (found.tree["metadata"].get("annotations") or {}).get(_REVISION)
    uid = found.tree["metadata"]["uid"]
    owned = [
        item
        for item in context.items(f"/apis/apps/v1/namespaces/{found.namespace}/replicasets")
        if any(owner.get("uid") == uid for owner in item["metadata"].get("ownerReferences") or [])
    ]
    new = [item for item in owned if (item["metadata"].get("annotations") or {}).get(_REVISION) == current]
    old = [item for item in owned if item not in new]
    if old or new:
        out.line(0, "OldReplicaSets:", _replica_sets_text(old))
        out.line(0, "NewReplicaSet:", _replica_sets_text(new))


def _replica_sets_text(found: list[Tree]) -> str:
    shown: list[str] = []
    for item in sorted(found, key=lambda item: str(item["metadata"]["creationTimestamp"])):
        made = (item.get("status") or {}).get("replicas", 0)
        shown.append(f"{item['metadata']['name']} ({made}/{item['spec'].get('replicas', 1)} replicas created)")
    return ", ".join(shown) or "<none>"


def pod_template(out: Lines, template: Tree) -> None:
    """The template of a workload's pods."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    out.put(0, "Pod Template:\n")
    out.labels("Labels", metadata.get("labels"), 1)
    if metadata.get("annotations"):
        out.annotations(metadata["annotations"], "Annotations", 1)
    if spec.get("serviceAccountName"):
        out.line(1, "Service Account:", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(out, "Init Containers", spec["initContainers"], [], "  ", None)
    containers(out, "Containers", spec.get("containers") or [], [], "  ", None)
    volumes(out, spec.get("volumes") or [], "  ")
    if spec.get("priorityClassName"):
        out.line(1, "Priority Class Name:", spec["priorityClassName"])
    out.labels("Node-Selectors", spec.get("nodeSelector"), 1)
    out.pairs("Tolerations", tolerations(spec.get("tolerations") or []), 1)


def replica_set(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    selector = spec.get("selector")
    if found.resource.plural == "replicationcontrollers":
        selector = {"matchLabels": selector or {}}
    out.line(0, "Selector:", selector_text(selector))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    controlled_by(out, metadata)
    out.line(0, "Replicas:", f"{status.get('replicas', 0)} current / {spec.get('replicas', 1)} desired")
    _pods_status(out, found, context)
    pod_template(out, spec["template"])
    if conditions := status.get("conditions"):
        out.put(0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n")
        for condition in conditions:
            out.put(0, f"  {condition['type']} \t{condition['status']}\t{condition.get('reason', '')}\n")
    context.events(out, found)
    return out.render()


replication_controller = replica_set


def controlled_by(out: Lines, metadata: Tree) -> None:
    owner = next((o for o in metadata.get("ownerReferences") or [] if o.get("controller")), None)
    if owner:
        out.line(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")


def _pods_status(out: Lines, found: Found, context: Context) -> None:
    """How many pods are in which phase."""
    uid = found.tree["metadata"]["uid"]
    counts = dict.fromkeys(("Running", "Pending", "Succeeded", "Failed"), 0)
    for pod in context.items(f"/api/v1/namespaces/{found.namespace}/pods"):
        if any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or []):
            phase = (pod.get("status") or {}).get("phase", "")
            counts[phase] = counts.get(phase, 0) + 1
    text = "{Running} Running / {Pending} Waiting / {Succeeded} Succeeded / {Failed} Failed".format(**counts)
    out.line(0, "Pods Status:", text)


def daemon_set(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    out.line(0, "Selector:", selector_text(spec.get("selector")))
    node_selector = (spec["template"].get("spec") or {}).get("nodeSelector") or {}
    out.line(0, "Node-Selector:", ",".join(f"{k}={v}" for k, v in sorted(node_selector.items())) or "<none>")
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    counts = (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    )
    for title, key in counts:
        out.put(0, f"{title}: {status.get(key, 0)}\n")
    _pods_status(out, found, context)
    pod_template(out, spec["template"])
    context.events(out, found)
    return out.render()


def stateful_set(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    out.line(0, "CreationTimestamp:", rfc1123(metadata.get("creationTimestamp")))
    out.line(0, "Selector:", selector_text(spec.get("selector")))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.line(0, "Replicas:", f"{spec.get('replicas', 1)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    out.line(0, "Update Strategy:", strategy.get("type", ""))
    if (partition := (strategy.get("rollingUpdate") or {}).get("partition")) is not None:
        out.line(1, "Partition:", partition)
    _pods_status(out, found, context)
    pod_template(out, spec["template"])
    _claims(out, spec.get("volumeClaimTemplates") or [])
    context.events(out, found)
    return out.render()


def _claims(out: Lines, templates: list[Tree]) -> None:
    if not templates:
        out.line(0, "Volume Claims:", "<none>")
        return
    out.put(0, "Volume Claims:\n")
    for template in templates:
        spec = template["spec"]
        out.line(1, "Name:", template["metadata"]["name"])
        out.line(1, "StorageClass:", spec.get("storageClassName", ""))
        out.labels("Labels", template["metadata"].get("labels"), 1)
        out.annotations(template["metadata"].get("annotations"), "Annotations", 1)
        out.line(1, "Capacity:", ((spec.get("resources") or {}).get("requests") or {}).get("storage", "<default>"))
        out.line(1, "Access Modes:", "[" + " ".join(spec.get("accessModes") or []) + "]")
