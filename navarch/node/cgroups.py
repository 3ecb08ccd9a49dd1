"""The cgroups around pods: where they are, and what they are limited to.

    <root>/pod<uid>                     Guaranteed
    <root>/burstable/pod<uid>
    <root>/besteffort/pod<uid>

The machine's part (cgroup v1, hybrid or v2) is `host.apply_cgroup`. The runtime makes each container's own
cgroup below the pod's.

Source: the kubelet's `cm/pod_container_manager_linux.go` (names), with the cgroupfs driver.
"""

from __future__ import annotations

from navarch.api.views.pod import Pod
from navarch.node.host.contract import Host
from navarch.node.qos import BEST_EFFORT, BURSTABLE, qos_class
from navarch.node.resources import pod_resources

_PARENTS = {BURSTABLE: "/burstable", BEST_EFFORT: "/besteffort"}


def pod_path(root: str, pod: Pod) -> str:
    """The pod's cgroup below the hierarchies' roots; empty when the kubelet keeps none."""
    if not root:
        return ""
    parent = _PARENTS.get(pod.status.qosClass or qos_class(pod), "")
    return f"{root}{parent}/pod{pod.metadata.uid}"


def create(host: Host, root: str, pod: Pod) -> None:
    """Make the pod's cgroup with its limits."""
    if root:
        host.apply_cgroup(pod_path(root, pod), pod_resources(pod))


def remove(host: Host, root: str, pod: Pod) -> None:
    if root:
        host.remove_cgroup(pod_path(root, pod))
