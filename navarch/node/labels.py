"""What is written on sandboxes and containers, so that a restarted kubelet knows its own again.

Labels name the pod and the container; annotations keep what the pod's spec may no longer say when the
container is looked at: the restart count, the hash of the spec it was made from, where it leaves its last
words. Nothing about a running container is kept anywhere else.

Source: the kubelet's `kuberuntime/labels.go` (names of the keys).
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from navarch.api.views.pod import Container, EphemeralContainer, Pod
from navarch.node.runtime.contract import CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID

HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy"
POD_GRACE = "io.kubernetes.pod.terminationGracePeriod"
CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_MIRROR = "kubernetes.io/config.mirror"

AnyContainer = Container | EphemeralContainer


def all_containers(pod: Pod) -> tuple[AnyContainer, ...]:
    """Every container of a pod, in the order in which they are started."""
    return (*pod.spec.initContainers, *pod.spec.containers, *pod.spec.ephemeralContainers)


def spec_hash(container: AnyContainer) -> str:
    """Changes exactly when a running container has to be replaced: another image."""
    return format(crc32(b"\0".join((container.name.encode(), container.image.encode()))), "x")


def pod_labels(pod: Pod) -> dict[str, str]:
    """The labels of a pod's sandbox: its own, and whose it is."""
    meta = pod.metadata
    return {**meta.labels, POD_NAME: meta.name, POD_NAMESPACE: meta.namespace, POD_UID: meta.uid}


def container_labels(pod: Pod, container: AnyContainer) -> dict[str, str]:
    meta = pod.metadata
    return {
        POD_NAME: meta.name,
        POD_NAMESPACE: meta.namespace,
        POD_UID: meta.uid,
        CONTAINER_NAME: container.name,
    }


def container_annotations(pod: Pod, container: AnyContainer, restart_count: int) -> dict[str, str]:
    out = {
        HASH: spec_hash(container),
        RESTART_COUNT: str(restart_count),
        TERMINATION_MESSAGE_PATH: container.terminationMessagePath,
        TERMINATION_MESSAGE_POLICY: container.terminationMessagePolicy,
    }
    if pod.spec.terminationGracePeriodSeconds is not None:
        out[POD_GRACE] = str(pod.spec.terminationGracePeriodSeconds)
    return out


def restart_count(annotations: Mapping[str, str], attempt: int) -> int:
    """The restart count that a container was made with; its attempt, if the annotation is missing."""
    text = annotations.get(RESTART_COUNT, "")
    return int(text) if text.isdigit() else attempt


def is_static(pod: Pod) -> bool:
    """A pod from a manifest on this node, not from the API server."""
    return pod.metadata.annotations.get(CONFIG_SOURCE, "api") != "api"


def is_mirror(pod: Pod) -> bool:
    """The API server's image of a static pod."""
    return CONFIG_MIRROR in pod.metadata.annotations
