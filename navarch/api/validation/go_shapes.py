"""The shapes of Go structures that messages show, one line each; `go_form.py` reads them.

A word is a field: `Name=""` with its zero value (null if none is given), `Source:Shape` a struct held
by value, `Source*Shape` by pointer, `Items[]Shape` a list, `>Shape` an embedded struct. The wire
name follows from the Go name or stands after an `@`.

Source: kubernetes internal API types (`pkg/apis/*/types.go`), order of fields.
"""

from __future__ import annotations

from typing import Final

#: Sources of volumes, as pods and persistent volumes have them.
_SOURCES: Final = {
    "HostPath": 'Path="" Type=""',
    "GCEPersistentDisk": 'PDName="" FSType="" Partition=0 ReadOnly=false',
    "AWSElasticBlockStore": 'VolumeID="" FSType="" Partition=0 ReadOnly=false',
    "NFS": 'Server="" Path="" ReadOnly=false',
    "Glusterfs": 'EndpointsName@endpoints="" Path="" ReadOnly=false',
    "GlusterfsPersistent": 'EndpointsName@endpoints="" Path="" ReadOnly=false EndpointsNamespace',
    "LocalReference": 'Name=""',
    "SecretReference": 'Name="" Namespace=""',
    "RBD": (
        'CephMonitors@monitors RBDImage@image="" FSType="" RBDPool@pool="" RadosUser@user="" Keyring="" '
        "SecretRef*LocalReference ReadOnly=false"
    ),
    "RBDPersistent": (
        'CephMonitors@monitors RBDImage@image="" FSType="" RBDPool@pool="" RadosUser@user="" Keyring="" '
        "SecretRef*SecretReference ReadOnly=false"
    ),
    "Quobyte": 'Registry="" Volume="" ReadOnly=false User="" Group="" Tenant=""',
    "ISCSI": (
        'TargetPortal="" IQN="" Lun=0 ISCSIInterface@iscsiInterface="" FSType="" ReadOnly=false Portals '
        "DiscoveryCHAPAuth@chapAuthDiscovery=false SessionCHAPAuth@chapAuthSession=false "
        "SecretRef*LocalReference InitiatorName"
    ),
    "ISCSIPersistent": (
        'TargetPortal="" IQN="" Lun=0 ISCSIInterface@iscsiInterface="" FSType="" ReadOnly=false Portals '
        "DiscoveryCHAPAuth@chapAuthDiscovery=false SessionCHAPAuth@chapAuthSession=false "
        "SecretRef*SecretReference InitiatorName"
    ),
    "FlexVolume": 'Driver="" FSType="" SecretRef*LocalReference ReadOnly=false Options',
    "FlexVolumePersistent": 'Driver="" FSType="" SecretRef*SecretReference ReadOnly=false Options',
    "Cinder": 'VolumeID="" FSType="" ReadOnly=false SecretRef*LocalReference',
    "CinderPersistent": 'VolumeID="" FSType="" ReadOnly=false SecretRef*SecretReference',
    "CephFS": 'Monitors Path="" User="" SecretFile="" SecretRef*LocalReference ReadOnly=false',
    "CephFSPersistent": 'Monitors Path="" User="" SecretFile="" SecretRef*SecretReference ReadOnly=false',
    "FC": 'TargetWWNs Lun FSType="" ReadOnly=false WWIDs@wwids',
    "Flocker": 'DatasetName="" DatasetUUID=""',
    "AzureFile": 'SecretName="" ShareName="" ReadOnly=false',
    "AzureFilePersistent": 'SecretName="" ShareName="" ReadOnly=false SecretNamespace',
    "VsphereVolume": 'VolumePath="" FSType="" StoragePolicyName="" StoragePolicyID=""',
    "AzureDisk": 'DiskName="" DataDiskURI@diskURI="" CachingMode FSType ReadOnly Kind',
    "PhotonPersistentDisk": 'PdID="" FSType=""',
    "PortworxVolume": 'VolumeID="" FSType="" ReadOnly=false',
    "ScaleIO": (
        'Gateway="" System="" SecretRef*LocalReference SSLEnabled=false ProtectionDomain="" StoragePool="" '
        'StorageMode="" VolumeName="" FSType="" ReadOnly=false'
    ),
    "ScaleIOPersistent": (
        'Gateway="" System="" SecretRef*SecretReference SSLEnabled=false ProtectionDomain="" StoragePool="" '
        'StorageMode="" VolumeName="" FSType="" ReadOnly=false'
    ),
    "Local": 'Path="" FSType',
    "StorageOS": 'VolumeName="" VolumeNamespace="" FSType="" ReadOnly=false SecretRef*LocalReference',
    "StorageOSPersistent": 'VolumeName="" VolumeNamespace="" FSType="" ReadOnly=false SecretRef*ObjectReference',
    "CSI": 'Driver="" ReadOnly FSType VolumeAttributes NodePublishSecretRef*LocalReference',
    "CSIPersistent": (
        'Driver="" VolumeHandle="" ReadOnly=false FSType="" VolumeAttributes '
        "ControllerPublishSecretRef*SecretReference NodeStageSecretRef*SecretReference "
        "NodePublishSecretRef*SecretReference ControllerExpandSecretRef*SecretReference "
        "NodeExpandSecretRef*SecretReference"
    ),
}

