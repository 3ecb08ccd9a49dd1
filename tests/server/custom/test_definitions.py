"""Custom resources through the whole server."""

from __future__ import annotations

import json
from typing import Any

from tests.server.peer import Peer

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BOATS = "/apis/ex.example.com/v1/namespaces/default/boats"

SPEC = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "crew": {"type": "integer", "default": 2, "maximum": 9},
                "name": {"type": "string"},
                "replicas": {"type": "integer"},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def version(name: str = "v1", **more: Any) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": SPEC}, **more}


def crd(*versions: dict[str, Any], scope: str = "Namespaced", **names: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "boats.ex.example.com"},
        "spec": {
            "group": "ex.example.com",
            "names": {"plural": "boats", "kind": "Boat", "shortNames": ["bt"], **names},
            "scope": scope,
            "versions": list(versions) or [version()],
        },
    }


def boat(called: str = "argo", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "ex.example.com/v1", "kind": "Boat", "metadata": {"name": called}, "spec": spec}


def conditions(peer: Peer, name: str = "boats.ex.example.com") -> dict[str, tuple[str, str]]:
    found = peer.get(f"{CRDS}/{name}")["status"]["conditions"]
    return {c["type"]: (c["status"], c["reason"]) for c in found}


def test_a_definition_is_established_and_served(peer: Peer) -> None:
    assert peer.send("GET", BOATS).status == 404
    peer.post(CRDS, crd())
    assert conditions(peer) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    status = peer.get(f"{CRDS}/boats.ex.example.com")["status"]
    assert status["storedVersions"] == ["v1"]
    assert status["acceptedNames"]["listKind"] == "BoatList"
    made = peer.post(BOATS, boat(name="x", sail=1))
    assert made["spec"] == {"name": "x", "crew": 2}
    assert made["metadata"]["generation"] == 1
    listed = peer.get(BOATS)
    assert listed["kind"] == "BoatList"
    assert listed["items"][0]["kind"] == "Boat"


def test_keys_are_sorted_and_what_looks_like_a_revision_is_not_stamped(peer: Peer) -> None:
    peer.post(CRDS, crd())
    tree = boat()
    tree["metadata"]["annotations"] = {"resourceVersion": ""}
    peer.post(BOATS, tree)
    raw = peer.send("GET", f"{BOATS}/argo").body
    assert json.loads(raw)["metadata"]["annotations"] == {"resourceVersion": ""}
    assert json.loads(raw)["metadata"]["resourceVersion"].isdecimal()
    assert raw.startswith(b'{"apiVersion":"ex.example.com/v1","kind":"Boat","metadata":{"annotations"')


def test_values_are_checked_and_unchanged_ones_tolerated(peer: Peer) -> None:
    peer.post(CRDS, crd())
    status, message = peer.refused("POST", BOATS, boat(crew=12))
    assert (status, message) == (
        422,
        'Boat.ex.example.com "argo" is invalid: spec.crew: Invalid value: 12: '
        "spec.crew in body should be less than or equal to 9",
    )
    peer.post(BOATS, boat(crew=9))
    found = peer.get(f"{CRDS}/boats.ex.example.com")
    found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["crew"]["maximum"] = 5
    peer.ok("PUT", f"{CRDS}/boats.ex.example.com", found)
    merge = {"media": "application/merge-patch+json"}
    assert peer.ok("PATCH", f"{BOATS}/argo", {"spec": {"name": "y"}}, **merge)["spec"]["crew"] == 9
    assert peer.send("PATCH", f"{BOATS}/argo", {"spec": {"crew": 8}}, **merge).status == 422


def test_rules_that_an_update_did_not_break_are_told_as_warnings(peer: Peer) -> None:
    peer.post(CRDS, crd())
    peer.post(BOATS, boat(crew=9))
    found = peer.get(f"{CRDS}/boats.ex.example.com")
    crew = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["crew"]
    crew["x-kubernetes-validations"] = [{"rule": "self < 5", "message": "too many"}]
    peer.ok("PUT", f"{CRDS}/boats.ex.example.com", found)
    merge = {"media": "application/merge-patch+json"}
    answer = peer.send("PATCH", f"{BOATS}/argo", {"spec": {"name": "y"}}, **merge)
    assert answer.status == 200
    assert dict(answer.headers)["Warning"] == '299 - "spec.crew: Invalid value: \\"integer\\": too many"'
    assert peer.send("PATCH", f"{BOATS}/argo", {"spec": {"crew": 8}}, **merge).status == 422


