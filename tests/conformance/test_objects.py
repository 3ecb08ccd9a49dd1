"""Rows about single kinds: keys, immutability, admission of pods, the service of the API itself, volumes."""

from __future__ import annotations

import pytest

from tests.conformance.api import Api, ApiError
from tests.kubectl.objects import config_map, container, pod
from tests.kubectl.site import Tree

TIME = "2026-01-02T03:04:05Z"


def secret(name: str, **data: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def refused(api: Api, resource: str, tree: Tree) -> ApiError:
    with pytest.raises(ApiError) as caught:
        api.create(resource, tree)
    return caught.value


@pytest.mark.row(
    "sig-node: ConfigMap should fail to create ConfigMap with empty key",
    "sig-node: Secrets should fail to create secret due to empty secret key",
)
def test_empty_keys(api: Api) -> None:
    for resource, tree in (
        ("v1/configmaps", config_map("empty", None, **{"": "value-1"})),
        ("v1/secrets", secret("empty", **{"": "dmFsdWUtMQo="})),
    ):
        error = refused(api, resource, tree)
        assert (error.code, error.reason) == (422, "Invalid")


@pytest.mark.row("sig-node: ConfigMap should update ConfigMap successfully")
def test_update_of_config_maps(api: Api) -> None:
    made = api.create("v1/configmaps", config_map("map", None, a="1"))
    made["data"] = {"b": "2"}
    api.update("v1/configmaps", made)
    assert api.get("v1/configmaps", "map")["data"] == {"b": "2"}


@pytest.mark.row(
    "sig-storage: ConfigMap should be immutable if `immutable` field is set",
    "sig-storage: Secrets should be immutable if `immutable` field is set",
)
@pytest.mark.parametrize("resource", ["v1/configmaps", "v1/secrets"])
def test_immutability(api: Api, resource: str) -> None:
    made = config_map("fixed", None, a="1") if resource == "v1/configmaps" else secret("fixed", a="MQ==")
    current = api.create(resource, made)
    current["data"]["b"] = "Mg=="
    current = api.update(resource, current)
    current["immutable"] = True
    current = api.update(resource, current)
    for change in ({"immutable": False}, {"data": {"a": "Mw=="}}):
        with pytest.raises(ApiError) as caught:
            api.update(resource, current | change)
        assert caught.value.reason == "Invalid"
    current["metadata"]["labels"] = {"label1": "value1"}
    assert api.update(resource, current)["metadata"]["labels"] == {"label1": "value1"}
    api.delete(resource, "fixed")


@pytest.mark.row(
    "sig-node: Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete"
)
def test_pods_can_be_deleted(api: Api) -> None:
    api.create("v1/pods", pod("bin-false", None, container("bin-false", "busybox", command=["/bin/false"])))
    api.delete("v1/pods", "bin-false")
    api.until("v1/pods", lambda found: "bin-false" not in found)


@pytest.mark.row("sig-node: PodTemplates should replace a pod template")
def test_replacing_a_pod_template(api: Api) -> None:
    spec = {"containers": [{"name": "e2e", "image": "nginx"}]}
    head: Tree = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "template"}}
    made = api.create("v1/podtemplates", head | {"template": {"metadata": {"labels": {"a": "b"}}, "spec": spec}})
    made["template"]["metadata"]["labels"] = {"podtemplate-replaced": "true"}
    replaced = api.update("v1/podtemplates", made)
    assert replaced["template"]["metadata"]["labels"] == {"podtemplate-replaced": "true"}


@pytest.mark.row(
    "sig-node: Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu"
)
def test_quality_of_service(api: Api) -> None:
    amounts = {"cpu": "100m", "memory": "100Mi"}
    inside = container("main", "pause", resources={"requests": amounts, "limits": amounts})
    api.create("v1/pods", pod("guaranteed", None, inside))
    assert api.get("v1/pods", "guaranteed")["status"]["qosClass"] == "Guaranteed"


