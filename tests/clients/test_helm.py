"""The real Helm: releases of the chart that `helm create` writes, and of one with hooks and a CRD.

The program comes with the package `helm-binary` of the extra `dev`.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from navarch.node.runtime.script import Script
from navarch.testing.live import LiveCluster

PROGRAM = Path(sysconfig.get_path("scripts")) / "helm"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="needs helm: the package helm-binary")

BACKUPS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: backups, singular: backup, kind: Backup, listKind: BackupList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {keep: {type: integer, minimum: 1}}}}
"""

OBJECTS = """
apiVersion: example.com/v1
kind: Backup
metadata: {name: {{ .Release.Name }}}
spec: {keep: {{ .Values.keep }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  server: {{ .Capabilities.KubeVersion.Version }}
  knows: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  system: {{ (lookup "v1" "Namespace" "" "kube-system").metadata.name }}
  note: {{ .Values.note }}
"""

HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "migrate:{{ .Values.keep }}"}]
"""


class Helm:
    """Runs commands of Helm against one cluster."""

    def __init__(self, live: LiveCluster, directory: Path) -> None:
        self.live = live
        self.directory = directory
        homes = {f"HELM_{which}_HOME": str(directory / which) for which in ("CACHE", "CONFIG", "DATA")}
        self._environment = {"KUBECONFIG": str(live.kubeconfig), "PATH": "/usr/bin:/bin", **homes}

    def __call__(self, *words: str, fails: bool = False) -> str:
        """What the command prints; of one that is to fail, what it complains of."""
        command = [str(PROGRAM), *words]
        done = subprocess.run(
            command, cwd=self.directory, env=self._environment, capture_output=True, text=True, timeout=90
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def read(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))

    def history(self, release: str) -> list[str]:
        return [each["status"] for each in self.read("history", release)]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    with LiveCluster(nodes=2) as live:
        live.scripts.image("busybox", Script(exit_after_s=0.05))
        live.scripts.image("migrate:1", Script(exit_after_s=0.05))
        live.scripts.image("migrate:2", Script(exit_after_s=0.05, exit_code=1))
        yield Helm(live, tmp_path_factory.mktemp("helm"))


def test_the_life_of_a_release(helm: Helm) -> None:
    helm("create", "web")
    installed = helm.read("install", "web", "./web", "--wait", "--timeout=30s")
    assert installed["info"]["status"] == "deployed"
    assert helm.live.get("deployment", "web").status.readyReplicas == 1
    assert "Phase:          Succeeded" in helm("test", "web", "--timeout=30s")

    by_hand = {"metadata": {"annotations": {"by": "hand"}}, "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}
    helm.live.patch("deployment", "web", by_hand)
    helm("upgrade", "web", "./web", "--set=replicaCount=3,service.port=81", "--wait", "--timeout=30s")
    web = helm.live.get("deployment", "web")
    assert (web.status.readyReplicas, web.metadata.annotations.by) == (3, "hand")
    assert web.spec.template.metadata.labels.a == "b", "three-way merge leaves what somebody else added"
    assert helm.live.get("service", "web").spec.ports[0]["port"] == 81

    helm("upgrade", "web", "./web", "--set=autoscaling.enabled=true,ingress.enabled=true", "--wait", "--timeout=30s")
    assert helm.live.get("ingress", "web").spec.rules[0]["host"] == "chart-example.local"
    helm("rollback", "web", "1", "--wait", "--timeout=30s")
    assert helm.live.list("ingress") == helm.live.list("hpa") == []
    assert helm.live.get("deployment", "web").spec.replicas == 1
    assert helm.history("web") == ["superseded", "superseded", "superseded", "deployed"]
    assert [each["chart"] for each in helm.read("list")] == ["web-0.1.0"]

    helm("uninstall", "web", "--wait", "--timeout=30s", "--cascade=foreground")
    assert [each.name for each in helm.live.list("service")] == ["kubernetes"]
    assert helm.live.list("deployment") == helm.live.list("secret") == []


def test_a_failed_upgrade_is_rolled_back(helm: Helm) -> None:
    helm("create", "bad")
    helm("install", "bad", "./bad", "--wait", "--timeout=30s")
    refused = helm("upgrade", "bad", "./bad", "--atomic", "--set=service.port=70000", fails=True)
    assert 'Service "bad" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535' in refused
    assert helm.history("bad") == ["superseded", "failed", "deployed"]
    assert helm.live.get("service", "bad").spec.ports[0]["port"] == 80
    helm("uninstall", "bad", "--wait", "--timeout=30s")


def test_definitions_hooks_and_lookups(helm: Helm) -> None:
    chart = helm.directory / "store"
    files = {
        "Chart.yaml": "{apiVersion: v2, name: store, version: 0.1.0, kubeVersion: '>=1.36.0-0'}",
        "values.yaml": "{keep: 1, note: first}",
        "crds/backups.yaml": BACKUPS,
        "templates/objects.yaml": OBJECTS,
        "templates/hook.yaml": HOOK,
    }
    for name, text in files.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(text)

    helm("install", "store", "./store", "--timeout=30s")
    assert helm.live.get("job", "store-migrate").status.succeeded == 1
    said = helm.live.get("configmap", "store").data
    assert (said.server[:6], said.knows, said.system, said.note) == ("v1.36.", "true", "kube-system", "first")

    planned = helm("upgrade", "store", "./store", "--dry-run=server", "--set=note=dry")
    assert "system: kube-system" in planned
    assert "note: dry" in planned
    assert helm.live.get("configmap", "store").data.note == "first", "a dry run writes nothing"
    assert "BackoffLimitExceeded" in helm("upgrade", "store", "./store", "--set=keep=2", "--timeout=30s", fails=True)
    assert helm.live.get("backups", "store").spec.keep == 1
    refused = helm("upgrade", "store", "./store", "--no-hooks", "--set=keep=0", fails=True)
    assert "spec.keep: Invalid value: 0: spec.keep in body should be greater than or equal to 1" in refused
    helm("upgrade", "store", "./store", "--set=note=second", "--timeout=30s")
    assert helm.live.get("configmap", "store").data.note == "second"
    helm("uninstall", "store", "--wait", "--timeout=30s")
    assert helm.live.get("crd", "backups.example.com").status.acceptedNames.kind == "Backup", "Helm keeps definitions"