def test_new_defaults_show_in_old_objects(peer: Peer) -> None:
    peer.post(CRDS, crd())
    peer.post(BOATS, boat())
    found = peer.get(f"{CRDS}/boats.ex.example.com")
    properties = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["name"]["default"] = "anon"
    peer.ok("PUT", f"{CRDS}/boats.ex.example.com", found)
    assert peer.get(f"{BOATS}/argo")["spec"] == {"crew": 2, "name": "anon"}
    assert peer.get(BOATS)["items"][0]["spec"] == {"crew": 2, "name": "anon"}


def test_put_needs_a_revision_and_there_is_no_strategic_merge(peer: Peer) -> None:
    peer.post(CRDS, crd())
    peer.post(BOATS, boat())
    status, message = peer.refused("PUT", f"{BOATS}/argo", boat())
    assert status == 422
    assert message.endswith("metadata.resourceVersion: Invalid value: 0: must be specified for an update")
    media = "application/strategic-merge-patch+json"
    assert peer.send("PATCH", f"{BOATS}/argo", {"spec": {}}, media=media).status == 415


def test_status_is_apart_only_where_declared(peer: Peer) -> None:
    merge = {"media": "application/merge-patch+json"}
    peer.post(CRDS, crd(version(subresources={"status": {}})))
    tree = {**boat(), "status": {"at": "sea"}}
    assert "status" not in peer.post(BOATS, tree)
    changed = peer.ok("PATCH", f"{BOATS}/argo/status", {"status": {"at": "port"}, "spec": {"crew": 1}}, **merge)
    assert changed["status"] == {"at": "port"}
    assert changed["spec"] == {"crew": 2}
    assert changed["metadata"]["generation"] == 1
    other = {**crd(plural="ships", kind="Ship"), "metadata": {"name": "ships.ex.example.com"}}
    other["spec"]["names"].pop("shortNames")
    peer.post(CRDS, other)
    ships = BOATS.replace("boats", "ships")
    assert peer.post(ships, {**tree, "kind": "Ship"})["status"] == {"at": "sea"}
    assert peer.ok("PATCH", f"{ships}/argo", {"status": {"at": "port"}}, **merge)["metadata"]["generation"] == 2
    assert peer.send("GET", f"{ships}/argo/status").status == 404


def test_versions_differ_in_their_names_only(peer: Peer) -> None:
    old = version("v1beta1", storage=False, deprecated=True, deprecationWarning="sail no more")
    peer.post(CRDS, crd(version(), old))
    beta = BOATS.replace("v1", "v1beta1")
    made = peer.post(beta, {**boat(), "apiVersion": "ex.example.com/v1beta1"})
    assert made["apiVersion"] == "ex.example.com/v1beta1"
    assert peer.get(f"{BOATS}/argo")["apiVersion"] == "ex.example.com/v1"
    headers = dict(peer.send("GET", f"{beta}/argo").headers)
    assert headers["Warning"] == '299 - "sail no more"'


def test_a_new_storage_version_is_remembered(peer: Peer) -> None:
    peer.post(CRDS, crd(version(), version("v2", storage=False)))
    found = peer.get(f"{CRDS}/boats.ex.example.com")
    for one in found["spec"]["versions"]:
        one["storage"] = one["name"] == "v2"
    changed = peer.ok("PUT", f"{CRDS}/boats.ex.example.com", found)
    assert changed["status"]["storedVersions"] == ["v1", "v2"]


def test_a_deleted_definition_takes_its_objects_along(peer: Peer) -> None:
    peer.post(CRDS, crd())
    held = boat("held")
    held["metadata"]["finalizers"] = ["ex.example.com/anchor"]
    peer.post(BOATS, boat())
    peer.post(BOATS, held)
    peer.ok("DELETE", f"{CRDS}/boats.ex.example.com")
    assert [b["metadata"]["name"] for b in peer.get(BOATS)["items"]] == ["held"]
    assert conditions(peer)["Terminating"] == ("True", "InstanceDeletionPending")
    merge = {"media": "application/merge-patch+json"}
    peer.ok("PATCH", f"{BOATS}/held", {"metadata": {"finalizers": None}}, **merge)
    assert peer.send("GET", f"{CRDS}/boats.ex.example.com").status == 404
    assert peer.send("GET", BOATS).status == 404


