"""DefaultTolerationSeconds and TaintNodesByCondition: how pods and new nodes meet.

Source: plugin/pkg/admission/defaulttolerationseconds, plugin/pkg/admission/nodetaint.
"""

from __future__ import annotations

from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"

#: How long a pod stays on a node that is not ready or not reachable.
TOLERATED_S = 300


def tolerate(attributes: Attributes, _world: World) -> None:
    """Give a pod five minutes on a failing node, unless it says otherwise."""
    pod = attributes.obj
    assert pod is not None
    tolerations: list[Tree] = pod["spec"].get("tolerations", [])
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED_S}
        for key in (NOT_READY, UNREACHABLE)
        if not any(_covers(toleration, key) for toleration in tolerations)
    ]
    if added:
        pod["spec"]["tolerations"] = [*tolerations, *added]


def _covers(toleration: Tree, key: str) -> bool:
    return toleration.get("key", "") in ("", key) and toleration.get("effect", "") in ("", "NoExecute")


def taint(attributes: Attributes, _world: World) -> None:
    """A new node takes no pods until its first status says that it is ready."""
    node = attributes.obj
    assert node is not None
    taints: list[Tree] = node.setdefault("spec", {}).setdefault("taints", [])
    if not any(t.get("key") == NOT_READY and t.get("effect") == "NoSchedule" for t in taints):
        taints.append({"key": NOT_READY, "effect": "NoSchedule"})


DEFAULT_TOLERATION_SECONDS = Plugin("DefaultTolerationSeconds", (CREATE, UPDATE), ("pods",), admit=tolerate)
TAINT_NODES_BY_CONDITION = Plugin("TaintNodesByCondition", (CREATE,), ("nodes",), admit=taint)
