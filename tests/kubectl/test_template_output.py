"""`--template` on every command that changes something."""

from __future__ import annotations

import pytest

from tests.kubectl.objects import controller, deployment, meta, replica_set, service, valid_pod
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl, Tree

pytestmark = pytest.mark.suite("template_output_tests")
TEMPLATE = "--template={{ .metadata.name }}:"


def rbac(k: Kubectl) -> str:
    group, namespaced = "rbac.authorization.k8s.io", meta("testing-r", namespace=k.namespace)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    role: Tree = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": namespaced, "rules": rules}
    ref = {"apiGroup": group, "kind": "Role", "name": "testing-r"}
    subjects = [{"apiGroup": group, "kind": "User", "name": "a"}]
    binding: Tree = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "roleRef": ref, "subjects": subjects}
    return k.write("rbac.yaml", role, binding | {"metadata": meta("testing-rb", namespace=k.namespace)})


def test_objects_that_are_there(k: Kubectl) -> None:
    file = k.write("pod.yaml", valid_pod())
    k(f"create -f {file}")
    dry = "--dry-run=client"
    for command in (
        f'patch {dry} pods/valid-pod --type=merge -p \'{{"metadata":{{"labels":{{"a":"b"}}}}}}\'',
        f"label {dry} pods/valid-pod label=value",
        f"annotate {dry} pods/valid-pod annotation=value",
        f"apply {dry} -f {file}",
        f"create {dry} -f {file}",
        f"set env pod/valid-pod {dry} A=B",
        f"set image pod/valid-pod {dry} hostname=nginx",
        f"set resources pod/valid-pod --limits=memory=256Mi {dry}",
        f"set serviceaccount pod/valid-pod deployer {dry}",
    ):
        assert k(command, TEMPLATE) == "valid-pod:"
    assert k(f"taint node {NODE} template=foo:PreferNoSchedule", TEMPLATE) == f"{NODE}:"
    k(f"taint node {NODE} template-")
    rc = k.write("rc.yaml", controller("cassandra", 0))
    k(f"create -f {rc}")
    assert k(f"apply set-last-applied -f {rc} {dry} --create-annotation", TEMPLATE) == "cassandra:"
    assert k(f"auth reconcile {dry} -f", rbac(k), TEMPLATE) == "testing-r:testing-rb:"


def test_objects_from_files(k: Kubectl) -> None:
    dry = "--dry-run=client"
    scaled = k.write("scale.yaml", deployment("scale-1", replicas=0))
    assert k(f"create -f {scaled}", TEMPLATE) == "scale-1:"
    assert k(f"autoscale --max=2 -f {scaled} {dry}", TEMPLATE) == "scale-1:"
    exposed = k.write("rs.yaml", replica_set("redis-slave", 0))
    command = f"expose -f {exposed} --save-config --port=80 --target-port=8000 {dry}"
    assert k(command, TEMPLATE) == "redis-slave:"
    svc = k.write("svc.yaml", service("kubernetes"))
    assert k(f"set selector -f {svc} A=B --local {dry}", TEMPLATE) == "kubernetes:"


def test_generators(k: Kubectl) -> None:
    pki = k.site.directory / "pki"
    k("create cronjob pi --schedule='*/10 * * * *' --image=perl")
    dry = "--dry-run=client"
    for command in (
        f"run foo --image=perl {dry} --restart=OnFailure",
        f"create clusterrole foo --verb get --resource pods {dry}",
        f"create clusterrolebinding foo --clusterrole=view {dry}",
        f"create rolebinding foo --clusterrole=view {dry}",
        f"create role foo --verb get --resource pods {dry}",
        f"create configmap foo {dry}",
        "create deployment foo --image=nginx",
        f"create job foo --from=cronjob/pi {dry}",
        f"create ns foo {dry}",
        f"create quota foo {dry}",
        f"create priorityclass foo {dry}",
        f"create poddisruptionbudget foo --selector=foo --min-available=1 {dry}",
        f"create serviceaccount foo {dry}",
        f"create secret docker-registry foo --docker-username u --docker-password p {dry}",
        f"create secret generic foo --from-literal=key1=value1 {dry}",
        f"create secret tls foo --key={pki / 'admin.key'} --cert={pki / 'admin.crt'} {dry}",
        f"create service clusterip foo --tcp=8080 {dry}",
        f"create service externalname foo --external-name=bar {dry}",
        f"create service loadbalancer foo --tcp=8080 {dry}",
        f"create service nodeport foo --tcp=8080 {dry}",
        "rollout pause deploy/foo",
        "rollout resume deploy/foo",
    ):
        assert k(command, TEMPLATE) == "foo:", command
    k.until("replicasets", bool)
    for command in ("rollout history deploy/foo", "rollout undo deploy/foo --to-revision=1"):
        assert "foo" in k(command, TEMPLATE)


def test_set_subject(k: Kubectl) -> None:
    k("create rolebinding foo --clusterrole=view")
    assert k("set subject rolebinding/foo --user=foo --dry-run=client", TEMPLATE) == "foo:"


def test_formats_that_compete(k: Kubectl) -> None:
    assert "kind: Config" in k("config view")
    assert k("config view", "--template={{ .kind }}:") == "Config:"
    said = k("create configmap cm --dry-run=client --output yaml", TEMPLATE)
    assert "kind: ConfigMap" in said
