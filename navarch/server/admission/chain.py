"""The plug-ins in their order. Adding one is a file and a line here.

A plug-in with several halves stands here once for each. The order is that of Kubernetes' own list of
plug-ins; the check of roles, which is no plug-in there, leads (nor is the requester of certificates).
"""

from __future__ import annotations

from navarch.server.admission import (
    certificates,
    ingress_class,
    limit_ranger,
    mutating_policy,
    namespace_lifecycle,
    node_restriction,
    pod_security,
    priority,
    resource_quota,
    role_escalation,
    runtime_class,
    service_account,
    storage,
    tolerations,
    topology_labels,
    validating_policy,
    webhooks,
)
from navarch.server.admission.contract import Plugin

PLUGINS: tuple[Plugin, ...] = (
    role_escalation.PLUGIN,
    namespace_lifecycle.PLUGIN,
    limit_ranger.POD,
    limit_ranger.CLAIM,
    service_account.PLUGIN,
    node_restriction.NODE,
    node_restriction.POD,
    node_restriction.POD_STATUS,
    node_restriction.EVICTION,
    node_restriction.TOKEN,
    node_restriction.LEASE,
    node_restriction.CSI_NODE,
    tolerations.TAINT_NODES_BY_CONDITION,
    pod_security.POD,
    pod_security.WORKLOAD,
    pod_security.NAMESPACE,
    priority.SYSTEM_CLASS,
    priority.DEFAULT_CLASS,
    priority.PLUGIN,
    tolerations.DEFAULT_TOLERATION_SECONDS,
    storage.DEFAULT_STORAGE_CLASS,
    storage.IN_USE_PROTECTION,
    storage.CLAIM_RESIZE,
    runtime_class.PLUGIN,
    certificates.REQUESTER,
    certificates.APPROVAL,
    certificates.SIGNING,
    certificates.SUBJECT_RESTRICTION,
    ingress_class.PLUGIN,
    topology_labels.PLUGIN,
    mutating_policy.PLUGIN,
    webhooks.MUTATING_WEBHOOK,
    webhooks.MUTATING_WEBHOOK_ASKED,
    validating_policy.PLUGIN,
    webhooks.VALIDATING_WEBHOOK,
    resource_quota.PLUGIN,
)
