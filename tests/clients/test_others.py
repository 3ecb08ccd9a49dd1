"""kr8s and lightkube, with what their users do most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kubectl.objects import deployment

kr8s = pytest.importorskip("kr8s")
lightkube = pytest.importorskip("lightkube")


@pytest.mark.filterwarnings("ignore:Kubernetes version")
async def test_kr8s(kubeconfig: Path, namespace: str) -> None:
    from kr8s.asyncio.objects import ConfigMap, Deployment, new_class

    api = await kr8s.asyncio.api(kubeconfig=str(kubeconfig), namespace=namespace)
    assert (await api.version())["minor"] == "36"
    assert "Deployment" in {each["kind"] for each in await api.api_resources()}
    web = await Deployment({**deployment("web", replicas=1)}, api=api, namespace=namespace)
    await web.create()
    await web.scale(2)
    assert web.replicas == 2
    await web.label(tier="front")
    await web.annotate(note="here")
    await web.patch({"spec": {"paused": True}})
    await web.refresh()
    assert (web.labels["tier"], web.annotations["note"], web.spec.paused) == ("front", "here", True)
    found = [each.name async for each in api.get("deployments", namespace=namespace, label_selector={"tier": "front"})]
    assert found == ["web"]
    one = await ConfigMap({"metadata": {"name": "one", "namespace": namespace}, "data": {"a": "1"}}, api=api)
    assert not await one.exists()
    await one.create()
    async for event, seen in api.watch("configmaps", namespace=namespace):
        if (event, seen.name) == ("ADDED", "one"):
            break
    await one.delete()
    lease = new_class("Lease", "coordination.k8s.io/v1", asyncio=True)
    tree = {"metadata": {"name": "l", "namespace": namespace}, "spec": {"holderIdentity": "me"}}
    await (await lease(tree, api=api)).create()
    assert (await lease.get("l", namespace=namespace, api=api)).spec.holderIdentity == "me"
    await web.delete(propagation_policy="Foreground")


def test_lightkube(kubeconfig: Path, namespace: str) -> None:
    config = lightkube.KubeConfig.from_file(str(kubeconfig))
    client = lightkube.Client(config, field_manager="test")
    other = lightkube.Client(config, field_manager="other")
    with client, other:
        _with_lightkube(client, other, namespace)


def _with_lightkube(client: Any, other: Any, namespace: str) -> None:
    from lightkube import codecs
    from lightkube.core.exceptions import ApiError
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap
    from lightkube.types import PatchType

    one = client.apply(ConfigMap(metadata=ObjectMeta(name="one"), data={"a": "1"}))
    assert one.data == {"a": "1"} and one.metadata.namespace == namespace
    with pytest.raises(ApiError) as caught:
        other.apply(ConfigMap(metadata=ObjectMeta(name="one"), data={"a": "2"}))
    assert caught.value.status.code == 409
    assert other.apply(ConfigMap(metadata=ObjectMeta(name="one"), data={"a": "2"}), force=True).data == {"a": "2"}
    patched = client.patch(ConfigMap, "one", {"data": {"b": "3"}}, patch_type=PatchType.MERGE)
    assert patched.data == {"a": "2", "b": "3"}
    client.create(codecs.from_dict(deployment("web", replicas=0)))
    names = [each.metadata.name for each in client.list(Deployment, chunk_size=1)]
    assert names == ["web"]
    watch = client.watch(ConfigMap, fields={"metadata.name": "one"})
    event, seen = next(iter(watch))
    assert (event, seen.metadata.name) == ("ADDED", "one")
    watch.close()
    leases = create_namespaced_resource("coordination.k8s.io", "v1", "Lease", "leases")
    client.create(leases(metadata=ObjectMeta(name="l"), spec={"holderIdentity": "me"}))
    assert client.get(leases, "l").spec["holderIdentity"] == "me"
    client.delete(ConfigMap, "one")
    client.deletecollection(ConfigMap)
