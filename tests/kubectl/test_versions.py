"""Each other minor version of kubectl on this machine, with what everybody does all day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl.conftest import PROGRAMS, in_new_namespace
from tests.kubectl.objects import config_map, definition, deployment, labelled_pod
from tests.kubectl.programs import MINOR
from tests.kubectl.site import Kubectl, Site

OTHERS = sorted(set(PROGRAMS) - {MINOR})


@pytest.fixture(params=OTHERS, ids=lambda minor: f"1.{minor}")
def other(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Kubectl]:
    with in_new_namespace(site, tmp_path, PROGRAMS[request.param]) as k:
        yield k


def test_a_day_with_kubectl(other: Kubectl) -> None:
    k = other
    assert json.loads(k("version -o json"))["serverVersion"]["minor"] == "36"
    web = k.write("web.yaml", deployment("web", replicas=2))
    k(f"apply -f {web}")
    k.until("pods", lambda found: len(found) == 2, "app=web")
    assert len(k("get pods -l app=web --no-headers").splitlines()) == 2
    assert "Replicas:" in k("describe deployment web")
    k("scale deployment web --replicas=1")
    k("set image deployment web nginx=other")
    k.until("replicasets", lambda found: len(found) == 2)
    assert "REVISION" in k("rollout history deployment web")
    k("rollout undo deployment web")
    assert k.run(f"diff -f {web}").code == 1
    k(f"apply --server-side --force-conflicts -f {web}")
    assert k(f"diff --server-side --force-conflicts -f {web}") == ""
    assert "FIELD" in k("explain deployment.spec.replicas")
    k("create configmap map --from-literal=a=1")
    k("label configmap map x=y")
    k("annotate configmap map x=y")
    k("patch configmap map --type=merge -p", '{"data":{"a":"2"}}')
    assert k("get configmap map", "-o=jsonpath={.data.a}") == "2"
    k("edit configmap map", KUBE_EDITOR=k.editor("y", "z"))
    assert k.get("configmaps", "map")["metadata"]["labels"] == {"x": "z"}
    k("wait --for=jsonpath={.data.a}=2 configmap/map --timeout=30s")
    k("run pod --image=nginx")
    k("delete pod pod --now")
    assert "no" in k.run("auth can-i get secrets --as=nobody").out
    odd = config_map("odd")
    odd["unknown"] = 1
    assert "unknown" in k.fails("create -f", k.write("odd.yaml", odd))
    k("create -f", k.write("pod.yaml", labelled_pod()))
    k("debug test-pod --image=busybox --attach=false")
    assert "ephemeralContainers" in k.get("pods", "test-pod")["spec"]
    group = f"{k.namespace}.example.com"
    k("create -f", k.write("crd.yaml", definition("things", group, "Thing")))
    k(f"wait --for=condition=Established crd/things.{group}")
    assert f"things.{group}" in k(f"api-resources --api-group={group} -o name")
    k(f"delete crd things.{group}")
    k(f"delete -f {web}")