_VOLUMES: Final = {
    "ObjectReference": 'Kind="" Namespace="" Name="" UID="" APIVersion="" ResourceVersion="" FieldPath=""',
    "PersistentVolumeSource": (
        "GCEPersistentDisk*GCEPersistentDisk AWSElasticBlockStore*AWSElasticBlockStore HostPath*HostPath "
        "Glusterfs*GlusterfsPersistent NFS*NFS RBD*RBDPersistent Quobyte*Quobyte ISCSI*ISCSIPersistent "
        "FlexVolume*FlexVolumePersistent Cinder*CinderPersistent CephFS@cephfs*CephFSPersistent FC*FC "
        "Flocker*Flocker AzureFile*AzureFilePersistent VsphereVolume*VsphereVolume AzureDisk*AzureDisk "
        "PhotonPersistentDisk*PhotonPersistentDisk PortworxVolume*PortworxVolume "
        "ScaleIO@scaleIO*ScaleIOPersistent Local*Local StorageOS@storageos*StorageOSPersistent CSI*CSIPersistent"
    ),
    "PersistentVolumeSpec": (
        "Capacity >PersistentVolumeSource AccessModes ClaimRef*ObjectReference "
        'PersistentVolumeReclaimPolicy="" StorageClassName="" MountOptions VolumeMode '
        "NodeAffinity*VolumeNodeAffinity VolumeAttributesClassName"
    ),
    "VolumeNodeAffinity": "Required*NodeSelector",
    "NodeSelector": "NodeSelectorTerms[]NodeSelectorTerm",
    "NodeSelectorTerm": "MatchExpressions[]NodeRequirement MatchFields[]NodeRequirement",
    "NodeRequirement": 'Key="" Operator="" Values',
    "PersistentVolumeClaimSpec": (
        'AccessModes Selector Resources:VolumeResources VolumeName="" StorageClassName VolumeMode '
        "DataSource*LocalTypedReference DataSourceRef*TypedReference VolumeAttributesClassName"
    ),
    "VolumeResources": "Limits Requests",
    "LocalTypedReference": 'APIGroup Kind="" Name=""',
    "TypedReference": 'APIGroup Kind="" Name="" Namespace',
    "VolumeAttachmentSpec": 'Attacher="" Source:VolumeAttachmentSource NodeName=""',
    "VolumeAttachmentSource": "PersistentVolumeName InlineVolumeSpec*PersistentVolumeSpec",
    "CSINodeDriver": 'Name="" NodeID="" TopologyKeys Allocatable*VolumeNodeResources',
    "VolumeNodeResources": "Count",
}

