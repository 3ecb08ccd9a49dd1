"""Typed views of core/v1 Pod.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta
from navarch.api.views.volume import ObjectFieldSelector, ResourceFieldSelector, Volume


class LocalObjectReference(View, frozen=True):
    name: str = ""


class ObjectReference(View, frozen=True):
    apiVersion: str = ""
    fieldPath: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""
    uid: str = ""


class ConfigMapKeySelector(View, frozen=True):
    key: str = ""
    name: str = ""
    optional: bool | None = None


class SecretKeySelector(View, frozen=True):
    key: str = ""
    name: str = ""
    optional: bool | None = None


class EnvVarSource(View, frozen=True):
    configMapKeyRef: ConfigMapKeySelector | None = None
    fieldRef: ObjectFieldSelector | None = None
    resourceFieldRef: ResourceFieldSelector | None = None
    secretKeyRef: SecretKeySelector | None = None


class EnvVar(View, frozen=True):
    name: str = ""
    value: str = ""
    valueFrom: EnvVarSource | None = None


class ConfigMapEnvSource(View, frozen=True):
    name: str = ""
    optional: bool | None = None


class SecretEnvSource(View, frozen=True):
    name: str = ""
    optional: bool | None = None


class EnvFromSource(View, frozen=True):
    configMapRef: ConfigMapEnvSource | None = None
    prefix: str = ""
    secretRef: SecretEnvSource | None = None


class ContainerPort(View, frozen=True):
    containerPort: int = 0
    hostIP: str = ""
    hostPort: int | None = None
    name: str = ""
    protocol: str = ""


class ExecAction(View, frozen=True):
    command: tuple[str, ...] = ()


class HTTPHeader(View, frozen=True):
    name: str = ""
    value: str = ""


class HTTPGetAction(View, frozen=True):
    host: str = ""
    httpHeaders: tuple[HTTPHeader, ...] = ()
    path: str = ""
    port: int | str | None = None
    scheme: str = ""


class TCPSocketAction(View, frozen=True):
    host: str = ""
    port: int | str | None = None


class GRPCAction(View, frozen=True):
    port: int = 0
    service: str = ""


class SleepAction(View, frozen=True):
    seconds: int = 0


class Probe(View, frozen=True):
    exec: ExecAction | None = None
    failureThreshold: int | None = None
    grpc: GRPCAction | None = None
    httpGet: HTTPGetAction | None = None
    initialDelaySeconds: int | None = None
    periodSeconds: int | None = None
    successThreshold: int | None = None
    tcpSocket: TCPSocketAction | None = None
    terminationGracePeriodSeconds: int | None = None
    timeoutSeconds: int | None = None


class LifecycleHandler(View, frozen=True):
    exec: ExecAction | None = None
    httpGet: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcpSocket: TCPSocketAction | None = None


class Lifecycle(View, frozen=True):
    postStart: LifecycleHandler | None = None
    preStop: LifecycleHandler | None = None
    stopSignal: str = ""


class ResourceClaim(View, frozen=True):
    name: str = ""
    request: str = ""


class ResourceRequirements(View, frozen=True):
    claims: tuple[ResourceClaim, ...] = ()
    limits: Mapping[str, str] = EMPTY
    requests: Mapping[str, str] = EMPTY


class VolumeMount(View, frozen=True):
    mountPath: str = ""
    mountPropagation: str = ""
    name: str = ""
    readOnly: bool | None = None
    recursiveReadOnly: str = ""
    subPath: str = ""
    subPathExpr: str = ""


class VolumeDevice(View, frozen=True):
    devicePath: str = ""
    name: str = ""


class Capabilities(View, frozen=True):
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class SELinuxOptions(View, frozen=True):
    level: str = ""
    role: str = ""
    type: str = ""
    user: str = ""


class SeccompProfile(View, frozen=True):
    localhostProfile: str = ""
    type: str = ""


class AppArmorProfile(View, frozen=True):
    localhostProfile: str = ""
    type: str = ""


class SecurityContext(View, frozen=True):
    allowPrivilegeEscalation: bool | None = None
    appArmorProfile: AppArmorProfile | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    procMount: str = ""
    readOnlyRootFilesystem: bool | None = None
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None


class ContainerResizePolicy(View, frozen=True):
    resourceName: str = ""
    restartPolicy: str = ""


class Container(View, frozen=True):
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    envFrom: tuple[EnvFromSource, ...] = ()
    image: str = ""
    imagePullPolicy: str = ""
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readinessProbe: Probe | None = None
    resizePolicy: tuple[ContainerResizePolicy, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str = ""
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    terminationMessagePath: str = ""
    terminationMessagePolicy: str = ""
    tty: bool | None = None
    volumeDevices: tuple[VolumeDevice, ...] = ()
    volumeMounts: tuple[VolumeMount, ...] = ()
    workingDir: str = ""


class EphemeralContainer(View, frozen=True):
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    envFrom: tuple[EnvFromSource, ...] = ()
    image: str = ""
    imagePullPolicy: str = ""
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readinessProbe: Probe | None = None
    resizePolicy: tuple[ContainerResizePolicy, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str = ""
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    targetContainerName: str = ""
    terminationMessagePath: str = ""
    terminationMessagePolicy: str = ""
    tty: bool | None = None
    volumeDevices: tuple[VolumeDevice, ...] = ()
    volumeMounts: tuple[VolumeMount, ...] = ()
    workingDir: str = ""


class NodeSelectorRequirement(View, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class NodeSelectorTerm(View, frozen=True):
    matchExpressions: tuple[NodeSelectorRequirement, ...] = ()
    matchFields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(View, frozen=True):
    nodeSelectorTerms: tuple[NodeSelectorTerm, ...] = ()


class PreferredSchedulingTerm(View, frozen=True):
    preference: NodeSelectorTerm | None = None
    weight: int = 0


class NodeAffinity(View, frozen=True):
    preferredDuringSchedulingIgnoredDuringExecution: tuple[PreferredSchedulingTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector | None = None


class PodAffinityTerm(View, frozen=True):
    labelSelector: LabelSelector | None = None
    matchLabelKeys: tuple[str, ...] = ()
    mismatchLabelKeys: tuple[str, ...] = ()
    namespaceSelector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    topologyKey: str = ""


class WeightedPodAffinityTerm(View, frozen=True):
    podAffinityTerm: PodAffinityTerm | None = None
    weight: int = 0


class PodAffinity(View, frozen=True):
    preferredDuringSchedulingIgnoredDuringExecution: tuple[WeightedPodAffinityTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: tuple[PodAffinityTerm, ...] = ()


class PodAntiAffinity(View, frozen=True):
    preferredDuringSchedulingIgnoredDuringExecution: tuple[WeightedPodAffinityTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: tuple[PodAffinityTerm, ...] = ()


class Affinity(View, frozen=True):
    nodeAffinity: NodeAffinity | None = None
    podAffinity: PodAffinity | None = None
    podAntiAffinity: PodAntiAffinity | None = None


class Toleration(View, frozen=True):
    effect: str = ""
    key: str = ""
    operator: str = ""
    tolerationSeconds: int | None = None
    value: str = ""


class TopologySpreadConstraint(View, frozen=True):
    labelSelector: LabelSelector | None = None
    matchLabelKeys: tuple[str, ...] = ()
    maxSkew: int = 0
    minDomains: int | None = None
    nodeAffinityPolicy: str = ""
    nodeTaintsPolicy: str = ""
    topologyKey: str = ""
    whenUnsatisfiable: str = ""


class HostAlias(View, frozen=True):
    hostnames: tuple[str, ...] = ()
    ip: str = ""


class PodDNSConfigOption(View, frozen=True):
    name: str = ""
    value: str = ""


class PodDNSConfig(View, frozen=True):
    nameservers: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()
    searches: tuple[str, ...] = ()


class PodReadinessGate(View, frozen=True):
    conditionType: str = ""


class PodSchedulingGate(View, frozen=True):
    name: str = ""


class PodOS(View, frozen=True):
    name: str = ""


class Sysctl(View, frozen=True):
    name: str = ""
    value: str = ""


class PodSecurityContext(View, frozen=True):
    appArmorProfile: AppArmorProfile | None = None
    fsGroup: int | None = None
    fsGroupChangePolicy: str = ""
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    seLinuxChangePolicy: str = ""
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    supplementalGroups: tuple[int, ...] = ()
    supplementalGroupsPolicy: str = ""
    sysctls: tuple[Sysctl, ...] = ()


class PodResourceClaim(View, frozen=True):
    name: str = ""
    resourceClaimName: str = ""
    resourceClaimTemplateName: str = ""


class PodSpec(View, frozen=True):
    activeDeadlineSeconds: int | None = None
    affinity: Affinity | None = None
    automountServiceAccountToken: bool | None = None
    containers: tuple[Container, ...] = ()
    dnsConfig: PodDNSConfig | None = None
    dnsPolicy: str = ""
    enableServiceLinks: bool | None = None
    ephemeralContainers: tuple[EphemeralContainer, ...] = ()
    hostAliases: tuple[HostAlias, ...] = ()
    hostIPC: bool | None = None
    hostNetwork: bool | None = None
    hostPID: bool | None = None
    hostUsers: bool | None = None
    hostname: str = ""
    hostnameOverride: str = ""
    imagePullSecrets: tuple[LocalObjectReference, ...] = ()
    initContainers: tuple[Container, ...] = ()
    nodeName: str = ""
    nodeSelector: Mapping[str, str] = EMPTY
    os: PodOS | None = None
    overhead: Mapping[str, str] = EMPTY
    preemptionPolicy: str = ""
    priority: int | None = None
    priorityClassName: str = ""
    readinessGates: tuple[PodReadinessGate, ...] = ()
    resourceClaims: tuple[PodResourceClaim, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str = ""
    runtimeClassName: str = ""
    schedulerName: str = ""
    schedulingGates: tuple[PodSchedulingGate, ...] = ()
    securityContext: PodSecurityContext | None = None
    serviceAccount: str = ""
    serviceAccountName: str = ""
    setHostnameAsFQDN: bool | None = None
    shareProcessNamespace: bool | None = None
    subdomain: str = ""
    terminationGracePeriodSeconds: int | None = None
    tolerations: tuple[Toleration, ...] = ()
    topologySpreadConstraints: tuple[TopologySpreadConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()


class PodTemplateSpec(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: PodSpec = PodSpec()


class ContainerStateWaiting(View, frozen=True):
    message: str = ""
    reason: str = ""


class ContainerStateRunning(View, frozen=True):
    startedAt: str | None = None


class ContainerStateTerminated(View, frozen=True):
    containerID: str = ""
    exitCode: int = 0
    finishedAt: str | None = None
    message: str = ""
    reason: str = ""
    signal: int | None = None
    startedAt: str | None = None


class ContainerState(View, frozen=True):
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None


class ContainerStatus(View, frozen=True):
    allocatedResources: Mapping[str, str] = EMPTY
    containerID: str = ""
    image: str = ""
    imageID: str = ""
    lastState: ContainerState | None = None
    name: str = ""
    ready: bool = False
    resources: ResourceRequirements | None = None
    restartCount: int = 0
    started: bool | None = None
    state: ContainerState | None = None
    stopSignal: str = ""


class PodCondition(View, frozen=True):
    lastProbeTime: str | None = None
    lastTransitionTime: str | None = None
    message: str = ""
    observedGeneration: int | None = None
    reason: str = ""
    status: str = ""
    type: str = ""


class PodIP(View, frozen=True):
    ip: str = ""


class HostIP(View, frozen=True):
    ip: str = ""


class PodStatus(View, frozen=True):
    allocatedResources: Mapping[str, str] = EMPTY
    conditions: tuple[PodCondition, ...] = ()
    containerStatuses: tuple[ContainerStatus, ...] = ()
    ephemeralContainerStatuses: tuple[ContainerStatus, ...] = ()
    hostIP: str = ""
    hostIPs: tuple[HostIP, ...] = ()
    initContainerStatuses: tuple[ContainerStatus, ...] = ()
    message: str = ""
    nominatedNodeName: str = ""
    observedGeneration: int = 0
    phase: str = ""
    podIP: str = ""
    podIPs: tuple[PodIP, ...] = ()
    qosClass: str = ""
    reason: str = ""
    resize: str = ""
    resources: ResourceRequirements | None = None
    startTime: str | None = None


class Pod(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()
