"""The watched resources, each with its view and its indexes: one informer per entry and process.

Indexes: `owner` files by the uid of the controlling owner, `orphan` by namespace where there is none,
`label` by (namespace, key, value), `namespace` by namespace, `claim` by (namespace, name);
`free`, `waiting` and `unready` hold, under True, volumes without claim, claims that are not bound, and nodes
that are not ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from navarch.api.views.apps import ControllerRevision
from navarch.api.views.autoscaling import HorizontalPodAutoscaler
from navarch.api.views.coordination import Lease
from navarch.api.views.core import ConfigMap, Namespace, Secret, ServiceAccount
from navarch.api.views.discovery import EndpointSlice
from navarch.api.views.meta import OwnerReference
from navarch.api.views.networking import Ingress, IngressClass
from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.api.views.policy import PodDisruptionBudget
from navarch.api.views.rbac import ClusterRole
from navarch.api.views.service import Endpoints, Service
from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base.resource import Resource
from navarch.client.cache import HasMetadata
from navarch.control.views import (
    AdmissionPolicy,
    Bare,
    CertificateSigningRequest,
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    ResourceQuota,
    ServiceCIDR,
    StatefulSet,
)
from navarch.control.world import Source


def controller_of(view: HasMetadata) -> OwnerReference | None:
    """The owner reference with `controller: true`, if there is one."""
    for reference in view.metadata.ownerReferences:
        if reference.controller:
            return reference
    return None


def owner(view: HasMetadata) -> tuple[str, ...]:
    reference = controller_of(view)
    return (reference.uid,) if reference is not None else ()


def orphan(view: HasMetadata) -> tuple[str, ...]:
    return () if controller_of(view) is not None else (view.metadata.namespace,)


def namespace(view: HasMetadata) -> tuple[str, ...]:
    return (view.metadata.namespace,)


def label(view: HasMetadata) -> Iterator[tuple[str, str, str]]:
    for key, value in view.metadata.labels.items():
        yield view.metadata.namespace, key, value


def pod_node(pod: Pod) -> tuple[str, ...]:
    return (pod.spec.nodeName,) if pod.spec.nodeName else ()


def node_unready(node: Node) -> tuple[bool, ...]:
    return () if any(c.type == "Ready" and c.status == "True" for c in node.status.conditions) else (True,)


def pod_claims(pod: Pod) -> Iterator[tuple[str, str]]:
    """The claims that a pod uses, by namespace and name."""
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            yield pod.metadata.namespace, volume.persistentVolumeClaim.claimName


def volume_claim(volume: PersistentVolume) -> tuple[tuple[str, str], ...]:
    claim = volume.spec.claimRef
    return ((claim.namespace, claim.name),) if claim is not None else ()


def volume_free(volume: PersistentVolume) -> tuple[bool, ...]:
    return (True,) if volume.spec.claimRef is None else ()


def claim_volume(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    return (claim.spec.volumeName,) if claim.spec.volumeName else ()


def claim_waiting(claim: PersistentVolumeClaim) -> tuple[bool, ...]:
    return () if "pv.kubernetes.io/bind-completed" in claim.metadata.annotations else (True,)


def service_selector(service: Service) -> tuple[tuple[str, str, str], ...]:
    """One pair of the selector is enough to find the services that may select a pod."""
    if not service.spec.selector:
        return ()
    key = min(service.spec.selector)
    return ((service.metadata.namespace, key, service.spec.selector[key]),)


def slice_service(endpoint_slice: EndpointSlice) -> tuple[tuple[str, str], ...]:
    name = endpoint_slice.metadata.labels.get("kubernetes.io/service-name", "")
    return ((endpoint_slice.metadata.namespace, name),) if name else ()


_NAMED: Final = {"namespace": namespace}
_OWNED: Final = {"owner": owner, "orphan": orphan, "namespace": namespace}

PODS: Final = Source(
    Resource("", "v1", "pods", "Pod", True),
    Pod,
    {**_OWNED, "label": label, "node": pod_node, "claim": pod_claims},
)
REPLICASETS: Final = Source(Resource("apps", "v1", "replicasets", "ReplicaSet", True), ReplicaSet, _OWNED)
REPLICATIONCONTROLLERS: Final = Source(
    Resource("", "v1", "replicationcontrollers", "ReplicationController", True),
    ReplicationController,
    {"namespace": namespace},
)
DEPLOYMENTS: Final = Source(
    Resource("apps", "v1", "deployments", "Deployment", True), Deployment, {"namespace": namespace}
)
DAEMONSETS: Final = Source(Resource("apps", "v1", "daemonsets", "DaemonSet", True), DaemonSet, {"namespace": namespace})
STATEFULSETS: Final = Source(
    Resource("apps", "v1", "statefulsets", "StatefulSet", True), StatefulSet, {"namespace": namespace}
)
CLAIMS: Final = Source(
    Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
    PersistentVolumeClaim,
    {"namespace": namespace, "volume": claim_volume, "waiting": claim_waiting},
)
VOLUMES: Final = Source(
    Resource("", "v1", "persistentvolumes", "PersistentVolume", False),
    PersistentVolume,
    {"claim": volume_claim, "free": volume_free},
)
STORAGECLASSES: Final = Source(Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", False), StorageClass)
VOLUMEATTRIBUTESCLASSES: Final = Source(
    Resource("storage.k8s.io", "v1", "volumeattributesclasses", "VolumeAttributesClass", False), Bare
)
CONTROLLERREVISIONS: Final = Source(
    Resource("apps", "v1", "controllerrevisions", "ControllerRevision", True), ControllerRevision, _OWNED
)
JOBS: Final = Source(Resource("batch", "v1", "jobs", "Job", True), Job, _OWNED)
CRONJOBS: Final = Source(Resource("batch", "v1", "cronjobs", "CronJob", True), CronJob)
NODES: Final = Source(Resource("", "v1", "nodes", "Node", False), Node, {"unready": node_unready})
LEASES: Final = Source(Resource("coordination.k8s.io", "v1", "leases", "Lease", True), Lease)
NAMESPACES: Final = Source(Resource("", "v1", "namespaces", "Namespace", False), Namespace)
SECRETS: Final = Source(Resource("", "v1", "secrets", "Secret", True), Secret)
INGRESSES: Final = Source(Resource("networking.k8s.io", "v1", "ingresses", "Ingress", True), Ingress)
INGRESSCLASSES: Final = Source(
    Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", False), IngressClass
)
SERVICEACCOUNTS: Final = Source(Resource("", "v1", "serviceaccounts", "ServiceAccount", True), ServiceAccount)
CONFIGMAPS: Final = Source(Resource("", "v1", "configmaps", "ConfigMap", True), ConfigMap)
BOOTSTRAP_SECRETS: Final = Source(
    Resource("", "v1", "secrets", "Secret", True), Secret, fields="type=bootstrap.kubernetes.io/token"
)
SERVICES: Final = Source(
    Resource("", "v1", "services", "Service", True), Service, {"selector": service_selector, "namespace": namespace}
)
ENDPOINTS: Final = Source(Resource("", "v1", "endpoints", "Endpoints", True), Endpoints)
ENDPOINTSLICES: Final = Source(
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True),
    EndpointSlice,
    {"service": slice_service},
)
CLUSTERROLES: Final = Source(
    Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False), ClusterRole
)
DISRUPTIONBUDGETS: Final = Source(
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True), PodDisruptionBudget, _NAMED
)
RESOURCEQUOTAS: Final = Source(Resource("", "v1", "resourcequotas", "ResourceQuota", True), ResourceQuota, _NAMED)
SIGNINGREQUESTS: Final = Source(
    Resource("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", False),
    CertificateSigningRequest,
)
SERVICECIDRS: Final = Source(Resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False), ServiceCIDR)
IPADDRESSES: Final = Source(Resource("networking.k8s.io", "v1", "ipaddresses", "IPAddress", False), Bare)
ADMISSIONPOLICIES: Final = Source(
    Resource("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", False),
    AdmissionPolicy,
)
AUTOSCALERS: Final = Source(
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True),
    HorizontalPodAutoscaler,
)
