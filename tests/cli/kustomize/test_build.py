"""Kustomizations in directories, and the objects that come of them. The hashes are Kubernetes' own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from navarch.cli.errors import CliError
from navarch.cli.kustomize.build import build

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "registry:5000/web:1", envFrom: [{configMapRef: {name: settings}}]}
      volumes:
      - {name: s, secret: {secretName: keys}}
"""
SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}}}"


def objects(directory: Path, files: dict[str, str], where: str = ".") -> dict[str, Any]:
    """The objects by kind, of a kustomization that lies in files."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    trees = build(os.path.join(directory, where), lambda text: pytest.fail(text))
    return {tree["kind"]: tree for tree in trees}


@pytest.mark.parametrize(
    ("generator", "name"),
    [
        ("name: example-configmap-1, files: [application.properties]", "example-configmap-1-8mbdf7882g"),
        ("name: example-configmap-2, envs: [.env]", "example-configmap-2-g2hdhfc6tk"),
        ("name: example-configmap-2, literals: [FOO=Bar]", "example-configmap-2-g2hdhfc6tk"),
    ],
)
def test_names_with_hashes(tmp_path: Path, generator: str, name: str) -> None:
    files = {"application.properties": "FOO=Bar\n", ".env": "FOO=Bar\n"}
    found = objects(tmp_path, {**files, "kustomization.yaml": f"configMapGenerator: [{{{generator}}}]"})
    assert found["ConfigMap"]["metadata"]["name"] == name


def test_what_is_renamed_is_called_by_its_new_name(tmp_path: Path) -> None:
    kustomization = """
resources: [deployment.yaml]
namePrefix: test-
configMapGenerator: [{name: settings, literals: [A=b]}]
secretGenerator: [{name: keys, literals: [k=v], options: {disableNameSuffixHash: true}}]
"""
    found = objects(tmp_path, {"kustomization.yaml": kustomization, "deployment.yaml": DEPLOYMENT})
    spec = found["Deployment"]["spec"]["template"]["spec"]
    assert found["Deployment"]["metadata"]["name"] == "test-web"
    name = found["ConfigMap"]["metadata"]["name"]
    assert name.startswith("test-settings-")
    assert spec["containers"][0]["envFrom"] == [{"configMapRef": {"name": name}}]
    assert spec["volumes"] == [{"name": "s", "secret": {"secretName": "test-keys"}}]
    assert found["Secret"]["data"] == {"k": "dg=="}


def test_labels_namespace_images_and_replicas(tmp_path: Path) -> None:
    kustomization = """
