"""Pod: containers that run together on one node."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_cells import cells
from navarch.api.core.pod_defaults import default_pod
from navarch.api.core.pod_prepare import prepare_pod
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.api.validation import pod as pod_rules
from navarch.api.validation.pod_status import pod_status_errors
from navarch.api.warnings import pod_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", "The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last "
        "container in this pod has restarted.",
    ),
    AGE,
    Column(
        "IP",
        "podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.",
        priority=1,
    ),
    Column(
        "Node",
        "NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate "
        "for scheduling by the scheduler defined in schedulerName. Once this field is set, the "
        "kubelet for this node becomes responsible for the lifecycle of this pod. This field should "
        "not be used to express a desire for the pod to be scheduled on a specific node. "
        "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
        priority=1,
    ),
    Column(
        "Nominated Node",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot "
        "be scheduled right away as preemption victims receive their graceful termination periods. "
        "This field does not guarantee that the pod will be scheduled on this node. Scheduler may "
        "decide to place the pod elsewhere if other nodes become available sooner. Scheduler may also"
        " decide to give the resources on this node to a higher priority pod that is created after "
        "preemption. As a result, this field may be different than PodSpec.nodeName when the pod is "
        "scheduled.",
        priority=1,
    ),
    Column(
        "Readiness Gates",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when "
        "all its containers are ready AND all conditions specified in the readiness gates have status"
        ' equal to "True" More info: '
        "https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
        priority=1,
    ),
)


def _grace_period_s(pod: Tree, asked_s: int | None) -> int:
    """Pods that no node has, and those that have ended, go at once."""
    spec, status = pod["spec"], pod.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    seconds: int = spec.get("terminationGracePeriodSeconds", 0) if asked_s is None else asked_s
    return 1 if seconds < 0 else seconds


def _prepare_status(new: Tree, old: Tree) -> None:
    """The class of service was found at creation; who leaves it out does not take it away."""
    keep_all_but_status(new, old)
    known = (old.get("status") or {}).get("qosClass")
    if known and not (new.get("status") or {}).get("qosClass"):
        new["status"] = {**(new.get("status") or {}), "qosClass": known}


KIND = Kind(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Pod",
    short_names=("po",),
    categories=("all",),
    subresources=(
        Subresource("attach", "PodAttachOptions", ("create", "get")),
        Subresource("binding", "Binding", ("create",)),
        Subresource("ephemeralcontainers", "Pod", ("get", "patch", "update")),
        Subresource("eviction", "Eviction", ("create",), group="policy", version="v1"),
        Subresource("exec", "PodExecOptions", ("create", "get")),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
        Subresource("proxy", "PodProxyOptions", ("create", "delete", "get", "patch", "update")),
        Subresource("resize", "Pod", ("get", "patch", "update")),
        status_of("Pod"),
    ),
    storage_version_hash="xPOwRZ+Yhw8=",
    columns=COLUMNS,
    prepare_update=keep_status,
    prepare_status=_prepare_status,
    has_generation=True,
    delete_returns_object=True,
    grace_period_s=_grace_period_s,
    fields={
        "spec.nodeName": path("spec.nodeName"),
        "spec.restartPolicy": path("spec.restartPolicy"),
        "spec.schedulerName": path("spec.schedulerName"),
        "spec.serviceAccountName": path("spec.serviceAccountName"),
        "spec.host": path("spec.nodeName"),
        "spec.hostNetwork": path("spec.hostNetwork", "false"),
        "status.phase": path("status.phase"),
        "status.podIP": path("status.podIP"),
        "status.podIPs": path("status.podIPs"),
        "status.nominatedNodeName": path("status.nominatedNodeName"),
    },
    default=default_pod,
    prepare_create=prepare_pod,
    cells=cells,
    validate=pod_rules.errors,
    validate_status=pod_status_errors,
    validate_change=pod_rules.change_errors,
    warnings=pod_warnings,
)
