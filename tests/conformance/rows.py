"""The rows of the official conformance suite of Kubernetes 1.36 that need no kubelet, and our tests for each.

    python -m tests.conformance.rows        the table of docs/conformance.md

The names are the public names of the suite's tests, without their tags.
"""

from __future__ import annotations

import ast
from pathlib import Path

#: An API server is enough.
API = (
    "sig-api-machinery: API priority and fairness should support FlowSchema API operations",
    "sig-api-machinery: API priority and fairness should support PriorityLevelConfiguration API operations",
    "sig-api-machinery: AggregatedDiscovery should support aggregated discovery interface",
    "sig-api-machinery: AggregatedDiscovery should support aggregated discovery interface for CRDs",
    "sig-api-machinery: AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers",
    "sig-api-machinery: AggregatedDiscovery should support raw aggregated discovery request for CRDs",
    "sig-api-machinery: CustomResourceDefinition Watch CustomResourceDefinition Watch watch on custom resource definition objects",
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition creating/deleting custom resource definition objects works",
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works",
    "sig-api-machinery: CustomResourceDefinition resources Simple CustomResourceDefinition listing custom resource definition objects works",
    "sig-api-machinery: CustomResourceDefinition resources custom resource defaulting for requests and from storage works",
    "sig-api-machinery: CustomResourceDefinition resources should include custom resource definition resources in discovery documents",
    "sig-api-machinery: CustomResourcePublishOpenAPI removes definition from spec when one version gets changed to not be served",
    "sig-api-machinery: CustomResourcePublishOpenAPI updates the published spec when one version gets renamed",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD preserving unknown fields at the schema root",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD preserving unknown fields in an embedded object",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD with validation schema",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for CRD without validation schema",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of different groups",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of same group and version but different kinds",
    "sig-api-machinery: CustomResourcePublishOpenAPI works for multiple CRDs of same group but different versions",
    "sig-api-machinery: Discovery should locate the groupVersion and a resource within each APIGroup",
    "sig-api-machinery: Discovery should validate PreferredVersion for each APIGroup",
    "sig-api-machinery: FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema",
    "sig-api-machinery: FieldValidation should create/apply a valid CR for CRD with validation schema",
    "sig-api-machinery: FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema",
    "sig-api-machinery: FieldValidation should detect duplicates in a CR when preserving unknown fields",
    "sig-api-machinery: FieldValidation should detect unknown and duplicate fields of a typed object",
    "sig-api-machinery: FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR",
    "sig-api-machinery: FieldValidation should detect unknown metadata fields of a typed object",
    "sig-api-machinery: MutatingAdmissionPolicy should mutate a Deployment",
    "sig-api-machinery: MutatingAdmissionPolicy should mutate a Deployment with annotations",
    "sig-api-machinery: MutatingAdmissionPolicy should support MutatingAdmissionPolicy API operations",
    "sig-api-machinery: MutatingAdmissionPolicy should support MutatingAdmissionPolicyBinding API operations",
    "sig-api-machinery: Namespaces should apply a finalizer to a Namespace",
    "sig-api-machinery: Namespaces should apply an update to a Namespace",
    "sig-api-machinery: Namespaces should apply changes to a namespace status",
    "sig-api-machinery: Namespaces should patch a Namespace",
    "sig-api-machinery: ResourceQuota should be able to update and delete ResourceQuota.",
    "sig-api-machinery: ResourceQuota should manage the lifecycle of a ResourceQuota",
    "sig-api-machinery: Servers with support for API chunking should return chunks of results for list calls",
    "sig-api-machinery: Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent",
    "sig-api-machinery: Servers with support for Table transformation should return a 406 for a backend which does not implement metadata",
    "sig-api-machinery: ValidatingAdmissionPolicy should allow expressions to refer variables.",
    "sig-api-machinery: ValidatingAdmissionPolicy should support ValidatingAdmissionPolicy API operations",
    "sig-api-machinery: ValidatingAdmissionPolicy should support ValidatingAdmissionPolicyBinding API operations",
    "sig-api-machinery: ValidatingAdmissionPolicy should validate against a Deployment",
    "sig-api-machinery: Watchers should be able to restart watching from the last resource version observed by the previous watch",
    "sig-api-machinery: Watchers should be able to start watching from a specific resource version",
    "sig-api-machinery: Watchers should observe add, update, and delete watch notifications on configmaps",
    "sig-api-machinery: Watchers should observe an object deletion if it stops meeting the requirements of the selector",
    "sig-api-machinery: Watchers should receive events on concurrent watches in same order",
    "sig-api-machinery: server version should find the server version",
    "sig-apps: CronJob should support CronJob API operations",
    "sig-auth: Certificates API should support CSR API operations",
    "sig-auth: ServiceAccounts should allow opting out of API token automount",
    "sig-auth: ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview",
    "sig-auth: ServiceAccounts should run through the lifecycle of a ServiceAccount",
    "sig-auth: ServiceAccounts should update a ServiceAccount",
    "sig-auth: SubjectReview should support SubjectReview API operations",
    "sig-cli: Kubectl client Kubectl api-versions should check if v1 is in available api versions",
    "sig-cli: Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info",
    "sig-cli: Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments",
    "sig-cli: Kubectl client Kubectl run pod should create a pod from an image when restart is Never",
    "sig-cli: Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods",
    "sig-cli: Kubectl client Kubectl version should check is all data is printed",
    "sig-cli: Kubectl client Proxy server should support --unix-socket=/path",
    "sig-cli: Kubectl client Proxy server should support proxy with --port 0",
    "sig-instrumentation: Events API should delete a collection of events",
    "sig-instrumentation: Events API should ensure that an event can be fetched, patched, deleted, and listed",
    "sig-instrumentation: Events should delete a collection of events",
    "sig-instrumentation: Events should manage the lifecycle of an event",
    "sig-network: API Server should have Endpoints and EndpointSlices pointing to API Server",
    "sig-network: API Server should provide secure master service",
    "sig-network: EndpointSlice should support creating EndpointSlice API operations",
    "sig-network: Endpoints should test the lifecycle of an Endpoint",
    "sig-network: Ingress API should support creating Ingress API operations",
    "sig-network: IngressClass API should support creating IngressClass API operations",
    "sig-network: ServiceCIDR and IPAddress API should support IPAddress API operations",
    "sig-network: ServiceCIDR and IPAddress API should support ServiceCIDR API operations",
    "sig-network: Services should complete a service status lifecycle",
    "sig-network: Services should delete a collection of services",
    "sig-network: Services should find a service from listing all namespaces",
    "sig-node: ConfigMap should fail to create ConfigMap with empty key",
    "sig-node: ConfigMap should run through a ConfigMap lifecycle",
    "sig-node: ConfigMap should update ConfigMap successfully",
    "sig-node: Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete",
    "sig-node: Lease lease API should be available",
    "sig-node: Node Lifecycle should run through the lifecycle of a node",
    "sig-node: PodTemplates should delete a collection of pod templates",
    "sig-node: PodTemplates should replace a pod template",
    "sig-node: PodTemplates should run the lifecycle of PodTemplates",
    "sig-node: Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu",
    "sig-node: RuntimeClass should reject a Pod requesting a deleted RuntimeClass",
    "sig-node: RuntimeClass should reject a Pod requesting a non-existent RuntimeClass",
    "sig-node: RuntimeClass should support RuntimeClasses API operations",
    "sig-node: Secrets should fail to create secret due to empty secret key",
    "sig-node: Secrets should patch a secret",
    "sig-node: Sysctls should reject invalid sysctls",
    "sig-node: DRA CRUD Tests resource.k8s.io/v1 DeviceClass",
    "sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceClaim",
    "sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate",
    "sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceSlice",
    "sig-scheduling: LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied.",
    "sig-scheduling: LimitRange should list, patch and delete a LimitRange by collection",
    "sig-scheduling: SchedulerPreemption PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods",
    "sig-storage: CSIInlineVolumes should run through the lifecycle of a CSIDriver",
    "sig-storage: CSIInlineVolumes should support CSIVolumeSource in Pod API",
    "sig-storage: CSINodes CSI Conformance should run through the lifecycle of a csinode",
    "sig-storage: CSIStorageCapacity should support CSIStorageCapacities API operations",
    "sig-storage: ConfigMap should be immutable if `immutable` field is set",
    "sig-storage: PersistentVolumes CSI Conformance should apply changes to a pv/pvc status",
    "sig-storage: Secrets should be immutable if `immutable` field is set",
    "sig-storage: StorageClasses CSI Conformance should run through the lifecycle of a StorageClass",
    "sig-storage: VolumeAttachment Conformance should apply changes to a volumeattachment status",
    "sig-storage: VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment",
    "sig-storage: VolumeAttributesClass should run through the lifecycle of a VolumeAttributesClass",
)
#: Controllers are needed too.
CONTROLLERS = (
    "sig-api-machinery: Garbage collector should delete RS created by deployment when not orphaning",
    "sig-api-machinery: Garbage collector should delete pods created by rc when not orphaning",
    "sig-api-machinery: Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so",
    "sig-api-machinery: Garbage collector should not be blocked by dependency circle",
    "sig-api-machinery: Garbage collector should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted",
    "sig-api-machinery: Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan",
    "sig-api-machinery: Garbage collector should orphan pods created by rc if delete options say so",
    "sig-api-machinery: Namespaces should ensure that all services are removed when a namespace is deleted",
    "sig-api-machinery: ResourceQuota should apply changes to a resourcequota status",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a configMap.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a pod.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a replica set.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a replication controller.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a secret.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and capture the life of a service.",
    "sig-api-machinery: ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated.",
    "sig-api-machinery: ResourceQuota should verify ResourceQuota with best effort scope.",
    "sig-api-machinery: ResourceQuota should verify ResourceQuota with terminating scopes.",
    "sig-apps: CronJob should not schedule jobs when suspended",
    "sig-apps: CronJob should not schedule new jobs when ForbidConcurrent",
    "sig-apps: CronJob should replace jobs when ReplaceConcurrent",
    "sig-apps: CronJob should schedule multiple jobs concurrently",
    "sig-apps: DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets",
    "sig-apps: DisruptionController should create a PodDisruptionBudget",
    "sig-apps: ReplicationController should get and update a ReplicationController scale",
    "sig-apps: ReplicationController should release no longer matching pods",
    "sig-apps: ReplicationController should surface a failure condition on a common issue like exceeded quota",
    "sig-auth: ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace",
    "sig-network: EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods",
    "sig-network: EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete",
    "sig-network: EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods",
    "sig-storage: PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC",
)