@pytest.mark.row(
    "sig-node: RuntimeClass should reject a Pod requesting a non-existent RuntimeClass",
    "sig-node: RuntimeClass should reject a Pod requesting a deleted RuntimeClass",
)
def test_runtime_classes_have_to_be_there(api: Api) -> None:
    name, resource = f"{api.namespace}-runtime", "node.k8s.io/v1/runtimeclasses"
    error = refused(api, "v1/pods", pod("without", None, runtimeClassName=name))
    assert (error.code, error.reason) == (403, "Forbidden")
    tree: Tree = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "h"}
    api.create(resource, tree)
    api.create("v1/pods", pod("with", None, runtimeClassName=name))
    api.delete(resource, name)
    assert refused(api, "v1/pods", pod("late", None, runtimeClassName=name)).code == 403


@pytest.mark.row("sig-node: Sysctls should reject invalid sysctls")
def test_invalid_sysctls(api: Api) -> None:
    names = ("foo-", "kernel.shmmax", "safe-and-unsafe", "bar..")
    wanted = {"sysctls": [{"name": name, "value": "100000000"} for name in names]}
    error = refused(api, "v1/pods", pod("sysctls", None, securityContext=wanted))
    assert (error.code, error.reason) == (422, "Invalid")
    message = error.status["message"]
    assert 'Invalid value: "foo-"' in message and 'Invalid value: "bar.."' in message
    assert "kernel.shmmax" not in message and "safe-and-unsafe" not in message


@pytest.mark.row(
    "sig-scheduling: LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied."
)
def test_limit_ranges(api: Api) -> None:
    limit = {
        "type": "Container",
        "min": {"cpu": "50m", "memory": "100Mi"},
        "max": {"cpu": "500m", "memory": "500Mi"},
        "default": {"cpu": "500m", "memory": "500Mi"},
        "defaultRequest": {"cpu": "100m", "memory": "200Mi"},
    }
    head: Tree = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}}
    api.create("v1/limitranges", head | {"spec": {"limits": [limit]}})
    made = api.create("v1/pods", pod("plain"))["spec"]["containers"][0]["resources"]
    assert made == {"limits": limit["default"], "requests": limit["defaultRequest"]}
    some = {"requests": {"cpu": "300m"}, "limits": {"cpu": "300m"}}
    made = api.create("v1/pods", pod("partial", None, container("main", "pause", resources=some)))
    assert made["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "300m", "memory": "500Mi"}
    for wrong in ({"requests": {"cpu": "10m"}}, {"limits": {"cpu": "600m"}}):
        error = refused(api, "v1/pods", pod("wrong", None, container("main", "pause", resources=wrong)))
        assert error.code == 403
    found = api.get("v1/limitranges", "limits")
    found["spec"]["limits"][0]["min"] = {"cpu": "9m", "memory": "100Mi"}
    api.update("v1/limitranges", found)
    api.create("v1/pods", pod("small", None, container("main", "pause", resources={"requests": {"cpu": "10m"}})))
    api.delete("v1/limitranges", "limits")
    api.create("v1/pods", pod("big", None, container("main", "pause", resources={"limits": {"cpu": "600m"}})))


@pytest.mark.row("sig-storage: CSIInlineVolumes should support CSIVolumeSource in Pod API")
def test_inline_volumes(api: Api) -> None:
    source = {"driver": "e2e.example.com", "readOnly": True, "volumeAttributes": {"a": "b"}}
    tree = pod("inline", {"e2e": "inline"}, volumes=[{"name": "v", "csi": source}])
    made = api.create("v1/pods", tree)
    assert next(each for each in made["spec"]["volumes"] if each["name"] == "v")["csi"] == source
    api.patch("v1/pods", "inline", {"metadata": {"annotations": {"patched": "true"}}}, "strategic")
    assert api.names("v1/pods", "", labelSelector="e2e=inline") == ["inline"]
    api.delete("v1/pods", "inline")
    assert api.gone("v1/pods", "inline")


@pytest.mark.row("sig-storage: PersistentVolumes CSI Conformance should apply changes to a pv/pvc status")
def test_status_of_volumes_and_claims(api: Api) -> None:
    name = f"{api.namespace}-pv"
    capacity, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    volume: Tree = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}}
    csi = {"driver": "e2e.example.com", "volumeHandle": "e2e"}
    volume["spec"] = {"capacity": capacity, "accessModes": modes, "csi": csi, "storageClassName": name}
    claim: Tree = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"}}
    spec = {"accessModes": modes, "resources": {"requests": capacity}, "storageClassName": f"{name}-other"}
    claim["spec"] = spec
    api.create("v1/persistentvolumes", volume)
    api.create("v1/persistentvolumeclaims", claim)
    for resource, one in (("v1/persistentvolumes", name), ("v1/persistentvolumeclaims", "claim")):
        condition = {"type": "StatusPatched", "status": "True", "reason": "E2E patchedStatus"}
        body: Tree = {"conditions": [condition]} if one == "claim" else {"message": "StatusPatched", "reason": "E2E"}
        patched = api.patch(resource, one, {"status": body}, sub="status")
        assert (
            patched["status"].items() >= body.items() or patched["status"]["conditions"][0]["type"] == "StatusPatched"
        )
        whole = api.json("GET", api.path(resource, one, "status"))
        assert api.json("PUT", api.path(resource, one, "status"), whole)["status"] == whole["status"]
    api.delete("v1/persistentvolumeclaims", "claim")
    api.delete("v1/persistentvolumes", name)
    api.until("v1/persistentvolumes", lambda found: name not in found)


