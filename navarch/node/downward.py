"""What a pod may read about itself: fieldRef and resourceFieldRef, for environment and volumes.

Source: the kubelet's `fieldpath.ExtractFieldPathAsString` and `resource.ExtractContainerResourceValue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from navarch.api.views.pod import Container, Pod
from navarch.api.views.volume import ResourceFieldSelector
from navarch.base import quantity
from navarch.node.labels import AnyContainer

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


class FieldError(ValueError):
    """The path names nothing that may be read."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pod's spec does not say: its addresses, the node's, what the node can give."""

    pod_ips: Sequence[str] = ()
    host_ips: Sequence[str] = ()
    allocatable: Mapping[str, str] | None = None


def field_value(pod: Pod, path: str, around: Surroundings) -> str:
    """The text of a fieldRef. Raises: FieldError."""
    meta, spec = pod.metadata, pod.spec
    if match := _SUBSCRIPT.fullmatch(path):
        return (meta.labels if match[1] == "labels" else meta.annotations).get(match[2], "")
    simple = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "spec.nodeName": spec.nodeName,
        "spec.serviceAccountName": spec.serviceAccountName,
        "status.hostIP": around.host_ips[0] if around.host_ips else "",
        "status.hostIPs": ",".join(around.host_ips),
        "status.podIP": around.pod_ips[0] if around.pod_ips else "",
        "status.podIPs": ",".join(around.pod_ips),
    }
    if path in simple:
        return simple[path]
    if path in ("metadata.labels", "metadata.annotations"):
        return format_map(meta.labels if path.endswith("labels") else meta.annotations)
    raise FieldError(f"unsupported fieldPath: {path}")


def format_map(values: Mapping[str, str]) -> str:
    """One `key="value"` a line, sorted, values quoted as Go quotes them."""
    return "\n".join(f"{key}={json.dumps(values[key], ensure_ascii=False)}" for key in sorted(values))


def resource_value(pod: Pod, container: AnyContainer, ref: ResourceFieldSelector, around: Surroundings) -> str:
    """The number of a resourceFieldRef, rounded up to whole divisors. Raises: FieldError."""
    source = container
    if ref.containerName:
        every: tuple[Container, ...] = (*pod.spec.initContainers, *pod.spec.containers)
        found = next((c for c in every if c.name == ref.containerName), None)
        if found is None:
            raise FieldError(f"container {ref.containerName} not found")
        source = found
    which, _, name = ref.resource.partition(".")
    if which not in ("limits", "requests") or not name:
        raise FieldError(f"unsupported container resource : {ref.resource}")
    amount = _amount(source, which, name, around)
    divisor = ref.divisor if ref.divisor not in ("", "0") else "1"
    if name == "cpu":
        return str(-(-quantity.milli_value(amount) // quantity.milli_value(divisor)))
    return str(-(-quantity.value(amount) // quantity.value(divisor)))


def _amount(container: AnyContainer, which: str, name: str, around: Surroundings) -> str:
    resources = container.resources
    amounts = getattr(resources, which) if resources is not None else {}
    if name in amounts:
        return str(amounts[name])
    if which == "limits" and name in ("cpu", "memory", "ephemeral-storage"):
        return (around.allocatable or {}).get(name, "0")
    return "0"
