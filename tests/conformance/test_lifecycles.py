"""What "should support X API operations" and "should run through the lifecycle of X" mean, for each X.

Found by discovery; created, read, listed, watched, patched, updated; its status read, patched and updated;
deleted one by one and by collection. Every change has its event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.api import Api
from tests.conformance.test_certificates import certificate, signing_request
from tests.kubectl.site import Tree

AUTH = "admissionregistration.k8s.io/v1"
FLOW = "flowcontrol.apiserver.k8s.io/v1"
DRA = "resource.k8s.io/v1"
CONDITION = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from a test"}
STAMPED = CONDITION | {"lastTransitionTime": "2026-01-02T03:04:05Z"}


@dataclass(frozen=True)
class Life:
    """`make` gives the object of a number. `status` is merged into the status; `metadata` says whether whoever
    writes the status may write annotations too."""

    resource: str
    kind: str
    make: Callable[[int], Tree]
    status: Tree | None = None
    metadata: bool = True


def _spec(**spec: Any) -> Callable[[int], Tree]:
    return lambda _: {"spec": spec}


def _with(tree: Tree) -> Callable[[int], Tree]:
    return lambda _: tree


POD = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}], "restartPolicy": "Never"}
RULES = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]
NODE_POOL = {"name": "worker-1", "generation": 1, "resourceSliceCount": 1}


def _backend(number: int) -> Tree:
    service = {"name": f"default-backend-{number}", "port": {"number": 80}}
    return {"spec": {"defaultBackend": {"service": service}}}


def _slice(number: int) -> Tree:
    pool = {"name": f"pool-{number}", "generation": 1, "resourceSliceCount": 1}
    return {"spec": {"driver": "dra.example.com", "pool": pool, "nodeName": "node-1", "devices": []}}


def _priority(number: int) -> Tree:
    return {"value": 1000 + number}


def _level() -> Tree:
    return {"type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}


LIVES = [
    pytest.param(
        Life(
            f"{FLOW}/flowschemas",
            "FlowSchema",
            _spec(matchingPrecedence=10000, priorityLevelConfiguration={"name": "global-default"}),
            {"conditions": [STAMPED | {"type": "Dangling"}]},
            metadata=False,
        ),
        marks=pytest.mark.row("sig-api-machinery: API priority and fairness should support FlowSchema API operations"),
    ),
    pytest.param(
        Life(
            f"{FLOW}/prioritylevelconfigurations",
            "PriorityLevelConfiguration",
            lambda _: {"spec": _level()},
            {"conditions": [STAMPED]},
            metadata=False,
        ),
        marks=pytest.mark.row(
            "sig-api-machinery: API priority and fairness should support PriorityLevelConfiguration API operations"
        ),
    ),
    pytest.param(
        Life(
            f"{AUTH}/validatingadmissionpolicies",
            "ValidatingAdmissionPolicy",
            _spec(matchConstraints={"resourceRules": RULES}, validations=[{"expression": "true"}]),
            {"conditions": [STAMPED]},
            metadata=False,
        ),
        marks=pytest.mark.row(
            "sig-api-machinery: ValidatingAdmissionPolicy should support ValidatingAdmissionPolicy API operations"
        ),
    ),
    pytest.param(
        Life(
            f"{AUTH}/validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
            _spec(policyName="nothing.example.com", validationActions=["Deny"]),
        ),
        marks=pytest.mark.row(
            "sig-api-machinery: ValidatingAdmissionPolicy should support ValidatingAdmissionPolicyBinding API operations"
        ),
    ),
    pytest.param(
        Life(
            f"{AUTH}/mutatingadmissionpolicies",
            "MutatingAdmissionPolicy",
            _spec(
                matchConstraints={"resourceRules": RULES},
                reinvocationPolicy="Never",
                mutations=[
                    {
                        "patchType": "ApplyConfiguration",
                        "applyConfiguration": {"expression": "Object{metadata: Object.metadata{labels: {'a': 'b'}}}"},
                    }
                ],
            ),
        ),
        marks=pytest.mark.row(
            "sig-api-machinery: MutatingAdmissionPolicy should support MutatingAdmissionPolicy API operations"
        ),
    ),
    pytest.param(
        Life(
            f"{AUTH}/mutatingadmissionpolicybindings",
            "MutatingAdmissionPolicyBinding",
            _spec(policyName="nothing.example.com"),
        ),
        marks=pytest.mark.row(
            "sig-api-machinery: MutatingAdmissionPolicy should support MutatingAdmissionPolicyBinding API operations"
        ),
    ),
    pytest.param(
        Life(
            "batch/v1/cronjobs",
            "CronJob",
            _spec(
                schedule="0 0 1 1 *",
                suspend=True,
                jobTemplate={"spec": {"template": {"spec": POD}}},
            ),
            {"lastScheduleTime": "2026-01-02T03:04:05Z"},
        ),
        marks=pytest.mark.row("sig-apps: CronJob should support CronJob API operations"),
    ),
    pytest.param(
        Life(
            "certificates.k8s.io/v1/certificatesigningrequests",
            "CertificateSigningRequest",
            lambda _: {"spec": signing_request("e2e-example", "example.com/e2e")},
            {"certificate": certificate()},
        ),
        marks=pytest.mark.row("sig-auth: Certificates API should support CSR API operations"),
    ),
    pytest.param(
        Life("v1/events", "Event", lambda _: {"type": "Normal", "reason": "Test", "message": "m", "count": 1}),
        marks=pytest.mark.row(
            "sig-instrumentation: Events should manage the lifecycle of an event",
            "sig-instrumentation: Events should delete a collection of events",
        ),
    ),
    pytest.param(
        Life(
            "events.k8s.io/v1/events",
            "Event",
            _with(
                {
                    "type": "Normal",
                    "reason": "Test",
                    "action": "Do",
                    "reportingController": "test-controller",
                    "reportingInstance": "test-node",
                    "eventTime": "2026-01-02T03:04:05.000000Z",
                }
            ),
        ),
        marks=pytest.mark.row(
            "sig-instrumentation: Events API should delete a collection of events",
            "sig-instrumentation: Events API should ensure that an event can be fetched, patched, deleted, and listed",
        ),
    ),
    pytest.param(
        Life("discovery.k8s.io/v1/endpointslices", "EndpointSlice", _with({"addressType": "IPv4", "endpoints": []})),
        marks=pytest.mark.row("sig-network: EndpointSlice should support creating EndpointSlice API operations"),
    ),
    pytest.param(
        Life(
            "v1/endpoints",
            "Endpoints",
            _with({"subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80}]}]}),
        ),
        marks=pytest.mark.row("sig-network: Endpoints should test the lifecycle of an Endpoint"),
    ),
    pytest.param(
        Life(
            "networking.k8s.io/v1/ingresses",
            "Ingress",
            _backend,
            {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}},
        ),
        marks=pytest.mark.row("sig-network: Ingress API should support creating Ingress API operations"),
    ),
    pytest.param(
        Life("networking.k8s.io/v1/ingressclasses", "IngressClass", _spec(controller="example.com/controller")),
        marks=pytest.mark.row("sig-network: IngressClass API should support creating IngressClass API operations"),
    ),
    pytest.param(
        Life("node.k8s.io/v1/runtimeclasses", "RuntimeClass", _with({"handler": "handler"})),
        marks=pytest.mark.row("sig-node: RuntimeClass should support RuntimeClasses API operations"),
    ),
    pytest.param(
        Life("coordination.k8s.io/v1/leases", "Lease", _spec(holderIdentity="holder", leaseDurationSeconds=30)),
        marks=pytest.mark.row("sig-node: Lease lease API should be available"),
    ),
    pytest.param(
        Life("v1/podtemplates", "PodTemplate", _with({"template": {"metadata": {"labels": {"a": "b"}}, "spec": POD}})),
        marks=pytest.mark.row(
            "sig-node: PodTemplates should run the lifecycle of PodTemplates",
            "sig-node: PodTemplates should delete a collection of pod templates",
        ),
    ),
    pytest.param(
        Life("v1/configmaps", "ConfigMap", _with({"data": {"valueName": "value"}})),
        marks=pytest.mark.row("sig-node: ConfigMap should run through a ConfigMap lifecycle"),
    ),
    pytest.param(
        Life("v1/secrets", "Secret", _with({"data": {"key": "dmFsdWU="}, "type": "Opaque"})),
        marks=pytest.mark.row("sig-node: Secrets should patch a secret"),
    ),
    pytest.param(
        Life("v1/serviceaccounts", "ServiceAccount", _with({})),
        marks=pytest.mark.row(
            "sig-auth: ServiceAccounts should run through the lifecycle of a ServiceAccount",
            "sig-auth: ServiceAccounts should update a ServiceAccount",
        ),
    ),
    pytest.param(
        Life(
            "v1/limitranges",
            "LimitRange",
            _spec(limits=[{"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "500m"}}]),
        ),
        marks=pytest.mark.row("sig-scheduling: LimitRange should list, patch and delete a LimitRange by collection"),
    ),
    pytest.param(
        Life("scheduling.k8s.io/v1/priorityclasses", "PriorityClass", _priority),
        marks=pytest.mark.row(
            "sig-scheduling: SchedulerPreemption PriorityClass endpoints verify PriorityClass endpoints can be "
            "operated with different HTTP methods"
        ),
    ),
    pytest.param(
        Life(
            "storage.k8s.io/v1/csidrivers", "CSIDriver", _spec(attachRequired=False, volumeLifecycleModes=["Ephemeral"])
        ),
        marks=pytest.mark.row("sig-storage: CSIInlineVolumes should run through the lifecycle of a CSIDriver"),
    ),
    pytest.param(
        Life("storage.k8s.io/v1/csinodes", "CSINode", _spec(drivers=[])),
        marks=pytest.mark.row("sig-storage: CSINodes CSI Conformance should run through the lifecycle of a csinode"),
    ),
    pytest.param(
        Life("storage.k8s.io/v1/csistoragecapacities", "CSIStorageCapacity", _with({"storageClassName": "class"})),
        marks=pytest.mark.row("sig-storage: CSIStorageCapacity should support CSIStorageCapacities API operations"),
    ),
    pytest.param(
        Life("storage.k8s.io/v1/storageclasses", "StorageClass", _with({"provisioner": "example.com/none"})),
        marks=pytest.mark.row(
            "sig-storage: StorageClasses CSI Conformance should run through the lifecycle of a StorageClass"
        ),
    ),
    pytest.param(
        Life(
            "storage.k8s.io/v1/volumeattachments",
            "VolumeAttachment",
            _spec(attacher="e2e.example.com", nodeName="node-1", source={"persistentVolumeName": "pv-1"}),
            {"attached": True},
            metadata=False,
        ),
        marks=pytest.mark.row(
            "sig-storage: VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment",
            "sig-storage: VolumeAttachment Conformance should apply changes to a volumeattachment status",
        ),
    ),
    pytest.param(
        Life(
            "storage.k8s.io/v1/volumeattributesclasses",
            "VolumeAttributesClass",
            _with({"driverName": "example.com", "parameters": {"a": "b"}}),
        ),
        marks=pytest.mark.row(
            "sig-storage: VolumeAttributesClass should run through the lifecycle of a VolumeAttributesClass"
        ),
    ),
    pytest.param(
        Life(f"{DRA}/deviceclasses", "DeviceClass", _with({"spec": {}})),
        marks=pytest.mark.row("sig-node: DRA CRUD Tests resource.k8s.io/v1 DeviceClass"),
    ),
    pytest.param(
        Life(
            f"{DRA}/resourceclaims",
            "ResourceClaim",
            _with({"spec": {}}),
            {"allocation": {"devices": {}}},
            metadata=False,
        ),
        marks=pytest.mark.row("sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceClaim"),
    ),
    pytest.param(
        Life(f"{DRA}/resourceclaimtemplates", "ResourceClaimTemplate", _with({"spec": {"spec": {}}})),
        marks=pytest.mark.row("sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate"),
    ),
    pytest.param(
        Life(f"{DRA}/resourceslices", "ResourceSlice", _slice),
        marks=pytest.mark.row("sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceSlice"),
    ),
    pytest.param(
        Life(
            "v1/nodes",
            "Node",
            _with({"spec": {"unschedulable": True}}),
            {"conditions": [STAMPED | {"type": "E2E"}]},
        ),
        marks=pytest.mark.row("sig-node: Node Lifecycle should run through the lifecycle of a node"),
    ),
    pytest.param(
        Life(
            "v1/services",
            "Service",
            _spec(type="LoadBalancer", ports=[{"name": "http", "port": 80}]),
            {"loadBalancer": {"ingress": [{"ip": "203.0.113.1", "ipMode": "VIP"}]}},
        ),
        marks=pytest.mark.row(
            "sig-network: Services should complete a service status lifecycle",
            "sig-network: Services should delete a collection of services",
            "sig-network: Services should find a service from listing all namespaces",
        ),
    ),
    pytest.param(
        Life(
            "networking.k8s.io/v1/servicecidrs",
            "ServiceCIDR",
            lambda number: {"spec": {"cidrs": [f"10.7{number}.0.0/24"]}},
            {"conditions": [STAMPED | {"type": "E2E"}]},
        ),
        marks=pytest.mark.row("sig-network: ServiceCIDR and IPAddress API should support ServiceCIDR API operations"),
    ),
]


def _name(api: Api, life: Life, number: int) -> str:
    return f"{api.namespace}-{number}"


def _object(api: Api, life: Life, number: int) -> Tree:
    version = life.resource.rpartition("/")[0]
    name = _name(api, life, number)
    tree: Tree = {"apiVersion": version, "kind": life.kind}
    # Whatever uid a client thinks of, the server gives another.
    tree["metadata"] = {"name": name, "labels": {"e2e": api.namespace}, "uid": f"e2e-{number}"}
    tree |= life.make(number)
    if life.kind == "Event":
        about = {"kind": "Pod", "name": "about", "namespace": api.namespace, "apiVersion": "v1"}
        tree["involvedObject" if version == "v1" else "regarding"] = about
    if life.kind in ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"):
        tree["spec"] = tree["spec"] | {"policyName": f"{name}.example.com"}
    return tree


def _discovered(api: Api, life: Life) -> None:
    version, _, plural = life.resource.rpartition("/")
    if "/" not in version:
        listed = api.json("GET", f"/api/{version}")
    else:
        group, _, short = version.partition("/")
        groups = {each["name"]: each for each in api.json("GET", "/apis")["groups"]}
        assert short in [each["version"] for each in groups[group]["versions"]]
        assert api.json("GET", f"/apis/{group}")["name"] == group
        listed = api.json("GET", f"/apis/{version}")
    (found,) = [each for each in listed["resources"] if each["name"] == plural]
    assert found["kind"] == life.kind
    wanted = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    assert wanted - {"deletecollection"} <= set(found["verbs"])
    if life.status is not None:
        assert f"{plural}/status" in [each["name"] for each in listed["resources"]]


def _expect(events: Iterator[Tree], kind: str, name: str, holds: Callable[[Tree], bool] = lambda _: True) -> None:
    for event in events:
        found = event["object"]
        if event["type"] == kind and found["metadata"]["name"] == name and holds(found):
            return
    raise AssertionError(f"no {kind} of {name}")


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.resource)
def test_life(api: Api, life: Life) -> None:
    resource, chosen = life.resource, {"labelSelector": f"e2e={api.namespace}"}
    _discovered(api, life)
    listed = api.list(resource, **chosen)
    events = api.typed_watch(resource, resourceVersion=listed["metadata"]["resourceVersion"], **chosen)
    names = [_name(api, life, number) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        api.create(resource, _object(api, life, number))
    one = names[0]
    assert api.get(resource, one)["metadata"]["name"] == one
    assert api.names(resource, **chosen) == api.names(resource, "", **chosen) == names
    _expect(events, "ADDED", names[2])
    _changed(api, life, one, events)
    if life.status is not None:
        _status(api, life, one)
    api.delete(resource, one)
    _finish(api, resource, one)
    _expect(events, "DELETED", one)
    assert api.gone(resource, one)
    api.delete_collection(resource, **chosen)
    for name in names[1:]:
        _finish(api, resource, name)
    assert api.names(resource, **chosen) == []
    events.close()  # type: ignore[attr-defined]


def _finish(api: Api, resource: str, name: str) -> None:
    """What waits for somebody's finalizer is let go."""
    api.until(resource, lambda found: name not in found or "finalizers" in found[name]["metadata"])
    if not api.gone(resource, name):
        api.until(resource, lambda found: name not in found)