# --- the service of the API, and addresses


@pytest.mark.row("sig-network: API Server should provide secure master service")
@pytest.mark.row("sig-network: API Server should have Endpoints and EndpointSlices pointing to API Server")
def test_the_service_of_the_api(api: Api) -> None:
    here = Api(api.site, "default")
    service = here.get("v1/services", "kubernetes")
    (port,) = service["spec"]["ports"]
    assert (port["name"], port["port"], port["protocol"]) == ("https", 443, "TCP")
    endpoints = here.get("v1/endpoints", "kubernetes")
    (subset,) = endpoints["subsets"]
    slices = here.list("discovery.k8s.io/v1/endpointslices", labelSelector="kubernetes.io/service-name=kubernetes")
    (found,) = slices["items"]
    assert found["ports"][0]["port"] == subset["ports"][0]["port"]
    assert found["endpoints"][0]["addresses"] == [subset["addresses"][0]["ip"]]


@pytest.mark.row("sig-network: ServiceCIDR and IPAddress API should support IPAddress API operations")
def test_addresses(api: Api) -> None:
    resource = "networking.k8s.io/v1/ipaddresses"
    parent = {"group": "mygroup", "resource": "myresources", "namespace": "foo", "name": "bar"}

    def address(name: str, kind: str) -> Tree:
        head: Tree = {"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress"}
        return head | {"metadata": {"name": name, "labels": {"type": kind}}, "spec": {"parentRef": parent}}

    broadcast, local = "255.255.255.255", "fe80::42:1dff:fe84:f9e2"
    api.create(resource, address(broadcast, "broadcast"))
    api.create(resource, address(local, "link-local"))
    assert refused(api, resource, address("not-an-address", "none")).reason == "Invalid"
    patched = api.patch(resource, broadcast, {"metadata": {"annotations": {"patched": "true"}}})
    patched["metadata"]["annotations"]["updated"] = "true"
    assert api.update(resource, patched)["metadata"]["annotations"]["updated"] == "true"
    assert api.names(resource, labelSelector="type=broadcast") == [broadcast]
    api.delete(resource, broadcast)
    assert api.gone(resource, broadcast)
    api.delete_collection(resource, labelSelector="type=link-local")
    assert api.names(resource, labelSelector="type=link-local") == []


@pytest.mark.row("sig-network: ServiceCIDR and IPAddress API should support ServiceCIDR API operations")
def test_the_first_range_of_addresses(api: Api) -> None:
    resource = "networking.k8s.io/v1/servicecidrs"
    patched = api.patch(resource, "kubernetes", {"metadata": {"annotations": {"patched": "true"}}})
    patched["metadata"]["annotations"]["updated"] = "true"
    assert api.update(resource, patched)["metadata"]["annotations"]["updated"] == "true"


