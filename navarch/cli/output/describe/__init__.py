"""What `kubectl describe` says, kind by kind: one function each, `(object, context) -> text`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from navarch.cli.output.describe.context import Context
from navarch.cli.resources import Resource
from navarch.cli.selection import Found

Describe = Callable[[Found, Context], str]

#: Plural and group of a resource, with the module and function that describes it.
_DESCRIBERS: dict[tuple[str, str], tuple[str, str]] = {
    ("pods", ""): ("pod", "pod"),
    ("nodes", ""): ("node", "node"),
    ("deployments", "apps"): ("workloads", "deployment"),
    ("replicasets", "apps"): ("workloads", "replica_set"),
    ("replicationcontrollers", ""): ("workloads", "replication_controller"),
    ("daemonsets", "apps"): ("workloads", "daemon_set"),
    ("statefulsets", "apps"): ("workloads", "stateful_set"),
    ("services", ""): ("network", "service"),
    ("ingresses", "networking.k8s.io"): ("network", "ingress"),
    ("endpoints", ""): ("network", "endpoints"),
    ("configmaps", ""): ("config", "config_map"),
    ("secrets", ""): ("config", "secret"),
    ("serviceaccounts", ""): ("config", "service_account"),
    ("namespaces", ""): ("config", "namespace"),
    ("jobs", "batch"): ("batch", "job"),
    ("cronjobs", "batch"): ("batch", "cron_job"),
    ("endpointslices", "discovery.k8s.io"): ("network", "endpoint_slice"),
    ("ingressclasses", "networking.k8s.io"): ("network", "ingress_class"),
    ("networkpolicies", "networking.k8s.io"): ("policy", "network_policy"),
    ("resourcequotas", ""): ("policy", "resource_quota"),
    ("limitranges", ""): ("policy", "limit_range"),
    ("poddisruptionbudgets", "policy"): ("policy", "disruption_budget"),
    ("priorityclasses", "scheduling.k8s.io"): ("policy", "priority_class"),
    ("horizontalpodautoscalers", "autoscaling"): ("autoscaler", "autoscaler"),
    ("persistentvolumes", ""): ("storage", "persistent_volume"),
    ("persistentvolumeclaims", ""): ("storage", "claim"),
    ("storageclasses", "storage.k8s.io"): ("storage", "storage_class"),
    ("volumeattributesclasses", "storage.k8s.io"): ("storage", "attributes_class"),
    ("csinodes", "storage.k8s.io"): ("storage", "csi_node"),
    ("roles", "rbac.authorization.k8s.io"): ("rbac", "role"),
    ("clusterroles", "rbac.authorization.k8s.io"): ("rbac", "role"),
    ("rolebindings", "rbac.authorization.k8s.io"): ("rbac", "binding"),
    ("clusterrolebindings", "rbac.authorization.k8s.io"): ("rbac", "binding"),
}


def describer_of(resource: Resource) -> Describe:
    """The function for a kind; those without one of their own are shown field by field."""
    module, name = _DESCRIBERS.get((resource.plural, resource.group), ("generic", "generic"))
    describe: Describe = getattr(import_module(f"navarch.cli.output.describe.{module}"), name)
    return describe
