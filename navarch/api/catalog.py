"""The kinds that Navarch serves: the one list from which server, discovery and clients derive.

A new kind is a file `api/<group>/<kind>.py` and a line here. `lookup` finds a kind by the parts of
a URL path, `by_bucket` by the name under which the store keeps its objects.
"""

from __future__ import annotations

from navarch.api.admissionregistration import (
    mutating_admission_policy,
    mutating_admission_policy_binding,
    mutating_webhook_configuration,
    validating_admission_policy,
    validating_admission_policy_binding,
    validating_webhook_configuration,
)
from navarch.api.apiextensions import custom_resource_definition
from navarch.api.apiregistration import api_service
from navarch.api.apps import controller_revision, daemon_set, deployment, replica_set, stateful_set
from navarch.api.authentication import self_subject_review, token_review
from navarch.api.authorization import (
    local_subject_access_review,
    self_subject_access_review,
    self_subject_rules_review,
    subject_access_review,
)
from navarch.api.autoscaling import horizontal_pod_autoscaler_v1, horizontal_pod_autoscaler_v2
from navarch.api.batch import cron_job, job
from navarch.api.certificates import certificate_signing_request
from navarch.api.coordination import lease
from navarch.api.core import (
    binding,
    component_status,
    config_map,
    endpoints,
    event,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    pod_template,
    replication_controller,
    resource_quota,
    secret,
    service,
    service_account,
)
from navarch.api.discovery import endpoint_slice
from navarch.api.events import event as events_event
from navarch.api.flowcontrol import flow_schema, priority_level_configuration
from navarch.api.kind import Kind
from navarch.api.metrics import resource_metrics
from navarch.api.networking import ingress, ingress_class, ip_address, network_policy, service_cidr
from navarch.api.node import runtime_class
from navarch.api.policy import pod_disruption_budget
from navarch.api.rbac import cluster_role, cluster_role_binding, role, role_binding
from navarch.api.resource import device_class, resource_claim, resource_claim_template, resource_slice
from navarch.api.scheduling import priority_class
from navarch.api.storage import (
    csi_driver,
    csi_node,
    csi_storage_capacity,
    storage_class,
    volume_attachment,
    volume_attributes_class,
)

#: In the order in which discovery lists groups and resources.
KINDS: tuple[Kind, ...] = (
    binding.KIND,
    component_status.KIND,
    config_map.KIND,
    endpoints.KIND,
    event.KIND,
    limit_range.KIND,
    namespace.KIND,
    node.KIND,
    persistent_volume_claim.KIND,
    persistent_volume.KIND,
    pod.KIND,
    pod_template.KIND,
    replication_controller.KIND,
    resource_quota.KIND,
    secret.KIND,
    service_account.KIND,
    service.KIND,
    mutating_admission_policy.KIND,
    mutating_admission_policy_binding.KIND,
    mutating_webhook_configuration.KIND,
    validating_admission_policy.KIND,
    validating_admission_policy_binding.KIND,
    validating_webhook_configuration.KIND,
    custom_resource_definition.KIND,
    api_service.KIND,
    controller_revision.KIND,
    daemon_set.KIND,
    deployment.KIND,
    replica_set.KIND,
    stateful_set.KIND,
    self_subject_review.KIND,
    token_review.KIND,
    local_subject_access_review.KIND,
    self_subject_access_review.KIND,
    self_subject_rules_review.KIND,
    subject_access_review.KIND,
    horizontal_pod_autoscaler_v1.KIND,
    horizontal_pod_autoscaler_v2.KIND,
    cron_job.KIND,
    job.KIND,
    certificate_signing_request.KIND,
    lease.KIND,
    endpoint_slice.KIND,
    events_event.KIND,
    flow_schema.KIND,
    priority_level_configuration.KIND,
    ingress_class.KIND,
    ingress.KIND,
    ip_address.KIND,
    network_policy.KIND,
    service_cidr.KIND,
    runtime_class.KIND,
    pod_disruption_budget.KIND,
    cluster_role_binding.KIND,
    cluster_role.KIND,
    role_binding.KIND,
    role.KIND,
    device_class.KIND,
    resource_claim.KIND,
    resource_claim_template.KIND,
    resource_slice.KIND,
    priority_class.KIND,
    csi_driver.KIND,
    csi_node.KIND,
    csi_storage_capacity.KIND,
    storage_class.KIND,
    volume_attachment.KIND,
    volume_attributes_class.KIND,
)

#: What a Kubernetes has with metrics-server beside it.
WITH_METRICS = (*KINDS, *resource_metrics.KINDS)

_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_BUCKET = {kind.bucket: kind for kind in KINDS if not kind.stored_as}


def lookup(group: str, version: str, plural: str) -> Kind | None:
    """The kind behind `/apis/<group>/<version>/…/<plural>`; the core group is empty."""
    return _BY_PATH.get((group, version, plural))


def by_bucket(bucket: str) -> Kind | None:
    """The kind in whose form the store keeps the objects of a bucket."""
    return _BY_BUCKET.get(bucket)