@pytest.mark.row("sig-node: DRA CRUD Tests resource.k8s.io/v1 ResourceClaim")
def test_drivers_tell_of_their_devices(api: Api) -> None:
    """By server-side apply of parts of the status, each device under its own keys."""
    resource = "resource.k8s.io/v1/resourceclaims"
    head: Tree = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "claim"}}
    request = {"name": "request", "exactly": {"deviceClassName": "class"}}
    applied = api.apply(resource, head | {"spec": {"devices": {"requests": [request]}}})
    assert applied["spec"]["devices"]["requests"][0]["exactly"]["count"] == 1
    device = {"driver": "dra.example.com", "pool": "pool", "device": "device"}
    allocation = {"devices": {"results": [{"request": "request", **device}]}}
    api.apply(resource, head | {"status": {"allocation": allocation}}, "status", manager="scheduler")
    ready = {"type": "Ready", "status": "True", "reason": "E2E", "message": "", "lastTransitionTime": TIME}
    told = head | {"status": {"devices": [device | {"conditions": [ready]}]}}
    found = api.apply(resource, told, "status", manager="driver")["status"]
    assert found["devices"][0]["conditions"] == [ready]
    assert found["allocation"]["devices"]["results"][0]["device"] == "device"
    # What a driver does not tell any more is gone.
    found = api.apply(resource, head | {"status": {}}, "status", manager="driver")["status"]
    assert "devices" not in found and "allocation" in found


@pytest.mark.row(
    "sig-scheduling: SchedulerPreemption PriorityClass endpoints verify PriorityClass endpoints can be "
    "operated with different HTTP methods"
)
def test_the_value_of_a_priority_class_stays(api: Api) -> None:
    name, resource = f"{api.namespace}-p1", "scheduling.k8s.io/v1/priorityclasses"
    tree = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 2}
    made = api.create(resource, tree)
    for change in ({"value": 4}, {"preemptionPolicy": "Never"}):
        with pytest.raises(ApiError) as error:
            api.patch(resource, name, change)
        assert (error.value.code, error.value.reason) == (422, "Invalid")
        with pytest.raises(ApiError) as error:
            api.update(resource, made | change)
        assert error.value.reason == "Invalid"
    assert api.patch(resource, name, {"description": "other"})["description"] == "other"
    assert api.update(resource, made | {"metadata": {"name": name}, "description": "third"})["value"] == 2
    api.delete(resource, name)


@pytest.mark.row(
    "sig-instrumentation: Events API should ensure that an event can be fetched, patched, deleted, and listed",
    "sig-instrumentation: Events should manage the lifecycle of an event",
)
def test_series_of_events(api: Api) -> None:
    """A recorder counts on by patching a series into the event; the older form of the API shows the same."""
    about = {"kind": "Pod", "name": "about", "namespace": api.namespace, "apiVersion": "v1"}
    event: Tree = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "series"}}
    event |= {"type": "Normal", "reason": "Test", "action": "Do", "regarding": about, "note": "This is a test"}
    event |= {"reportingController": "test-controller", "reportingInstance": "test-node"}
    api.create("events.k8s.io/v1/events", event | {"eventTime": "2026-01-02T03:04:05.000000Z"})
    series = {"count": 2, "lastObservedTime": "2026-01-02T03:04:06.000000Z"}
    patched = api.patch("events.k8s.io/v1/events", "series", {"series": series})
    assert patched["series"] == series
    patched["series"] = {"count": 100, "lastObservedTime": "2026-01-02T03:05:05.000000Z"}
    assert api.update("events.k8s.io/v1/events", patched)["series"]["count"] == 100
    old = api.get("v1/events", "series")
    assert (old["series"]["count"], old["reportingComponent"], old["message"]) == (
        100,
        "test-controller",
        "This is a test",
    )
    with pytest.raises(ApiError):
        api.patch("events.k8s.io/v1/events", "series", {"note": "may not change"})
    assert api.names("v1/events", fieldSelector="involvedObject.name=about") == ["series"]
    api.delete("v1/events", "series")
    assert api.gone("events.k8s.io/v1/events", "series")
