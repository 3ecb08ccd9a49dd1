"""Volumes, claims and storage classes; taints, cordons and drains."""

from __future__ import annotations

import pytest

from tests.kubectl.objects import meta, pod
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl, Tree


def volume(name: str, storage: str) -> Tree:
    spec = {"capacity": {"storage": storage}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": f"/tmp/{name}"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta(name, {"type": "local"}), "spec": spec}


@pytest.mark.suite("persistent_volumes_tests")
def test_volumes(k: Kubectl) -> None:
    name = f"{k.namespace}-pv"
    for number, storage in enumerate(("10Gi", "8Gi", "5Gi")):
        k("create -f", k.write("pv.yaml", volume(f"{name}-{number}", storage)))
        row = k(f"get pv {name}-{number} --no-headers").split()
        assert row[:5] == [f"{name}-{number}", storage, "RWO", "Retain", "Available"]
        k(f"delete pv {name}-{number}")
    k("create -f", k.write("pv.yaml", volume(name, "1Gi")))
    assert "limit=1 200 OK" in k.says("describe persistentvolumes --chunk-size=1 -v=6")
    said = k.says("delete pv -n test --all")
    assert "deleting cluster-scoped resources" in said and f'persistentvolume "{name}" deleted' in said
    assert k.names("persistentvolumes") == []


@pytest.mark.suite("persistent_volume_claims_tests")
def test_claims(k: Kubectl) -> None:
    for number, size in enumerate(("3Gi", "5Gi", "10Gi"), 1):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": meta(f"myclaim-{number}"),
            "spec": spec,
        }
        k("create -f", k.write("pvc.yaml", claim))
        assert k("get pvc --no-headers").split()[:2] == [f"myclaim-{number}", "Pending"]
        assert "Used By:" in k(f"describe pvc myclaim-{number}")
        assert "limit=1 200 OK" in k.says("describe persistentvolumeclaims --chunk-size=1 -v=6")
        k(f"delete pvc myclaim-{number}")
    assert k.names("persistentvolumeclaims") == []


@pytest.mark.suite("storage_class_tests")
def test_storage_classes(k: Kubectl) -> None:
    name = f"{k.namespace}-class"
    made: Tree = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta(name)}
    made |= {"provisioner": "kubernetes.io/fake-provisioner-type", "parameters": {"type": "ssd"}}
    k("create -f", k.write("class.yaml", made))
    for word in ("storageclass", "sc"):
        assert k(f"get {word} {name} --no-headers").split()[1:4] == [
            "kubernetes.io/fake-provisioner-type",
            "Delete",
            "Immediate",
        ]
    assert "limit=1 200 OK" in k.says("describe storageclasses --chunk-size=1 -v=6")
    k(f"delete storageclass {name}")


def taints(k: Kubectl) -> list[Tree]:
    return [each for each in k.get("nodes", NODE)["spec"].get("taints", []) if each["key"] == "dedicated"]


@pytest.mark.suite("cluster_management_tests")
def test_taints(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"taint node {NODE} --dry-run={mode} dedicated=foo:PreferNoSchedule")
    assert taints(k) == []
    assert k(f"taint node {NODE} dedicated=foo:PreferNoSchedule") == f"node/{NODE} tainted\n"
    assert taints(k) == [{"key": "dedicated", "value": "foo", "effect": "PreferNoSchedule"}]
    assert k(f"taint node {NODE} dedicated-") == f"node/{NODE} untainted\n"
    k(f"taint node {NODE} dedicated:PreferNoSchedule")
    assert taints(k) == [{"key": "dedicated", "effect": "PreferNoSchedule"}]
    assert "kubectl-taint" in k.managers("nodes", NODE)
    for mode in ("client", "server"):
        k(f"taint node {NODE} --dry-run={mode} dedicated-")
    assert len(taints(k)) == 1
    k(f"taint node {NODE} dedicated-")
    assert taints(k) == []


def unschedulable(k: Kubectl) -> bool:
    found: bool = k.get("nodes", NODE)["spec"].get("unschedulable", False)
    return found


@pytest.mark.suite("cluster_management_tests")
def test_cordon_and_drain(k: Kubectl) -> None:
    for number, label in ((1, {"e": "f"}), (2, {"c": "d"})):
        tree = pod(f"test-pod-{number}", label | {"type": "test-pod"}, nodeName=NODE, terminationGracePeriodSeconds=1)
        k("create -f", k.write(f"{number}.yaml", tree))
    for command in (f"cordon {NODE}", f"drain {NODE} --force", f"drain {NODE} --pod-selector 'e in (f)' --force"):
        for mode in ("client", "server"):
            k(f"{command} --dry-run={mode}")
    assert not unschedulable(k)
    assert k.names("pods") == ["test-pod-1", "test-pod-2"]
    # Nobody ends the pods of a node without a kubelet.
    said = k(f"drain {NODE} --force --pod-selector 'e in (f)' --skip-wait-for-delete-timeout=1")
    assert f"evicting pod {k.namespace}/test-pod-1" in said
    assert "deletionTimestamp" in k.get("pods", "test-pod-1")["metadata"]
    assert "deletionTimestamp" not in k.get("pods", "test-pod-2")["metadata"]
    assert unschedulable(k)
    assert k(f"uncordon {NODE}") == f"node/{NODE} uncordoned\n"
    for mode in ("client", "server"):
        assert "already uncordoned" in k(f"uncordon {NODE} --dry-run={mode}")
    k(f"label node {NODE} test=label --overwrite")
    assert "cannot specify both a node name" in k.fails(f"drain {NODE} --selector test=label")
    drain = "drain --force --pod-selector type=test-pod --selector test=label --dry-run=client --v=6"
    said = k.says(f"{drain} --chunk-size=1")
    for url in (
        "/v1/nodes?labelSelector=test%3Dlabel&limit=1 200 OK",
        f"/v1/pods?fieldSelector=spec.nodeName%3D{NODE}&labelSelector=type%3Dtest-pod&limit=1 200 OK",
        "/v1/pods?continue=",
    ):
        assert url in said
    assert "limit=500 200 OK" in k.says(drain)
    assert "USAGE: cordon NODE" in k.fails("cordon")
    assert "must provide one or more resources" in k.fails("cordon --selector=")
    assert f"node/{NODE} cordoned" in k("cordon --selector test=label")
    assert "cordoned" not in k.says("cordon --selector invalid=label")
    assert unschedulable(k)
    k(f"uncordon {NODE}")
    k("delete pods --all --force")
