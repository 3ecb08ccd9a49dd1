"""The official Python client: typed calls, patches, watches, custom objects, the dynamic client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl.objects import custom, definition, deployment
from tests.kubectl.site import PATIENCE_S

kubernetes = pytest.importorskip("kubernetes")


@pytest.fixture
def client(kubeconfig: Path) -> Iterator[Any]:
    with kubernetes.config.new_client_from_config(str(kubeconfig)) as client:
        yield client


def config_map(name: str, **data: str) -> Any:
    return kubernetes.client.V1ConfigMap(metadata=kubernetes.client.V1ObjectMeta(name=name), data=data)


def test_typed_calls(client: Any, namespace: str) -> None:
    core = kubernetes.client.CoreV1Api(client)
    made = core.create_namespaced_config_map(namespace, config_map("one", a="1"))
    made.data["b"] = "2"
    replaced = core.replace_namespaced_config_map("one", namespace, made)
    assert replaced.data == {"a": "1", "b": "2"}
    made.metadata.resource_version = "1"
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.replace_namespaced_config_map("one", namespace, made)
    assert (caught.value.status, json.loads(caught.value.body)["reason"]) == (409, "Conflict")
    dry = core.create_namespaced_config_map(namespace, config_map("two"), dry_run="All")
    assert dry.metadata.uid
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.read_namespaced_config_map("two", namespace)
    assert caught.value.status == 404
    core.delete_namespaced_config_map("one", namespace, propagation_policy="Foreground")
    core.delete_collection_namespaced_config_map(namespace)


def test_patches(client: Any, namespace: str) -> None:
    apps = kubernetes.client.AppsV1Api(client)
    apps.create_namespaced_deployment(namespace, deployment("web", replicas=0))
    # A dict is a strategic merge patch, a list a JSON patch.
    inside = {"template": {"spec": {"containers": [{"name": "side", "image": "other"}]}}}
    patched = apps.patch_namespaced_deployment("web", namespace, {"spec": inside})
    assert [each.name for each in patched.spec.template.spec.containers] == ["side", "nginx"]
    steps = [{"op": "replace", "path": "/spec/replicas", "value": 2}]
    assert apps.patch_namespaced_deployment("web", namespace, steps).spec.replicas == 2
    scale = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    assert (scale.kind, scale.spec.replicas) == ("Scale", 1)


def test_lists_and_watches(client: Any, namespace: str) -> None:
    core = kubernetes.client.CoreV1Api(client)
    for number in range(5):
        core.create_namespaced_secret(namespace, {"metadata": {"name": f"s{number}", "labels": {"n": str(number)}}})
    page = core.list_namespaced_secret(namespace, limit=2)
    assert (len(page.items), page.metadata.remaining_item_count) == (2, 3)
    rest = core.list_namespaced_secret(namespace, limit=10, _continue=page.metadata._continue)
    assert [each.metadata.name for each in rest.items] == ["s2", "s3", "s4"]
    assert len(core.list_namespaced_secret(namespace, label_selector="n in (1,2)").items) == 2
    assert len(core.list_namespaced_secret(namespace, field_selector="metadata.name=s3").items) == 1
    core.delete_namespaced_secret("s0", namespace)
    watch = kubernetes.watch.Watch()
    seen = []
    version = page.metadata.resource_version
    for event in watch.stream(
        core.list_namespaced_secret, namespace, resource_version=version, timeout_seconds=PATIENCE_S
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.delete_namespaced_secret("s1", namespace)
        else:
            watch.stop()
    assert seen == [("DELETED", "s0"), ("DELETED", "s1")]


def test_custom_objects(client: Any, namespace: str) -> None:
    group = f"{namespace}.example.com"
    definitions = kubernetes.client.ApiextensionsV1Api(client)
    crd = definition("things", group, "Thing", subresources={"status": {}})
    definitions.create_custom_resource_definition(crd)
    name, watch = f"things.{group}", kubernetes.watch.Watch()
    for event in watch.stream(
        definitions.list_custom_resource_definition,
        field_selector=f"metadata.name={name}",
        timeout_seconds=PATIENCE_S,
    ):
        conditions = event["object"].status.conditions or []
        if any(each.type == "Established" and each.status == "True" for each in conditions):
            watch.stop()
    objects = kubernetes.client.CustomObjectsApi(client)
    place = (group, "v1", namespace, "things")
    objects.create_namespaced_custom_object(*place, custom("Thing", group, "one", spec={"a": 1}))
    patched = objects.patch_namespaced_custom_object(*place, "one", {"spec": {"b": 2}})
    assert patched["spec"] == {"a": 1, "b": 2}
    objects.patch_namespaced_custom_object_status(*place, "one", {"status": {"done": True}})
    assert objects.get_namespaced_custom_object(*place, "one")["status"] == {"done": True}
    objects.delete_namespaced_custom_object(*place, "one")
    definitions.delete_custom_resource_definition(name)


def test_the_dynamic_client(client: Any, namespace: str) -> None:
    dynamic = kubernetes.dynamic.DynamicClient(client)
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
    applied = maps.server_side_apply(body=wanted, name="one", namespace=namespace, field_manager="test")
    assert applied.metadata.managedFields[0].operation == "Apply"
    with pytest.raises(kubernetes.dynamic.exceptions.ConflictError):
        maps.server_side_apply(
            body=wanted | {"data": {"a": "2"}}, name="one", namespace=namespace, field_manager="other"
        )
    assert [each.metadata.name for each in maps.get(namespace=namespace, field_selector="metadata.name=one").items]
    maps.delete(name="one", namespace=namespace)


def test_files_of_objects(client: Any, namespace: str, tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "web.yaml"
    file.write_text(yaml.safe_dump(deployment("web", replicas=0)))
    ((made,),) = kubernetes.utils.create_from_yaml(client, str(file), namespace=namespace)
    assert made.metadata.name == "web"


def test_who_bears_a_token(client: Any, namespace: str, kubeconfig: Path) -> None:
    core = kubernetes.client.CoreV1Api(client)
    made = core.create_namespaced_service_account_token("default", namespace, {"spec": {"expirationSeconds": 600}})
    claims = made.status.token.split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    assert subject == f"system:serviceaccount:{namespace}:default"
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    configuration.refresh_api_key_hook = None
    configuration.api_key = {"BearerToken": f"Bearer {made.status.token}"}
    with kubernetes.client.ApiClient(configuration) as bearer:
        review = kubernetes.client.AuthenticationV1Api(bearer).create_self_subject_review({})
        assert review.status.user_info.username == subject
        with pytest.raises(kubernetes.client.ApiException) as caught:
            kubernetes.client.CoreV1Api(bearer).list_namespaced_secret(namespace)
        assert caught.value.status == 403