def test_another_server_goes_on_with_a_deletion(peer: Peer) -> None:
    peer.post(CRDS, crd())
    held = boat("held")
    held["metadata"]["finalizers"] = ["ex.example.com/anchor"]
    peer.post(BOATS, held)
    peer.ok("DELETE", f"{CRDS}/boats.ex.example.com")
    peer.restart()
    merge = {"media": "application/merge-patch+json"}
    peer.ok("PATCH", f"{BOATS}/held", {"metadata": {"finalizers": None}}, **merge)
    assert peer.send("GET", f"{CRDS}/boats.ex.example.com").status == 404


def test_names_that_are_taken_are_not_served(peer: Peer) -> None:
    peer.post(CRDS, crd())
    peer.post(CRDS, {**crd(plural="ships"), "metadata": {"name": "ships.ex.example.com"}})
    assert conditions(peer, "ships.ex.example.com") == {
        "NamesAccepted": ("False", "ShortNamesConflict"),
        "Established": ("False", "NotAccepted"),
    }
    assert peer.send("GET", BOATS.replace("boats", "ships")).status == 404


def test_discovery_and_openapi_follow(peer: Peer) -> None:
    peer.get("/apis")
    peer.post(CRDS, crd(version(subresources={"status": {}})))
    names = [r["name"] for r in peer.get("/apis/ex.example.com/v1")["resources"]]
    assert names == ["boats", "boats/status"]
    assert "apis/ex.example.com/v1" in peer.get("/openapi/v3")["paths"]
    schemas = peer.get("/openapi/v3/apis/ex.example.com/v1")["components"]["schemas"]
    assert "crew" in schemas["com.example.ex.v1.Boat"]["properties"]["spec"]["properties"]
    peer.ok("DELETE", f"{CRDS}/boats.ex.example.com")
    assert peer.send("GET", "/apis/ex.example.com/v1").status == 404


def test_columns_come_from_the_definition(peer: Peer) -> None:
    columns = [
        {"name": "Crew", "type": "integer", "jsonPath": ".spec.crew"},
        {"name": "Launched", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "At", "type": "string", "jsonPath": ".status.at"},
    ]
    peer.post(CRDS, crd(version(additionalPrinterColumns=columns)))
    peer.post(BOATS, boat())
    table = peer.get(BOATS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Crew", "Launched", "At"]
    assert table["rows"][0]["cells"] == ["argo", 2, "0s", None]


def test_fields_that_are_declared_can_be_selected(peer: Peer) -> None:
    peer.post(CRDS, crd(version(selectableFields=[{"jsonPath": ".spec.name"}])))
    peer.post(BOATS, boat("a", name="x"))
    peer.post(BOATS, boat("b", name="y"))
    assert [b["metadata"]["name"] for b in peer.get(f"{BOATS}?fieldSelector=spec.name%3Dy")["items"]] == ["b"]
    assert peer.send("GET", f"{BOATS}?fieldSelector=spec.crew%3D2").status == 400


def test_scale_reads_and_writes_the_declared_paths(peer: Peer) -> None:
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    peer.post(CRDS, crd(version(subresources={"status": {}, "scale": scale})))
    peer.post(BOATS, boat(replicas=1))
    merge = {"media": "application/merge-patch+json"}
    assert peer.ok("PATCH", f"{BOATS}/argo/scale", {"spec": {"replicas": 3}}, **merge)["spec"] == {"replicas": 3}
    assert peer.get(f"{BOATS}/argo")["spec"]["replicas"] == 3


def test_an_apply_makes_the_object(peer: Peer) -> None:
    peer.post(CRDS, crd())
    made = peer.ok("PATCH", f"{BOATS}/argo?fieldManager=m", boat(name="x"), media="application/apply-patch+yaml")
    assert made["spec"] == {"crew": 2, "name": "x"}
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:name": {}}}


def test_definitions_in_groups_of_kubernetes_say_whether_they_are_approved(peer: Peer) -> None:
    tree = crd()
    tree["metadata"] = {"name": "boats.ex.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, a test"}}
    tree["spec"]["group"] = "ex.k8s.io"
    peer.post(CRDS, tree)
    shown = conditions(peer, "boats.ex.k8s.io")
    assert shown["KubernetesAPIApprovalPolicyConformant"] == ("False", "UnapprovedAPI")
    url = "https://github.com/kubernetes/kubernetes/pull/78458"
    patch = {"metadata": {"annotations": {"api-approved.kubernetes.io": url}}}
    peer.ok("PATCH", f"{CRDS}/boats.ex.k8s.io", patch, media="application/merge-patch+json")
    shown = conditions(peer, "boats.ex.k8s.io")
    assert shown["KubernetesAPIApprovalPolicyConformant"] == ("True", "ApprovedAnnotation")
