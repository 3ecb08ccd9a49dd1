"""PodTopologyLabels: a pod that is bound learns the zone and the region of its node.

Source: plugin/pkg/admission/podtopologylabels, KEP-4742.
"""

from __future__ import annotations

from navarch.server.admission.contract import CREATE, Attributes, Plugin, World

_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def admit(attributes: Attributes, world: World) -> None:
    binding = attributes.tree
    node = world.get("nodes", "", binding["target"].get("name", ""))
    if node is None:
        return
    labels = node["metadata"].get("labels", {})
    known = {name: labels[name] for name in _LABELS if name in labels}
    if known:
        metadata = binding.setdefault("metadata", {})
        metadata["labels"] = {**metadata.get("labels", {}), **known}


PLUGIN = Plugin("PodTopologyLabels", (CREATE,), ("pods",), ("binding",), admit=admit)