_PODS: Final = {
    "PodTemplateSpec": "ObjectMeta Spec:PodSpec",
    "PodSpec": (
        "Volumes[]Volume InitContainers[]Container Containers[]Container EphemeralContainers[]Container "
        'RestartPolicy="" TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy="" NodeSelector '
        'ServiceAccountName="" AutomountServiceAccountToken NodeName="" SecurityContext*PodSecurityContext '
        'ImagePullSecrets[]LocalReference Hostname="" Subdomain="" SetHostnameAsFQDN Affinity SchedulerName="" '
        'Tolerations[]Toleration HostAliases[]HostAlias PriorityClassName="" Priority PreemptionPolicy '
        "DNSConfig*PodDNSConfig ReadinessGates[]ReadinessGate RuntimeClassName Overhead EnableServiceLinks "
        "TopologySpreadConstraints OS*PodOS SchedulingGates[]LocalReference ResourceClaims[]PodResourceClaim "
        "Resources*ResourceRequirements HostnameOverride SchedulingGroup"
    ),
    "PodSecurityContext": (
        "HostNetwork=false HostPID=false HostIPC=false ShareProcessNamespace HostUsers SELinuxOptions WindowsOptions "
        "RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy FSGroup FSGroupChangePolicy "
        "Sysctls[]NameValue SeccompProfile*Profile AppArmorProfile*Profile SELinuxChangePolicy"
    ),
    "Profile": 'Type="" LocalhostProfile',
    "NameValue": 'Name="" Value=""',
    "Toleration": 'Key="" Operator="" Value="" Effect="" TolerationSeconds',
    "HostAlias": 'IP="" Hostnames',
    "PodDNSConfig": "Nameservers Searches Options[]DNSOption",
    "DNSOption": 'Name="" Value',
    "ReadinessGate": 'ConditionType=""',
    "PodOS": 'Name=""',
    "PodResourceClaim": 'Name="" ResourceClaimName ResourceClaimTemplateName',
    "ResourceRequirements": "Limits Requests Claims[]ResourceClaimName",
    "ResourceClaimName": 'Name="" Request=""',
    "Container": (
        'Name="" Image="" Command Args WorkingDir="" Ports[]ContainerPort EnvFrom[]EnvFrom Env[]EnvVar '
        "Resources:ResourceRequirements ResizePolicy[]ResizePolicy RestartPolicy RestartPolicyRules "
        "VolumeMounts[]VolumeMount VolumeDevices[]VolumeDevice LivenessProbe*Probe ReadinessProbe*Probe "
        'StartupProbe*Probe Lifecycle*Lifecycle TerminationMessagePath="" TerminationMessagePolicy="" '
        'ImagePullPolicy="" SecurityContext*SecurityContext Stdin=false StdinOnce=false TTY=false'
    ),
    "EphemeralContainer": '>Container TargetContainerName=""',
    "ContainerPort": 'Name="" HostPort=0 ContainerPort=0 Protocol="" HostIP=""',
    "EnvFrom": 'Prefix="" ConfigMapRef*OptionalReference SecretRef*OptionalReference',
    "OptionalReference": 'Name="" Optional',
    "EnvVar": 'Name="" Value="" ValueFrom*EnvVarSource',
    "EnvVarSource": (
        "FieldRef*FieldRef ResourceFieldRef*ResourceFieldRef ConfigMapKeyRef*KeyReference "
        "SecretKeyRef*KeyReference FileKeyRef*FileKeyReference"
    ),
    "FieldRef": 'APIVersion="" FieldPath=""',
    "ResourceFieldRef": 'ContainerName="" Resource="" Divisor="0"',
    "KeyReference": 'Name="" Key="" Optional',
    "FileKeyReference": 'VolumeName="" Path="" Key="" Optional',
    "ResizePolicy": 'ResourceName="" RestartPolicy=""',
    "VolumeMount": ('Name="" ReadOnly=false RecursiveReadOnly MountPath="" SubPath="" MountPropagation SubPathExpr=""'),
    "VolumeDevice": 'Name="" DevicePath=""',
    "Probe": (
        ">Handler InitialDelaySeconds=0 TimeoutSeconds=0 PeriodSeconds=0 SuccessThreshold=0 FailureThreshold=0 "
        "TerminationGracePeriodSeconds"
    ),
    "Handler": "Exec*Exec HTTPGet*HTTPGet TCPSocket*TCPSocket GRPC*GRPC",
    "LifecycleHandler": "Exec*Exec HTTPGet*HTTPGet TCPSocket*TCPSocket Sleep*Sleep",
    "Lifecycle": "PostStart*LifecycleHandler PreStop*LifecycleHandler StopSignal",
    "Exec": "Command",
    "HTTPGet": 'Path="" Port=0 Host="" Scheme="" HTTPHeaders[]NameValue',
    "TCPSocket": 'Port=0 Host=""',
    "GRPC": "Port=0 Service",
    "Sleep": "Seconds=0",
    "SecurityContext": (
        "Capabilities*Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot "
        "ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount SeccompProfile*Profile AppArmorProfile*Profile"
    ),
    "Capabilities": "Add Drop",
    "Volume": (
        'Name="" HostPath*HostPath EmptyDir*EmptyDir GCEPersistentDisk*GCEPersistentDisk '
        "AWSElasticBlockStore*AWSElasticBlockStore GitRepo*GitRepo Secret*SecretVolume NFS*NFS ISCSI*ISCSI "
        "Glusterfs*Glusterfs PersistentVolumeClaim*ClaimVolume RBD*RBD Quobyte*Quobyte FlexVolume*FlexVolume "
        "Cinder*Cinder CephFS@cephfs*CephFS Flocker*Flocker DownwardAPI@downwardAPI*DownwardAPI FC*FC "
        "AzureFile*AzureFile ConfigMap*ConfigMapVolume VsphereVolume*VsphereVolume AzureDisk*AzureDisk "
        "PhotonPersistentDisk*PhotonPersistentDisk Projected*Projected PortworxVolume*PortworxVolume "
        "ScaleIO@scaleIO*ScaleIO StorageOS@storageos*StorageOS CSI*CSI Ephemeral Image*ImageVolume"
    ),
    "EmptyDir": 'Medium="" SizeLimit',
    "GitRepo": 'Repository="" Revision="" Directory=""',
    "SecretVolume": 'SecretName="" Items[]KeyToPath DefaultMode Optional',
    "ClaimVolume": 'ClaimName="" ReadOnly=false',
    "ConfigMapVolume": 'Name="" Items[]KeyToPath DefaultMode Optional',
    "KeyToPath": 'Key="" Path="" Mode',
    "DownwardAPI": "Items[]DownwardFile DefaultMode",
    "DownwardItems": "Items[]DownwardFile",
    "DownwardFile": 'Path="" FieldRef*FieldRef ResourceFieldRef*ResourceFieldRef Mode',
    "Projected": "Sources[]Projection DefaultMode",
    "Projection": (
        "Secret*ProjectedItems DownwardAPI@downwardAPI*DownwardItems ConfigMap*ProjectedItems "
        "ServiceAccountToken*TokenProjection ClusterTrustBundle PodCertificate"
    ),
    "ProjectedItems": 'Name="" Items[]KeyToPath Optional',
    "TokenProjection": 'Audience="" ExpirationSeconds=0 Path=""',
    "ImageVolume": 'Reference="" PullPolicy=""',
}

