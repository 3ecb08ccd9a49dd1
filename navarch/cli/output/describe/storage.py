"""`kubectl describe` of volumes, claims, and the classes and drivers behind them."""

from __future__ import annotations

from navarch.cli.output.describe.context import Context, Lines, rfc1123
from navarch.cli.output.describe.volumes import known_source
from navarch.cli.selection import Found
from navarch.schema.types import Tree

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SHORT_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def persistent_volume(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.head(found)
    out.line(0, "Finalizers:", _listed(metadata.get("finalizers")))
    out.line(0, "StorageClass:", spec.get("storageClassName", ""))
    out.line(0, "Status:", _phase(metadata, status))
    claim = spec.get("claimRef")
    out.line(0, "Claim:", f"{claim['namespace']}/{claim['name']}" if claim else "")
    out.line(0, "Reclaim Policy:", spec.get("persistentVolumeReclaimPolicy", ""))
    out.line(0, "Access Modes:", _modes(spec.get("accessModes")))
    if spec.get("volumeMode"):
        out.line(0, "VolumeMode:", spec["volumeMode"])
    out.line(0, "Capacity:", (spec.get("capacity") or {}).get("storage", ""))
    _node_affinity(out, spec.get("nodeAffinity"))
    out.line(0, "Message:", status.get("message", ""))
    out.put(0, "Source:\n")
    for title, value in known_source(spec):
        out.line(2, f"{title}:", value)
    context.events(out, found)
    return out.render()


def _node_affinity(out: Lines, affinity: Tree | None) -> None:
    if not affinity or not affinity.get("required"):
        out.line(0, "Node Affinity:", "<none>")
        return
    out.put(0, "Node Affinity:\n")
    terms = affinity["required"].get("nodeSelectorTerms") or []
    if not terms:
        out.line(1, "Required Terms:", "<none>")
        return
    out.put(1, "Required Terms:\n")
    for i, term in enumerate(terms):
        rules = term.get("matchExpressions") or []
        for j, rule in enumerate(rules):
            values = rule.get("values") or []
            shown = f"{rule['key']} {rule['operator'].lower()}" + (f" [{', '.join(values)}]" if values else "")
            out.line(2, f"Term {i}:" if j == 0 else "", shown)
        if not rules:
            out.line(2, f"Term {i}:", "<none>")


def claim(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    out.line(0, "StorageClass:", spec.get("storageClassName", ""))
    out.line(0, "Status:", _phase(metadata, status))
    out.line(0, "Volume:", spec.get("volumeName", ""))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.line(0, "Finalizers:", _listed(metadata.get("finalizers")))
    bound = bool(spec.get("volumeName"))
    out.line(0, "Capacity:", (status.get("capacity") or {}).get("storage", "") if bound else "")
    out.line(0, "Access Modes:", _modes(status.get("accessModes")) if bound else "")
    if spec.get("volumeMode"):
        out.line(0, "VolumeMode:", spec["volumeMode"])
    _data_source(out, spec.get("dataSource"))
    out.pairs("Used By", _users(found, context))
    if conditions := status.get("conditions"):
        out.put(0, "Conditions:\n")
        heads = ("Type", "Status", "LastProbeTime", "LastTransitionTime", "Reason", "Message")
        out.line(1, *heads)
        out.line(1, *("-" * len(head) for head in heads))
        for c in conditions:
            times = (rfc1123(c.get("lastProbeTime")), rfc1123(c.get("lastTransitionTime")))
            out.line(1, c["type"], c["status"], *times, c.get("reason", ""), c.get("message", ""))
    context.events(out, found)
    return out.render()


def _data_source(out: Lines, source: Tree | None) -> None:
    if not source:
        return
    out.put(0, "DataSource:\n")
    for title, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
        if source.get(key):
            out.line(1, f"{title}:", source[key])


def _users(found: Found, context: Context) -> list[str]:
    """The pods that mount the claim."""
    return sorted(
        pod["metadata"]["name"]
        for pod in context.items(f"/api/v1/namespaces/{found.namespace}/pods")
        for volume in pod["spec"].get("volumes") or []
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == found.name
    )


def storage_class(found: Found, context: Context) -> str:
    out = Lines()
    tree = found.tree
    annotations = tree["metadata"].get("annotations") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "IsDefaultClass:", "Yes" if annotations.get(_DEFAULT_CLASS) == "true" else "No")
    out.line(0, "Annotations:", _joined(annotations))
    out.line(0, "Provisioner:", tree.get("provisioner", ""))
    out.line(0, "Parameters:", _joined(tree.get("parameters") or {}))
    expansion = tree.get("allowVolumeExpansion")
    out.line(0, "AllowVolumeExpansion:", "<unset>" if expansion is None else "True" if expansion else "False")
    if options := tree.get("mountOptions"):
        out.put(0, "MountOptions:\n")
        for option in options:
            out.put(1, f"{option}\n")
    else:
        out.line(0, "MountOptions:", "<none>")
    out.line(0, "ReclaimPolicy:", tree.get("reclaimPolicy", "<unset>"))
    out.line(0, "VolumeBindingMode:", tree.get("volumeBindingMode", "<unset>"))
    _topologies(out, tree.get("allowedTopologies"))
    context.events(out, found)
    return out.render()


def _topologies(out: Lines, terms: list[Tree] | None) -> None:
    if terms is None:
        return
    out.line(0, "AllowedTopologies:", "" if terms else "<none>")
    for i, term in enumerate(terms):
        rules = term.get("matchLabelExpressions") or []
        for j, rule in enumerate(rules):
            shown = f"{rule['key']} in [{', '.join(rule.get('values') or [])}]"
            out.line(1, f"Term {i}:" if j == 0 else "", shown)
        if not rules:
            out.line(1, f"Term {i}:", "<none>")


def attributes_class(found: Found, context: Context) -> str:
    out = Lines()
    out.line(0, "Name:", found.name)
    out.line(0, "Annotations:", _joined(found.tree["metadata"].get("annotations") or {}))
    out.line(0, "DriverName:", found.tree.get("driverName", ""))
    out.line(0, "Parameters:", _joined(found.tree.get("parameters") or {}))
    context.events(out, found)
    return out.render()


def csi_node(found: Found, context: Context) -> str:
    out = Lines()
    metadata = found.tree["metadata"]
    out.head(found)
    out.line(0, "CreationTimestamp:", rfc1123(metadata.get("creationTimestamp")))
    out.put(0, "Spec:\n")
    if drivers := found.tree["spec"].get("drivers"):
        out.put(1, "Drivers:\n")
        for driver in drivers:
            _driver(out, driver)
    context.events(out, found)
    return out.render()


def _driver(out: Lines, driver: Tree) -> None:
    out.put(2, f"{driver['name']}:\n")
    out.line(3, "Node ID:", driver["nodeID"])
    count = (driver.get("allocatable") or {}).get("count")
    if count is not None:
        out.put(3, "Allocatables:\n")
        out.line(4, "Count:", count)
    if keys := driver.get("topologyKeys"):
        out.line(3, "Topology Keys:", "[" + " ".join(keys) + "]")


def _phase(metadata: Tree, status: Tree) -> str:
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    return str(status.get("phase", ""))


def _listed(values: list[str] | None) -> str:
    return "[" + " ".join(values or []) + "]"


def _joined(pairs: dict[str, str]) -> str:
    return ",".join(f"{key}={pairs[key]}" for key in sorted(pairs)) or "<none>"


def _modes(modes: list[str] | None) -> str:
    return ",".join(_SHORT_MODES.get(mode, mode) for mode in modes or [])