def _changed(api: Api, life: Life, name: str, events: Iterator[Tree]) -> None:
    patched = api.patch(life.resource, name, {"metadata": {"annotations": {"patched": "true"}}})
    assert patched["metadata"]["annotations"]["patched"] == "true"
    _expect(events, "MODIFIED", name, lambda o: o["metadata"].get("annotations", {}).get("patched") == "true")
    while True:
        whole = api.get(life.resource, name)
        whole["metadata"]["annotations"]["updated"] = "true"
        status, raw = api.site.request("PUT", api.path(life.resource, name), whole)
        if status != 409:
            break
    assert status == 200, raw
    _expect(events, "MODIFIED", name, lambda o: o["metadata"].get("annotations", {}).get("updated") == "true")
    found = api.get(life.resource, name)["metadata"]["annotations"]
    assert {"patched": "true", "updated": "true"}.items() <= found.items()


def _status(api: Api, life: Life, name: str) -> None:
    assert life.status is not None
    wanted = {key: value for key, value in life.status.items() if value is not None}
    body = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": wanted}
    patched = api.patch(life.resource, name, body, sub="status")
    for key, value in wanted.items():
        assert _covers(patched["status"][key], value), (key, patched["status"])
    assert ("patchedstatus" in patched["metadata"]["annotations"]) == life.metadata
    while True:
        whole = api.json("GET", api.path(life.resource, name, "status"))
        whole["metadata"]["annotations"]["updatedstatus"] = "true"
        status, raw = api.site.request("PUT", api.path(life.resource, name, "status"), whole)
        if status != 409:
            break
    assert status == 200, raw
    assert ("updatedstatus" in api.get(life.resource, name)["metadata"]["annotations"]) == life.metadata


def _covers(found: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; more may be."""
    if isinstance(wanted, dict):
        return all(_covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return all(any(_covers(each, item) for each in found) for item in wanted)
    return bool(found == wanted)