resources: [all.yaml]
namespace: staging
labels: [{pairs: {env: s}, includeSelectors: true}, {pairs: {note: yet}}]
commonAnnotations: {by: me}
images: [{name: "registry:5000/web", newName: web, newTag: v2}]
replicas: [{name: web, count: 4}]
"""
    found = objects(tmp_path, {"kustomization.yaml": kustomization, "all.yaml": f"{DEPLOYMENT}---\n{SERVICE}"})
    deployment, service = found["Deployment"], found["Service"]
    assert deployment["metadata"] == {
        "name": "web",
        "namespace": "staging",
        "labels": {"env": "s", "note": "yet"},
        "annotations": {"by": "me"},
    }
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "web", "env": "s"}
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"app": "web", "env": "s"}
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "web:v2"
    assert deployment["spec"]["replicas"] == 4
    assert service["spec"]["selector"] == {"app": "web", "env": "s"}


def test_a_base_its_overlay_and_a_component(tmp_path: Path) -> None:
    files = {
        "base/kustomization.yaml": "resources: [d.yaml]\nnamePrefix: base-\n",
        "base/d.yaml": DEPLOYMENT,
        "part/kustomization.yaml": "kind: Component\npatches: [{patch: '[{op: add, path: /spec/paused, value: true}]', "
        "target: {kind: Deploy.*}}]",
        "prod/kustomization.yaml": "resources: [../base]\ncomponents: [../part]\nnameSuffix: -prod\n"
        "patches: [{path: more.yaml}]",
        "prod/more.yaml": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: "
        "{containers: [{name: c, args: [x]}, {name: sidecar, image: i}]}}}}",
    }
    deployment = objects(tmp_path, files, "prod")["Deployment"]
    assert deployment["metadata"]["name"] == "base-web-prod"
    assert deployment["spec"]["paused"] is True
    containers = {c["name"]: c for c in deployment["spec"]["template"]["spec"]["containers"]}
    assert containers["c"]["args"] == ["x"] and containers["c"]["image"] == "registry:5000/web:1"
    assert set(containers) == {"c", "sidecar"}


def test_a_patch_takes_an_object_away(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [all.yaml]\n"
        "patches: [{patch: '{$patch: delete, apiVersion: v1, kind: Service, metadata: {name: web}}'}]",
        "all.yaml": f"{DEPLOYMENT}---\n{SERVICE}",
    }
    assert list(objects(tmp_path, files)) == ["Deployment"]


def test_generated_over_generated(tmp_path: Path) -> None:
    files = {
        "base/kustomization.yaml": "configMapGenerator: [{name: m, literals: [a=1, b=2]}]",
        "kustomization.yaml": "resources: [base]\nconfigMapGenerator: [{name: m, behavior: merge, literals: [b=3]}]",
    }
    assert objects(tmp_path, files)["ConfigMap"]["data"] == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "unable to find one of 'kustomization.yaml'"),
        ({"kustomization.yaml": "openapi: {}"}, 'field "openapi" of'),
        ({"kustomization.yaml": "resources: [nope.yaml]"}, "no such file or directory"),
        ({"kustomization.yaml": "resources: [../../../../etc/hostname]"}, "is not in or below"),
        ({"kustomization.yaml": "resources: [.]"}, "cycle detected"),
        ({"kustomization.yaml": "resources: [https://example.com/x]"}, "only local files"),
        ({"kustomization.yaml": "replicas: [{name: x, count: 1}]"}, "resource with name x"),
        ({"kustomization.yaml": "patches: [{patch: '{kind: A, metadata: {name: x}}'}]"}, "no resource matches"),
        ({"kustomization.yaml": "", "Kustomization": ""}, "multiple kustomization files"),
    ],
)
def test_what_cannot_be_built(tmp_path: Path, files: dict[str, str], text: str) -> None:
    with pytest.raises(CliError, match=text):
        objects(tmp_path, files)


def test_what_is_old_is_said(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("commonLabels: {a: b}")
    said: list[str] = []
    assert build(str(tmp_path), said.append) == []
    assert said[0].startswith("# Warning: 'commonLabels' is deprecated. Please use 'labels' instead.")


REPLACEMENTS = """
resources: [deployment.yaml, map.yaml]
replacements:
- source: {kind: ConfigMap, name: source, fieldPath: data.image, options: {delimiter: ":", index: 1}}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=c].image"]
    options: {delimiter: ":", index: 2}
- source: {kind: ConfigMap, name: source}
  targets:
  - select: {kind: Deployment}
    fieldPaths:
    - metadata.annotations.[example.com/source]
    - spec.template.spec.containers.*.envFrom.0.configMapRef.name
    options: {create: true}
- sourceValue: other
  targets: [{select: {kind: Deployment}, reject: [{name: web}], fieldPaths: [metadata.name]}]
"""


def test_replacements(tmp_path: Path) -> None:
    source = "{apiVersion: v1, kind: ConfigMap, metadata: {name: source}, data: {image: 'x:2'}}"
    found = objects(tmp_path, {"deployment.yaml": DEPLOYMENT, "map.yaml": source, "kustomization.yaml": REPLACEMENTS})
    made = found["Deployment"]
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry:5000/web:2"
    assert container["envFrom"] == [{"configMapRef": {"name": "source"}}]
    assert made["metadata"] == {"name": "web", "annotations": {"example.com/source": "source"}}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("{source: {kind: Secret}, targets: [{select: {kind: Deployment}}]}", "nothing selected by Secret"),
        ("{source: {kind: Deployment, fieldPath: spec.no}, targets: [{select: {}}]}", "`spec.no` is missing"),
        (
            "{source: {kind: Deployment}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.none]}]}",
            'unable to find field "spec.none" in replacement target',
        ),
        ("{source: {kind: Deployment}}", "at least one target"),
    ],
)
def test_replacements_that_cannot_be_made(tmp_path: Path, entry: str, text: str) -> None:
    kustomization = f"resources: [deployment.yaml]\nreplacements: [{entry}]"
    with pytest.raises(CliError) as error:
        objects(tmp_path, {"deployment.yaml": DEPLOYMENT, "kustomization.yaml": kustomization})
    assert text in error.value.message


def test_charts_are_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CliError) as error:
        objects(tmp_path, {"kustomization.yaml": "helmCharts: [{name: web}]"})
    assert "must specify --enable-helm" in error.value.message and "helm template" in error.value.message
