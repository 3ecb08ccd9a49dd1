"""Discovery, watches, pages, tables, namespaces, quotas, and reviews."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.conformance.api import AGGREGATED, Api, ApiError
from tests.conformance.test_crds import defined, group_of
from tests.kubectl.objects import config_map, definition, pod
from tests.kubectl.site import Tree
from tests.server.peer import Peer

CONFIG_MAPS = "v1/configmaps"


# --- discovery


@pytest.mark.row("sig-api-machinery: Discovery should validate PreferredVersion for each APIGroup")
@pytest.mark.row("sig-api-machinery: Discovery should locate the groupVersion and a resource within each APIGroup")
def test_groups(api: Api) -> None:
    groups = api.json("GET", "/apis")["groups"]
    assert len(groups) > 15
    for group in groups:
        found = api.json("GET", f"/apis/{group['name']}")
        assert found["preferredVersion"] in found["versions"]
        for version in found["versions"]:
            listed = api.json("GET", f"/apis/{version['groupVersion']}")
            assert listed["groupVersion"] == version["groupVersion"]
            assert all(each["kind"] and each["verbs"] for each in listed["resources"])


def aggregated(api: Api, path: str) -> dict[str, dict[str, Tree]]:
    """Group -> version -> its part of the aggregated document."""
    document = api.json("GET", path, headers={"Accept": AGGREGATED})
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    return {
        each["metadata"].get("name", ""): {version["version"]: version for version in each["versions"]}
        for each in document["items"]
    }


@pytest.mark.row(
    "sig-api-machinery: AggregatedDiscovery should support aggregated discovery interface",
    "sig-api-machinery: AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers",
)
def test_aggregated_discovery(api: Api) -> None:
    groups = aggregated(api, "/apis")
    for group, version, resource in (
        ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "v1", "apiservices"),
        ("apps", "v1", "deployments"),
        ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
        ("batch", "v1", "jobs"),
        ("rbac.authorization.k8s.io", "v1", "clusterroles"),
    ):
        found = [each["resource"] for each in groups[group][version]["resources"]]
        assert resource in found
    core = aggregated(api, "/api")[""]["v1"]["resources"]
    pods = next(each for each in core if each["resource"] == "pods")
    assert "status" in [each["subresource"] for each in pods["subresources"]]
    plain = api.json("GET", "/apis", headers={"Accept": "application/json"})
    assert plain["kind"] == "APIGroupList"


@pytest.mark.row(
    "sig-api-machinery: AggregatedDiscovery should support aggregated discovery interface for CRDs",
    "sig-api-machinery: AggregatedDiscovery should support raw aggregated discovery request for CRDs",
)
def test_aggregated_discovery_of_custom_resources(api: Api) -> None:
    group = group_of(api)
    with defined(api, definition("foos", group, "Foo")):
        (found,) = aggregated(api, "/apis")[group]["v1"]["resources"]
        assert (found["resource"], found["responseKind"]["kind"], found["scope"]) == ("foos", "Foo", "Namespaced")
    assert group not in aggregated(api, "/apis")


@pytest.mark.row("sig-api-machinery: server version should find the server version")
def test_version(api: Api) -> None:
    found = api.json("GET", "/version")
    assert (found["major"], found["minor"].rstrip("+")) == ("1", "36")


# --- watches


def _labelled(name: str, label: str, **data: str) -> Tree:
    return config_map(name, {"watch-this-configmap": label}, **data)


def _shown(events: Iterator[Tree], count: int) -> list[tuple[str, str | None]]:
    """The types of the next events, with the mutation counter of their objects."""
    taken = list(itertools.islice(events, count))
    return [(each["type"], each["object"].get("data", {}).get("mutation")) for each in taken]


@pytest.mark.row("sig-api-machinery: Watchers should observe add, update, and delete watch notifications on configmaps")
def test_notifications(api: Api) -> None:
    version = api.list(CONFIG_MAPS)["metadata"]["resourceVersion"]
    selectors = ("watch-this-configmap=a", "watch-this-configmap=b", "watch-this-configmap in (a,b)")
    only_a, only_b, both = (
        api.watch(CONFIG_MAPS, resourceVersion=version, labelSelector=selector) for selector in selectors
    )
    api.create(CONFIG_MAPS, _labelled("map-a", "a"))
    for number in ("1", "2"):
        api.patch(CONFIG_MAPS, "map-a", {"data": {"mutation": number}})
    api.delete(CONFIG_MAPS, "map-a")
    api.create(CONFIG_MAPS, _labelled("map-b", "b"))
    api.delete(CONFIG_MAPS, "map-b")
    of_a = [("ADDED", None), ("MODIFIED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]
    of_b = [("ADDED", None), ("DELETED", None)]
    assert _shown(only_a, 4) == of_a
    assert _shown(only_b, 2) == of_b
    assert _shown(both, 6) == of_a + of_b


@pytest.mark.row("sig-api-machinery: Watchers should be able to start watching from a specific resource version")
def test_watch_from_a_revision(api: Api) -> None:
    api.create(CONFIG_MAPS, _labelled("map", "from"))
    first = api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "1"}})
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "2"}})
    api.delete(CONFIG_MAPS, "map")
    events = api.watch(
        CONFIG_MAPS, resourceVersion=first["metadata"]["resourceVersion"], labelSelector="watch-this-configmap=from"
    )
    assert _shown(events, 2) == [("MODIFIED", "2"), ("DELETED", "2")]


@pytest.mark.row(
    "sig-api-machinery: Watchers should be able to restart watching from the last resource version observed by the previous watch"
)
def test_restart_of_a_watch(api: Api) -> None:
    version = api.list(CONFIG_MAPS)["metadata"]["resourceVersion"]
    chosen = {"labelSelector": "watch-this-configmap=again"}
    events = api.watch(CONFIG_MAPS, resourceVersion=version, **chosen)
    api.create(CONFIG_MAPS, _labelled("map", "again"))
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "1"}})
    last = list(itertools.islice(events, 2))[-1]["object"]["metadata"]["resourceVersion"]
    events.close()  # type: ignore[attr-defined]
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "2"}})
    api.delete(CONFIG_MAPS, "map")
    events = api.watch(CONFIG_MAPS, resourceVersion=last, **chosen)
    assert _shown(events, 2) == [("MODIFIED", "2"), ("DELETED", "2")]


@pytest.mark.row(
    "sig-api-machinery: Watchers should observe an object deletion if it stops meeting the requirements of the selector"
)
def test_objects_that_leave_a_selection(api: Api) -> None:
    version = api.list(CONFIG_MAPS)["metadata"]["resourceVersion"]
    events = api.watch(CONFIG_MAPS, resourceVersion=version, labelSelector="watch-this-configmap=in")
    api.create(CONFIG_MAPS, _labelled("map", "in"))
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "1"}})
    api.patch(CONFIG_MAPS, "map", {"metadata": {"labels": {"watch-this-configmap": "out"}}})
    assert _shown(events, 3) == [("ADDED", None), ("MODIFIED", "1"), ("DELETED", "1")]
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "2"}})
    api.patch(CONFIG_MAPS, "map", {"metadata": {"labels": {"watch-this-configmap": "in"}}})
    api.patch(CONFIG_MAPS, "map", {"data": {"mutation": "3"}})
    api.delete(CONFIG_MAPS, "map")
    assert _shown(events, 3) == [("ADDED", "2"), ("MODIFIED", "3"), ("DELETED", "3")]


@pytest.mark.row("sig-api-machinery: Watchers should receive events on concurrent watches in same order")
def test_order_of_concurrent_watches(api: Api) -> None:
    version = api.list(CONFIG_MAPS)["metadata"]["resourceVersion"]
    watches = [api.watch(CONFIG_MAPS, resourceVersion=version)]
    # Each further watch begins at an event of the first.
    for number in range(20):
        api.create(CONFIG_MAPS, config_map(f"map-{number % 5}" if number < 5 else f"more-{number}"))
        api.patch(CONFIG_MAPS, f"map-{number % 5}", {"data": {"mutation": str(number)}})
        if number % 5 == 4:
            last = list(itertools.islice(watches[0], 10))[-1]["object"]["metadata"]["resourceVersion"]
            watches.append(api.watch(CONFIG_MAPS, resourceVersion=last))
    api.create(CONFIG_MAPS, config_map("last"))
    seen = [_until_last(events) for events in watches[1:]]
    for versions in seen:
        assert versions == seen[0][-len(versions) :]


def _until_last(events: Iterator[Tree]) -> list[str]:
    versions = []
    for event in events:
        versions.append(event["object"]["metadata"]["resourceVersion"])
        if event["object"]["metadata"]["name"] == "last":
            return versions
    raise AssertionError("the watch ended early")


# --- lists


@pytest.mark.row(
    "sig-api-machinery: Servers with support for API chunking should return chunks of results for list calls"
)
def test_chunks(api: Api) -> None:
    made = [f"template-{number:04}" for number in range(40)]
    for name in made:
        api.create("v1/podtemplates", _template(name))
    found: list[str] = []
    query: dict[str, str] = {"limit": "17"}
    version = ""
    while True:
        page = api.list("v1/podtemplates", **query)
        found += [each["metadata"]["name"] for each in page["items"]]
        version = version or page["metadata"]["resourceVersion"]
        assert page["metadata"]["resourceVersion"] == version
        left = page["metadata"].get("remainingItemCount", 0)
        assert left == len(made) - len(found)
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    assert found == made
    whole = api.list("v1/podtemplates", limit="50")
    assert len(whole["items"]) == 40 and not whole["metadata"].get("continue")


def _template(name: str) -> Tree:
    spec = {"containers": [{"name": "test", "image": "test2"}]}
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": {"spec": spec}}


@pytest.mark.row(
    "sig-api-machinery: Servers with support for Table transformation should return a 406 for a backend which does not implement metadata"
)
def test_no_tables_of_reviews(api: Api) -> None:
    review: Tree = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review["spec"] = {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    with pytest.raises(ApiError) as caught:
        api.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, accept)
    assert (caught.value.code, caught.value.reason) == (406, "NotAcceptable")


@pytest.mark.row(
    "sig-api-machinery: Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent"
)
def test_pages_of_what_is_forgotten() -> None:
    """On a server of its own, whose history can be forgotten at will."""
    peer = Peer()
    try:
        templates = "/api/v1/namespaces/default/podtemplates"
        for number in range(40):
            peer.post(templates, _template(f"template-{number:04}"))
        page = peer.get(f"{templates}?limit=17")
        peer.send("DELETE", f"{templates}/template-0000")
        peer.loop.run_until_complete(peer.store.compact(peer.store.index.revision))
        query = urlencode({"limit": 17, "continue": page["metadata"]["continue"]})
        expired = peer.send("GET", f"{templates}?{query}")
        status = json.loads(expired.body)
        assert (expired.status, status["reason"]) == (410, "Expired")
        query = urlencode({"limit": 50, "continue": status["metadata"]["continue"]})
        rest = peer.get(f"{templates}?{query}")
        assert [each["metadata"]["name"] for each in rest["items"]] == [f"template-{n:04}" for n in range(17, 40)]
        assert rest["metadata"]["resourceVersion"] != page["metadata"]["resourceVersion"]
    finally:
        peer.close()


# --- namespaces and quotas


@pytest.mark.row(
    "sig-api-machinery: Namespaces should patch a Namespace",
    "sig-api-machinery: Namespaces should apply an update to a Namespace",
    "sig-api-machinery: Namespaces should apply changes to a namespace status",
    "sig-api-machinery: Namespaces should apply a finalizer to a Namespace",
)
def test_namespaces(api: Api) -> None:
    name, resource = api.namespace, "v1/namespaces"
    patched = api.patch(resource, name, {"metadata": {"labels": {"testLabel": "testValue"}}}, "strategic")
    assert patched["metadata"]["labels"]["testLabel"] == "testValue"
    whole = api.get(resource, name)
    whole["metadata"]["labels"]["updated"] = "testing"
    assert api.update(resource, whole)["metadata"]["labels"]["updated"] == "testing"
    condition = {"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Patched by an e2e test"}
    body = {"metadata": {"annotations": {"e2e-patched-ns-status": name}}, "status": {"conditions": [condition]}}
    patched = api.patch(resource, name, body, sub="status")
    assert patched["metadata"]["annotations"]["e2e-patched-ns-status"] == name
    assert patched["status"]["phase"] == "Active" and patched["status"]["conditions"][0]["type"] == "StatusPatch"
    whole = api.json("GET", api.path(resource, name, "status"))
    whole["status"]["conditions"].append(condition | {"type": "StatusUpdate"})
    updated = api.json("PUT", api.path(resource, name, "status"), whole)
    assert [each["type"] for each in updated["status"]["conditions"]] == ["StatusPatch", "StatusUpdate"]
    whole = api.get(resource, name)
    whole["spec"]["finalizers"].append("e2e.example.com/fakeFinalizer")
    finalized = api.update(resource, whole, "finalize")
    assert finalized["spec"]["finalizers"] == ["kubernetes", "e2e.example.com/fakeFinalizer"]
    finalized["spec"]["finalizers"] = ["kubernetes"]
    assert api.update(resource, finalized, "finalize")["spec"]["finalizers"] == ["kubernetes"]


@pytest.mark.row(
    "sig-api-machinery: ResourceQuota should be able to update and delete ResourceQuota.",
    "sig-api-machinery: ResourceQuota should manage the lifecycle of a ResourceQuota",
)
def test_quotas(api: Api) -> None:
    resource = "v1/resourcequotas"
    tree: Tree = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "labels": {"e2e": "q"}}}
    api.create(resource, tree | {"spec": {"hard": {"cpu": "1", "memory": "500Mi"}}})
    found = api.get(resource, "q")
    assert found["spec"]["hard"] == {"cpu": "1", "memory": "500Mi"}
    found["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}
    assert _updated(api, resource, found)["spec"]["hard"] == {"cpu": "2", "memory": "1Gi"}
    patched = api.patch(
        resource, "q", {"metadata": {"labels": {"q": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}
    )
    assert patched["spec"]["hard"]["memory"] == "750Mi"
    assert api.names(resource, "", labelSelector="q=patched") == ["q"]
    api.delete_collection(resource, labelSelector="e2e=q")
    assert api.gone(resource, "q")


def _updated(api: Api, resource: str, tree: Tree) -> Tree:
    """An update of all but the status; again when a controller came first."""
    while True:
        try:
            return api.update(resource, tree)
        except ApiError as error:
            assert error.reason == "Conflict"
            fresh = api.get(resource, tree["metadata"]["name"])
            tree["metadata"]["resourceVersion"] = fresh["metadata"]["resourceVersion"]


# --- accounts and reviews


@pytest.mark.row("sig-auth: SubjectReview should support SubjectReview API operations")
def test_subject_reviews(api: Api) -> None:
    account = f"system:serviceaccount:{api.namespace}:e2e"
    api.create("v1/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "e2e"}})
    group = "authorization.k8s.io/v1"
    attributes = {"verb": "list", "resource": "configmaps", "version": "v1", "namespace": api.namespace}
    spec = {"user": account, "resourceAttributes": attributes}
    for kind, namespace in (("SubjectAccessReview", ""), ("LocalSubjectAccessReview", api.namespace)):
        review: Tree = {"apiVersion": group, "kind": kind, "spec": spec}
        review["metadata"] = {"namespace": namespace} if namespace else {}
        where = f"/namespaces/{namespace}" if namespace else ""
        answer = api.typed("POST", f"/apis/{group}{where}/{kind.lower()}s", review)
        assert not answer["status"].get("allowed")
    status, _ = api.site.request("GET", api.path(CONFIG_MAPS), headers={"Impersonate-User": account})
    assert status == 403


@pytest.mark.row("sig-auth: ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview")
def test_tokens(api: Api) -> None:
    api.create("v1/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "e2e"}})
    request: Tree = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = api.typed("POST", api.path("v1/serviceaccounts", "e2e", "token"), request)
    token = made["status"]["token"]
    review: Tree = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = api.typed("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert answer["status"]["authenticated"] is True
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{api.namespace}:e2e"


@pytest.mark.row("sig-auth: ServiceAccounts should allow opting out of API token automount")
def test_automount(api: Api) -> None:
    for name, mounts in (("default", None), ("mount", True), ("nomount", False)):
        if name != "default":
            tree: Tree = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            api.create("v1/serviceaccounts", tree | {"automountServiceAccountToken": mounts})
        for asked in (None, True, False):
            spec = {"serviceAccountName": name, **({} if asked is None else {"automountServiceAccountToken": asked})}
            made = api.create("v1/pods", pod(f"pod-{name}-{str(asked).lower()}", None, **spec))
            mounted = any(v["name"].startswith("kube-api-access-") for v in made["spec"].get("volumes", []))
            assert mounted == (asked if asked is not None else mounts is not False)


@pytest.mark.row(
    "sig-instrumentation: Events API should ensure that an event can be fetched, patched, deleted, and listed"
)
def test_events_of_both_groups(api: Api) -> None:
    both = [("v1/events", "source=test-controller"), ("events.k8s.io/v1/events", "reportingController=test-controller")]
    resource = both[1][0]
    told = {"reason": "Test", "action": "Do", "note": "This is event-test", "type": "Normal"}
    teller = {"reportingController": "test-controller", "reportingInstance": "test-node"}
    api.create(
        resource,
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": "event-test", "labels": {"constant": "true"}},
            "regarding": {"namespace": api.namespace},
            "eventTime": "2026-01-02T03:04:05.000006Z",
            **told,
            **teller,
        },
    )
    for listed, selector in both * 2:
        assert api.names(listed, fieldSelector=selector) == ["event-test"]
    series = {"count": 2, "lastObservedTime": "2026-01-02T03:05:05.505000Z"}
    assert api.patch(resource, "event-test", {"series": series}, "strategic")["series"] == series
    tree = api.get(resource, "event-test")
    tree["series"] = {"count": 100, "lastObservedTime": "2026-01-02T03:06:05.505000Z"}
    assert api.update(resource, tree)["series"] == tree["series"]
    api.delete(resource, "event-test")
    assert api.names(resource, labelSelector="constant=true") == []
