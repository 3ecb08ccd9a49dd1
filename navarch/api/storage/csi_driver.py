"""CSIDriver: a storage driver and what it can do."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, UNSET, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, fill_pointer, struct
from navarch.api.kind import Column, Kind
from navarch.api.validation.storage import csi_driver_object_errors, csi_driver_update_errors
from navarch.api.warnings import driver_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "AttachRequired",
        "attachRequired indicates this CSI volume driver requires an attach operation (because it "
        "implements the CSI ControllerPublishVolume() method), and that the Kubernetes attach detach "
        "controller should call the attach volume interface which checks the volumeattachment status "
        "and waits until the volume is attached before proceeding to mounting. The CSI "
        "external-attacher coordinates with CSI volume driver and updates the volumeattachment status"
        " when the attach operation is complete. If the value is specified to false, the attach "
        "operation will be skipped. Otherwise the attach operation will be called.\n\nThis field is "
        "immutable.",
        type="boolean",
    ),
    Column(
        "PodInfoOnMount",
        "podInfoOnMount indicates this CSI volume driver requires additional pod information (like "
        "podName, podUID, etc.) during mount operations, if set to true. If set to false, pod "
        "information will not be passed on mount. Default is false.\n\nThe CSI driver specifies "
        "podInfoOnMount as part of driver deployment. If true, Kubelet will pass pod information as "
        "VolumeContext in the CSI NodePublishVolume() calls. The CSI driver is responsible for "
        "parsing and validating the information passed in as VolumeContext.\n\nThe following "
        "VolumeContext will be passed if podInfoOnMount is set to true. This list might grow, but the"
        ' prefix will be used. "csi.storage.k8s.io/pod.name": pod.Name '
        '"csi.storage.k8s.io/pod.namespace": pod.Namespace "csi.storage.k8s.io/pod.uid": '
        'string(pod.UID) "csi.storage.k8s.io/ephemeral": "true" if the volume is an ephemeral inline '
        'volume\n                                defined by a CSIVolumeSource, otherwise "false"\n\n'
        '"csi.storage.k8s.io/ephemeral" is a new feature in Kubernetes 1.16. It is only required for '
        'drivers which support both the "Persistent" and "Ephemeral" VolumeLifecycleMode. Other '
        "drivers can leave pod info disabled and/or ignore this field. As Kubernetes 1.15 doesn't "
        "support this field, drivers can only support one mode when deployed on such a cluster and "
        "the deployment determines which mode that is, for example via a command line parameter of "
        "the driver.\n\nThis field was immutable in Kubernetes < 1.29 and now is mutable.",
        type="boolean",
    ),
    Column(
        "StorageCapacity",
        "storageCapacity indicates that the CSI volume driver wants pod scheduling to consider the "
        "storage capacity that the driver deployment will report by creating CSIStorageCapacity "
        "objects with capacity information, if set to true.\n\nThe check can be enabled immediately "
        "when deploying a driver. In that case, provisioning new volumes with late binding will pause"
        " until the driver deployment has published some suitable CSIStorageCapacity object.\n\n"
        "Alternatively, the driver can be deployed with the field unset or false and it can be "
        "flipped later when storage capacity information has been published.\n\nThis field was "
        "immutable in Kubernetes <= 1.22 and now is mutable.",
        type="boolean",
    ),
    Column(
        "TokenRequests",
        "tokenRequests indicates the CSI driver needs pods' service account tokens it is mounting "
        "volume for to do necessary authentication. Kubelet will pass the tokens in VolumeContext in "
        "the CSI NodePublishVolume calls. The CSI driver should parse and validate the following "
        'VolumeContext: "csi.storage.k8s.io/serviceAccount.tokens": {\n  "<audience>": {\n    "token": '
        '<token>,\n    "expirationTimestamp": <expiration timestamp in RFC3339>,\n  },\n  ...\n}\n\nNote: '
        "Audience in each TokenRequest should be different and at most one token is empty string. To "
        "receive a new token after expiry, RequiresRepublish can be used to trigger NodePublishVolume"
        " periodically.",
    ),
    Column(
        "RequiresRepublish",
        "requiresRepublish indicates the CSI driver wants `NodePublishVolume` being periodically "
        "called to reflect any possible change in the mounted volume. This field defaults to false.\n\n"
        "Note: After a successful initial NodePublishVolume call, subsequent calls to "
        "NodePublishVolume should only update the contents of the volume. New mount points will not "
        "be seen by a running container.",
        type="boolean",
    ),
    Column(
        "Modes",
        "volumeLifecycleModes defines what kind of volumes this CSI volume driver supports. The "
        'default if the list is empty is "Persistent", which is the usage defined by the CSI '
        "specification and implemented in Kubernetes via the usual PV/PVC mechanism.\n\nThe other mode "
        'is "Ephemeral". In this mode, volumes are defined inline inside the pod spec with '
        "CSIVolumeSource and their lifecycle is tied to the lifecycle of that pod. A driver has to be"
        " aware of this because it is only going to get a NodePublishVolume call for such a volume.\n\n"
        "For more information about implementing this mode, see "
        "https://kubernetes-csi.github.io/docs/ephemeral-local-volumes.html A driver can support one "
        "or more of these modes and more modes may be added in the future.\n\nThis field is beta. This "
        "field is immutable.",
    ),
    AGE,
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    spec.setdefault("attachRequired", True)
    fill_pointer(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    for key in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        spec.setdefault(key, False)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    audiences = ",".join(request.get("audience", "") for request in each(spec, "tokenRequests"))
    return [
        name(tree),
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        audiences if spec.get("tokenRequests") else UNSET,
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age(tree, now),
    ]


def _prepare_update(new: Tree, old: Tree) -> None:
    """A driver has no generation until it is changed for the first time."""
    if new.get("spec") != old.get("spec"):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIDriver",
    plural="csidrivers",
    singular="csidriver",
    namespaced=False,
    type_name="io.k8s.api.storage.v1.CSIDriver",
    storage_version_hash="hL6j/rwBV5w=",
    columns=COLUMNS,
    unconditional_update=False,
    delete_returns_object=True,
    default=_default,
    cells=_cells,
    validate=csi_driver_object_errors,
    validate_update=csi_driver_update_errors,
    warnings=driver_warnings,
    prepare_update=_prepare_update,
)
