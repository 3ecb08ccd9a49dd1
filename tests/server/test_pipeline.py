"""The write path: names, optimistic concurrency, no-ops, dry runs, generation, owners."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def config_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(replicas: int = 1) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"metadata": {"name": "d"}, "spec": spec}


def test_the_server_sets_what_is_its_own(peer: Peer) -> None:
    sent = {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x", "generateName": "gen-"}
    made = peer.post(CONFIG_MAPS, {"metadata": sent})["metadata"]
    assert made["name"].startswith("gen-") and len(made["name"]) == 9
    assert made["uid"] != "mine" and made["creationTimestamp"] != "2001-01-01T00:00:00Z"
    assert "selfLink" not in made


def test_a_taken_generated_name_is_tried_again(peer: Peer) -> None:
    suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
    peer.seams.rng.suffix = lambda _length: next(suffixes)  # type: ignore[method-assign]
    names = [peer.post(CONFIG_MAPS, {"metadata": {"generateName": "x-"}})["metadata"]["name"] for _ in range(2)]
    assert names == ["x-aaaaa", "x-bbbbb"]


def test_a_stale_put_loses_and_a_blind_one_wins(peer: Peer) -> None:
    old = peer.post(CONFIG_MAPS, config_map(k="1"))
    peer.ok("PUT", CONFIG_MAPS + "/c", config_map(k="2"))
    code, text = peer.refused("PUT", CONFIG_MAPS + "/c", old)
    assert code == 409 and "the object has been modified" in text
    zero = config_map(k="3")
    zero["metadata"]["resourceVersion"] = "0"
    assert peer.ok("PUT", CONFIG_MAPS + "/c", zero)["data"] == {"k": "3"}


def test_writing_what_is_there_changes_nothing(peer: Peer) -> None:
    made = peer.post(CONFIG_MAPS, config_map(k="1"))
    revision = peer.store.index.revision
    assert peer.ok("PUT", CONFIG_MAPS + "/c", config_map(k="1")) == made
    assert peer.ok("PATCH", CONFIG_MAPS + "/c", {"data": {"k": "1"}}, media=MERGE) == made
    assert peer.store.index.revision == revision


def test_dry_runs_answer_as_real_and_store_nothing(peer: Peer) -> None:
    dry = peer.post(CONFIG_MAPS + "?dryRun=All", config_map(k="1"))
    assert dry["metadata"]["uid"] and "resourceVersion" not in dry["metadata"]
    assert peer.send("GET", CONFIG_MAPS + "/c").status == 404
    peer.post(CONFIG_MAPS, config_map(k="1"))
    changed = peer.ok("PATCH", CONFIG_MAPS + "/c?dryRun=All", {"data": {"k": "2"}}, media=MERGE)
    assert changed["data"] == {"k": "2"}
    assert peer.get(CONFIG_MAPS + "/c")["data"] == {"k": "1"}


def test_generation_counts_changes_of_what_is_wanted(peer: Peer) -> None:
    assert peer.post(DEPLOYMENTS, deployment())["metadata"]["generation"] == 1
    path = DEPLOYMENTS + "/d"

    def generation(patch: dict[str, Any], subresource: str = "") -> int:
        answer: dict[str, Any] = peer.ok("PATCH", path + subresource, patch, media=MERGE)
        number: int = answer["metadata"]["generation"]
        return number

    assert generation({"metadata": {"labels": {"x": "y"}}}) == 1
    assert generation({"status": {"replicas": 3}}, "/status") == 1
    assert generation({"spec": {"replicas": 2}}) == 2
    assert generation({"metadata": {"annotations": {"x": "y"}}}) == 3, "annotations of Deployments count"
    assert generation({"metadata": {"generation": 99}}) == 3


def test_status_and_spec_have_an_endpoint_each(peer: Peer) -> None:
    peer.post(DEPLOYMENTS, deployment())
    both = {"spec": {"replicas": 7}, "status": {"replicas": 5}}
    assert "replicas" not in peer.ok("PATCH", DEPLOYMENTS + "/d", both, media=MERGE)["status"]
    both = {"spec": {"replicas": 9}, "status": {"replicas": 5}}
    changed = peer.ok("PATCH", DEPLOYMENTS + "/d/status", both, media=MERGE)
    assert (changed["spec"]["replicas"], changed["status"]["replicas"]) == (7, 5)


def test_patches_without_a_revision_never_lose_a_race(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, config_map())

    async def everybody() -> list[int]:
        patches = [{"data": {f"k{n}": "v"}} for n in range(20)]
        answers = await asyncio.gather(*(peer.ask("PATCH", CONFIG_MAPS + "/c", p, media=MERGE) for p in patches))
        return [answer.status for answer in answers]

    assert set(peer.loop.run_until_complete(everybody())) == {200}
    assert len(peer.get(CONFIG_MAPS + "/c")["data"]) == 20


def test_owners_are_forgotten_on_request(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, config_map(k="1"))
    forgotten = peer.ok("PATCH", CONFIG_MAPS + "/c", {"metadata": {"managedFields": []}}, media=MERGE)
    assert "managedFields" not in forgotten["metadata"]


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"]), max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=DATA, second=DATA, again=DATA)
def test_laws_of_apply(peer: Peer, first: Any, second: Any, again: Any) -> None:
    peer.send("DELETE", CONFIG_MAPS + "/c")

    def apply(manager: str, data: dict[str, str]) -> dict[str, Any]:
        path = f"{CONFIG_MAPS}/c?fieldManager={manager}&force=true"
        answer: dict[str, Any] = peer.ok("PATCH", path, config_map(**data), media=APPLY)
        return answer

    apply("one", first)
    merged = apply("two", second)
    assert merged.get("data", {}) == {**first, **second}
    assert apply("two", second) == merged, "applying what is there changes nothing"
    last = apply("one", again).get("data", {})
    assert {**second, **again} == last, "what an applier no longer states goes, unless another states it"
    for entry in peer.get(CONFIG_MAPS + "/c")["metadata"].get("managedFields", []):
        stated = again if entry["manager"] == "one" else second
        owned = {key.removeprefix("f:") for key in entry["fieldsV1"].get("f:data", {}) if key != "."}
        assert owned <= set(stated)


def test_what_a_request_states_empty_is_owned_and_stored_as_nothing(peer: Peer) -> None:
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    body = {"metadata": {"name": "s", "labels": {}}, "addressType": "IPv4", "endpoints": []}
    made = peer.post(slices, body)
    assert made["endpoints"] is None and "labels" not in made["metadata"]
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:addressType": {}, "f:endpoints": {}}


def test_errors_show_what_a_request_states_empty(peer: Peer) -> None:
    body = deployment()
    body["spec"]["template"]["metadata"]["labels"] = {}
    _, text = peer.refused("POST", DEPLOYMENTS, body)
    assert "spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`" in text


def test_a_field_that_an_update_states_empty_is_no_new_generation(peer: Peer) -> None:
    made = peer.post(DEPLOYMENTS, deployment())
    made["spec"]["template"]["spec"]["nodeSelector"] = {}
    again = peer.ok("PUT", DEPLOYMENTS + "/d", made)
    assert again["metadata"]["generation"] == 1
    assert "nodeSelector" not in again["spec"]["template"]["spec"]


def test_repeated_owners_are_kept_once_with_a_warning(peer: Peer) -> None:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    body = {"metadata": {"name": "c", "ownerReferences": [owner, owner, {**owner, "name": "q"}]}}
    response = peer.send("POST", CONFIG_MAPS, body)
    warnings = [value for name, value in response.headers if name == "Warning"]
    assert len(warnings) == 1 and "duplicate UID(s) observed: u" in warnings[0]
    assert len(peer.get(CONFIG_MAPS + "/c")["metadata"]["ownerReferences"]) == 2


def test_objects_are_not_created_by_name(peer: Peer) -> None:
    code, text = peer.refused("POST", CONFIG_MAPS + "/c", config_map())
    assert (code, text) == (405, "the server does not allow this method on the requested resource")


def test_another_kind_is_decoded_as_what_it_says_first(peer: Peer) -> None:
    secret = {**config_map(k="v"), "kind": "Secret"}
    _, text = peer.refused("POST", CONFIG_MAPS, secret)
    assert text.endswith("cannot be handled as a ConfigMap: illegal base64 data at input byte 0")
    secret["data"]["k"] = "dg=="
    _, text = peer.refused("POST", CONFIG_MAPS, secret)
    assert text.endswith("converting (v1.Secret) to (core.ConfigMap): unknown conversion")


def test_a_resize_that_asks_for_more_owns_it_and_does_not_get_it(peer: Peer) -> None:
    pods = "/api/v1/namespaces/default/pods"
    peer.post(pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "a"}]}})
    patch = {"spec": {"containers": [{"name": "c", "image": "b"}]}}
    pod = peer.ok("PATCH", pods + "/p/resize", patch, media="application/strategic-merge-patch+json")
    assert pod["spec"]["containers"][0]["image"] == "a"
    (entry,) = [e for e in pod["metadata"]["managedFields"] if e.get("subresource") == "resize"]
    assert entry["fieldsV1"] == {"f:spec": {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}}


def test_applying_to_an_object_of_a_uid_does_not_create_another(peer: Peer) -> None:
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u"}}
    assert peer.refused("PATCH", CONFIG_MAPS + "/c?fieldManager=m", applied, media=APPLY) == (
        409,
        'Operation cannot be fulfilled on configmaps "c": uid mismatch: the provided object specified uid u, '
        "and no existing object was found",
    )


def test_a_timeout_that_is_none_is_refused_for_reads_too(peer: Peer) -> None:
    text = 'invalid timeout specified in the request URL - time: invalid duration "soon"'
    for path in (CONFIG_MAPS, CONFIG_MAPS + "/c"):
        assert peer.refused("GET", path + "?timeout=soon") == (400, text)


def test_a_claim_that_could_not_grow_may_ask_for_less(peer: Peer) -> None:
    peer.post("/apis/storage.k8s.io/v1/storageclasses", GROWING)
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    size = {"storageClassName": "grows", "accessModes": ["ReadWriteOnce"], "volumeName": "pv"}
    peer.post(claims, {"metadata": {"name": "c"}, "spec": size | {"resources": {"requests": {"storage": "1Gi"}}}})
    peer.ok("PATCH", claims + "/c/status", {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}, media=MERGE)

    def ask(storage: str) -> Any:
        return {"spec": {"resources": {"requests": {"storage": storage}}}}

    peer.ok("PATCH", claims + "/c", ask("4Gi"), media=MERGE)
    peer.ok("PATCH", claims + "/c", ask("2Gi"), media=MERGE)
    _, text = peer.refused("PATCH", claims + "/c", ask("1Gi"), media=MERGE)
    assert text.endswith("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity")


GROWING = {"metadata": {"name": "grows"}, "provisioner": "a.org/b", "allowVolumeExpansion": True}
