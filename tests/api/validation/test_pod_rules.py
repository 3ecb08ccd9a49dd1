"""Rules of pods that few manifests meet, in the server's words."""

from __future__ import annotations

from typing import Any

from navarch.api.validation.pod_spec import pod_spec_errors
from tests.api.validation.test_os_fields import CONTAINER


def texts(container: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    given = {
        "containers": [{**CONTAINER, **(container or {})}],
        "restartPolicy": "Always",
        "dnsPolicy": "Default",
        **spec,
    }
    return [str(error) for error in pod_spec_errors(given, "spec")]


def projected(*sources: dict[str, Any]) -> list[str]:
    return texts(volumes=[{"name": "v", "projected": {"sources": list(sources)}}])


def test_huge_pages_come_with_cpu_or_memory() -> None:
    pages = {"hugepages-2Mi": "4Mi"}
    assert texts({"resources": {"limits": pages, "requests": pages}}) == [
        "spec.containers[0].resources: Forbidden: HugePages require cpu or memory"
    ]
    assert not texts({"resources": {"limits": {**pages, "cpu": "1"}, "requests": pages}})


def test_users_of_their_own_need_namespaces_of_their_own() -> None:
    assert texts(hostUsers=False, hostPID=True, hostIPC=True) == [
        "spec.HostPID: Forbidden: when `hostUsers` is false",
        "spec.HostIPC: Forbidden: when `hostUsers` is false",
    ]
    assert not texts(hostUsers=True, hostPID=True)


def test_a_claim_made_for_a_pod_is_a_whole_one() -> None:
    where = "spec.volumes[0].ephemeral.volumeClaimTemplate"
    template = {"metadata": {"name": "mine"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    assert texts(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}]) == [
        f"{where}.metadata.name: Forbidden: cannot be set",
        f"{where}.spec.accessModes: Required value: at least 1 access mode is required",
    ]
    assert texts(volumes=[{"name": "v", "ephemeral": {}}]) == [f"{where}: Required value"]


def test_files_of_several_sources_have_paths_of_their_own() -> None:
    first = {"configMap": {"name": "a", "items": [{"key": "k", "path": "file"}]}}
    second = {"secret": {"name": "b", "items": [{"key": "k", "path": "file"}]}}
    assert projected(first, second) == ['spec.volumes[0].projected: Invalid value: "b": conflicting duplicate paths']
    pod = {"downwardAPI": {"items": [{"path": "file", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}]}}
    assert projected(first, pod) == ['spec.volumes[0].projected: Invalid value: "file": conflicting duplicate paths']


def test_paths_of_files_stay_below_and_are_not_reserved() -> None:
    def token(path: str) -> list[str]:
        return projected({"serviceAccountToken": {"path": path, "expirationSeconds": 600}})

    assert not token("a/..b")
    assert token("..data") == ["spec.volumes[0].projected.path: Invalid value: \"..data\": must not start with '..'"]
    assert token("../a") == ["spec.volumes[0].projected.path: Invalid value: \"../a\": must not contain '..'"]