_DEVICES: Final = {
    "ResourceClaimTemplateSpec": "ObjectMeta Spec:ResourceClaimSpec",
    "ResourceClaimSpec": "Devices:DeviceClaim",
    "DeviceClaim": "Requests[]DeviceRequest Constraints[]DeviceConstraint Config[]ClaimConfig",
    "DeviceRequest": 'Name="" Exactly*ExactRequest FirstAvailable[]SubRequest',
    "ExactRequest": (
        'DeviceClassName="" Selectors[]DeviceSelector AllocationMode="" Count=0 AdminAccess '
        "Tolerations[]DeviceToleration Capacity*CapacityRequirements"
    ),
    "SubRequest": (
        'Name="" DeviceClassName="" Selectors[]DeviceSelector AllocationMode="" Count=0 '
        "Tolerations[]DeviceToleration Capacity*CapacityRequirements"
    ),
    "DeviceSelector": "CEL*CELSelector",
    "CELSelector": 'Expression=""',
    "DeviceToleration": 'Key="" Operator="" Value="" Effect="" TolerationSeconds',
    "CapacityRequirements": "Requests",
    "DeviceConstraint": "Requests MatchAttribute DistinctAttribute",
    "ClaimConfig": "Requests >DeviceConfiguration",
    "DeviceConfiguration": "Opaque*OpaqueConfiguration",
    "OpaqueConfiguration": 'Driver="" Parameters',
}

SHAPES: Final = {
    **_SOURCES,
    **_VOLUMES,
    **_PODS,
    **_DEVICES,
    "DefinitionVersion": (
        'Name="" Served=false Storage=false Deprecated=false DeprecationWarning Schema*VersionSchema '
        "Subresources*VersionSubresources AdditionalPrinterColumns[]PrinterColumn SelectableFields[]SelectableField"
    ),
    "VersionSchema": "OpenAPIV3Schema@openAPIV3Schema*JSONSchema",
    "VersionSubresources": "Status Scale*VersionScale",
    "VersionScale": 'SpecReplicasPath="" StatusReplicasPath="" LabelSelectorPath',
    "PrinterColumn": 'Name="" Type="" Format="" Description="" Priority=0 JSONPath@jsonPath=""',
    "SelectableField": 'JSONPath@jsonPath=""',
    "JSONSchema": (
        'ID@id="" Schema@$schema="" Ref@$ref Description="" Type="" Nullable=false Format="" Title="" Default Maximum '
        'ExclusiveMaximum=false Minimum ExclusiveMinimum=false MaxLength MinLength Pattern="" MaxItems MinItems '
        "UniqueItems=false MultipleOf Enum MaxProperties MinProperties Required Items|JSONSchema AllOf[]JSONSchema "
        "OneOf[]JSONSchema AnyOf[]JSONSchema Not*JSONSchema Properties{}JSONSchema AdditionalProperties?JSONSchema "
        "PatternProperties{}JSONSchema Dependencies AdditionalItems?JSONSchema Definitions{}JSONSchema ExternalDocs "
        "Example XPreserveUnknownFields@x-kubernetes-preserve-unknown-fields "
        "XEmbeddedResource@x-kubernetes-embedded-resource=false XIntOrString@x-kubernetes-int-or-string=false "
        "XListMapKeys@x-kubernetes-list-map-keys XListType@x-kubernetes-list-type XMapType@x-kubernetes-map-type "
        "XValidations@x-kubernetes-validations[]ValidationRule"
    ),
    "ValidationRule": 'Rule="" Message="" MessageExpression="" Reason FieldPath="" OptionalOldSelf',
    "Taint": 'Key="" Value="" Effect="" TimeAdded',
    "ParentReference": 'Group="" Resource="" Namespace="" Name=""',
}
