"""A small valid body of every kind: `SAMPLES["pods"]` by bucket, without a name."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from navarch.api.kind import Kind
from navarch.schema.types import Tree

_LABELS = {"app": "a"}
_SELECTOR = {"matchLabels": _LABELS}
_CONTAINERS = {"containers": [{"name": "c", "image": "i"}]}
_TEMPLATE = {"metadata": {"labels": _LABELS}, "spec": _CONTAINERS}
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_SUBJECTS = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]
_WEBHOOK = {
    "name": "w.example.com",
    "clientConfig": {"url": "https://example.com/"},
    "rules": [{"operations": ["CREATE"], "apiGroups": ["none"], "apiVersions": ["v1"], "resources": ["none"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "failurePolicy": "Ignore",
}
_MATCH = {
    "resourceRules": [{"operations": ["CREATE"], "apiGroups": ["none"], "apiVersions": ["v1"], "resources": ["none"]}]
}
_MUTATION = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}
_SCALE_TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
_DEFINITION = {
    "group": "ex.example.com",
    "names": {"plural": "boats", "kind": "Boat"},
    "scope": "Namespaced",
    "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ],
}


def _certificate_request() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "u")])
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, None)
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def _spec(**fields: Any) -> Tree:
    return {"spec": fields}


SAMPLES: dict[str, Tree] = {
    "configmaps": {"data": {"k": "v"}},
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]},
    "events": {"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "message": "m"},
    "limitranges": _spec(limits=[{"type": "Container", "max": {"cpu": "4"}}]),
    "namespaces": {},
    "nodes": {},
    "persistentvolumeclaims": _spec(accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1Gi"}}),
    "persistentvolumes": _spec(
        accessModes=["ReadWriteOnce"], capacity={"storage": "1Gi"}, hostPath={"path": "/a"}, storageClassName="s"
    ),
    "pods": {"spec": _CONTAINERS},
    "podtemplates": {"template": _TEMPLATE},
    "replicationcontrollers": _spec(selector=_LABELS, template=_TEMPLATE),
    "resourcequotas": _spec(hard={"pods": "100"}),
    "secrets": {"data": {"k": "dg=="}},
    "serviceaccounts": {},
    "services": _spec(ports=[{"port": 80}], selector=_LABELS),
    "mutatingadmissionpolicies.admissionregistration.k8s.io": _spec(
        matchConstraints=_MATCH, mutations=[_MUTATION], reinvocationPolicy="Never"
    ),
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": _spec(policyName="p"),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": {"webhooks": [_WEBHOOK]},
    "validatingadmissionpolicies.admissionregistration.k8s.io": _spec(
        matchConstraints=_MATCH, validations=[{"expression": "true"}]
    ),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": _spec(policyName="p", validationActions=["Deny"]),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": {"webhooks": [_WEBHOOK]},
    "customresourcedefinitions.apiextensions.k8s.io": {"spec": _DEFINITION},
    "apiservices.apiregistration.k8s.io": _spec(
        group="ex.example.com", version="v1", groupPriorityMinimum=100, versionPriority=10
    ),
    "controllerrevisions.apps": {"revision": 1, "data": {"a": {"b": 1}}},
    "daemonsets.apps": _spec(selector=_SELECTOR, template=_TEMPLATE),
    "deployments.apps": _spec(selector=_SELECTOR, template=_TEMPLATE),
    "replicasets.apps": _spec(selector=_SELECTOR, template=_TEMPLATE),
    "statefulsets.apps": _spec(selector=_SELECTOR, template=_TEMPLATE, serviceName="s"),
    "horizontalpodautoscalers.autoscaling": _spec(maxReplicas=3, scaleTargetRef=_SCALE_TARGET),
    "cronjobs.batch": _spec(
        schedule="* * * * *",
        jobTemplate={"spec": {"template": {"spec": _CONTAINERS | {"restartPolicy": "Never"}}}},
    ),
    "jobs.batch": _spec(template={"spec": _CONTAINERS | {"restartPolicy": "Never"}}),
    "certificatesigningrequests.certificates.k8s.io": _spec(
        request=_certificate_request(), signerName="example.com/s", usages=["client auth"]
    ),
    "leases.coordination.k8s.io": _spec(holderIdentity="h", leaseDurationSeconds=15),
    "endpointslices.discovery.k8s.io": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
        "ports": [{"name": "p", "port": 80, "protocol": "TCP"}],
    },
    "flowschemas.flowcontrol.apiserver.k8s.io": _spec(priorityLevelConfiguration={"name": "exempt"}),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _spec(
        type="Limited", limited={"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}
    ),
    "ingressclasses.networking.k8s.io": _spec(controller="example.com/c"),
    "ingresses.networking.k8s.io": _spec(defaultBackend={"service": {"name": "s", "port": {"number": 80}}}),
    "ipaddresses.networking.k8s.io": _spec(parentRef={"resource": "services", "name": "s", "namespace": "default"}),
    "networkpolicies.networking.k8s.io": _spec(podSelector={}, policyTypes=["Ingress"]),
    "servicecidrs.networking.k8s.io": _spec(cidrs=["10.200.0.0/24"]),
    "runtimeclasses.node.k8s.io": {"handler": "runc"},
    "poddisruptionbudgets.policy": _spec(minAvailable=1, selector=_SELECTOR),
    "clusterrolebindings.rbac.authorization.k8s.io": {"roleRef": _ROLE, "subjects": _SUBJECTS},
    "clusterroles.rbac.authorization.k8s.io": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "rolebindings.rbac.authorization.k8s.io": {"roleRef": _ROLE, "subjects": _SUBJECTS},
    "roles.rbac.authorization.k8s.io": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "deviceclasses.resource.k8s.io": _spec(selectors=[{"cel": {"expression": "true"}}]),
    "resourceclaims.resource.k8s.io": _spec(
        devices={"requests": [{"name": "r", "exactly": {"deviceClassName": "d.example.com"}}]}
    ),
    "resourceclaimtemplates.resource.k8s.io": _spec(
        spec={"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "d.example.com"}}]}}
    ),
    "resourceslices.resource.k8s.io": _spec(
        driver="d.example.com",
        nodeName="n",
        pool={"name": "p", "generation": 1, "resourceSliceCount": 1},
        devices=[{"name": "d"}],
    ),
    "priorityclasses.scheduling.k8s.io": {"value": 5},
    "csidrivers.storage.k8s.io": _spec(attachRequired=True),
    "csinodes.storage.k8s.io": _spec(drivers=[{"name": "d.example.com", "nodeID": "n"}]),
    "csistoragecapacities.storage.k8s.io": {"storageClassName": "s", "capacity": "1Gi"},
    "storageclasses.storage.k8s.io": {"provisioner": "example.com/p"},
    "volumeattachments.storage.k8s.io": _spec(
        attacher="d.example.com", nodeName="n", source={"persistentVolumeName": "v"}
    ),
    "volumeattributesclasses.storage.k8s.io": {"driverName": "d.example.com", "parameters": {"a": "b"}},
}

#: Names that are not free to choose.
NAMES: dict[str, str] = {
    "customresourcedefinitions.apiextensions.k8s.io": "boats.ex.example.com",
    "apiservices.apiregistration.k8s.io": "v1.ex.example.com",
    "ipaddresses.networking.k8s.io": "10.1.2.3",
}


def collection(kind: Kind) -> str:
    """The path of a kind's objects, in the namespace `default`."""
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/default/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