#: What the API and the controllers have to do with rows that need nodes; ours are simulated.
SIMULATED = (
    "sig-api-machinery: Namespaces should ensure that all pods are removed when a namespace is deleted",
    "sig-api-machinery: OrderedNamespaceDeletion namespace deletion should delete pod first",
    "sig-apps: ControllerRevision should manage the lifecycle of a ControllerRevision",
    "sig-apps: Daemon set should list and delete a collection of DaemonSets",
    "sig-apps: Daemon set should verify changes to a daemon set status",
    "sig-apps: Deployment Deployment should have a working scale subresource",
    "sig-apps: Deployment RecreateDeployment should delete old pods and create new ones",
    "sig-apps: Deployment RollingUpdateDeployment should delete old pods and create new ones",
    "sig-apps: Deployment deployment should delete old replica sets",
    "sig-apps: Deployment deployment should support proportional scaling",
    "sig-apps: Deployment deployment should support rollover",
    "sig-apps: Deployment should run the lifecycle of a Deployment",
    "sig-apps: Deployment should validate Deployment Status endpoints",
    "sig-apps: DisruptionController should block an eviction until the PDB is updated to allow it",
    "sig-apps: DisruptionController should observe PodDisruptionBudget status updated",
    "sig-apps: DisruptionController should update/patch PodDisruptionBudget status",
    "sig-apps: Job should adopt matching orphans and release non-matching pods",
    "sig-apps: Job should apply changes to a job status",
    "sig-apps: Job should delete a job",
    "sig-apps: Job should manage the lifecycle of a job",
    "sig-apps: ReplicaSet Replace and Patch tests",
    "sig-apps: ReplicaSet Replicaset should have a working scale subresource",
    "sig-apps: ReplicaSet should adopt matching pods on creation and release no longer matching pods",
    "sig-apps: ReplicaSet should list and delete a collection of ReplicaSets",
    "sig-apps: ReplicaSet should validate Replicaset Status endpoints",
    "sig-apps: ReplicationController should adopt matching pods on creation",
    "sig-apps: ReplicationController should test the lifecycle of a ReplicationController",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets",
    "sig-apps: StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints",
    "sig-node: Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete",
    "sig-node: Pods Extended (pod generation) Pod Generation pod generation should start at 1 and increment per update",
    "sig-node: Pods should delete a collection of pods",
    "sig-node: Pods should patch a pod status",
    "sig-node: Pods should run through the lifecycle of Pods and PodStatus",
    "sig-scheduling: SchedulerPredicates validates resource limits of pods that are allowed to run",
    "sig-scheduling: SchedulerPredicates validates that NodeSelector is respected if matching",
    "sig-scheduling: SchedulerPredicates validates that NodeSelector is respected if not matching",
    "sig-scheduling: SchedulerPredicates validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP",
)

#: Row -> why no test here stands for it.
ABSENT: dict[str, str] = {}

_HERE = Path(__file__).parent


def marked() -> dict[str, list[str]]:
    """Row -> `file::test` of each test that names it."""
    found: dict[str, list[str]] = {}
    for path in sorted(_HERE.glob("test_*.py")):
        tree = ast.parse(path.read_text())
        lists = {getattr(n.targets[0], "id", ""): _names(n) for n in tree.body if isinstance(n, ast.Assign)}
        for test in tree.body:
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
                for mark in test.decorator_list:
                    referred = [lists.get(n.id, []) for n in ast.walk(mark) if isinstance(n, ast.Name)]
                    for name in (*_names(mark), *(name for names in referred for name in names)):
                        found.setdefault(name, []).append(f"{path.stem}::{test.name}")
    return found


def _names(node: ast.AST) -> list[str]:
    """The first arguments of each `row(...)` below a node."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    rows = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "row"]
    return [arg.value for call in rows for arg in call.args if isinstance(arg, ast.Constant) and ": " in str(arg.value)]


def table(rows: tuple[str, ...]) -> str:
    found = marked()
    lines = ["| conformance test | our test |", "|---|---|"]
    for name in rows:
        shown = ", ".join(f"`{test}`" for test in dict.fromkeys(found.get(name, []))) or f"none: {ABSENT.get(name)}"
        lines.append(f"| {name} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(API))
    print(table(CONTROLLERS))
    print(table(SIMULATED), end="")
