"""Roles, bindings, reviews of rights, impersonation, and who one is."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import meta
from tests.kubectl.site import Kubectl, Tree

RULES = {
    "--verb=* --resource=pods": [{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}],
    "--verb=get,list --resource=deployments.apps": [
        {"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["deployments"]}
    ],
    "--verb=get,list --resource=pods/status": [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods/status"]}
    ],
    "--verb=get,list --resource=replicasets.apps/scale": [
        {"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["replicasets/scale"]}
    ],
    "--verb=get,list --resource=pods --resource-name=foo": [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["foo"]}
    ],
    "--verb=get,list --resource=pods/status,deployments.apps": [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods/status"]},
        {"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["deployments"]},
    ],
}


@pytest.mark.suite("role_tests")
def test_roles(k: Kubectl) -> None:
    for number, (words, rules) in enumerate(RULES.items()):
        k(f"create role role-{number} {words}")
        assert k.get("roles", f"role-{number}")["rules"] == rules
    unknown = "the server doesn't have a resource type"
    wrong = {
        "--verb=* --resource=invalid-resource": f'{unknown} "invalid-resource"',
        "--verb=get --resource=deployments.invalid-group": f'{unknown} "deployments" in group "invalid-group"',
        "--verb=get --resource=rs.invalid-group/scale": f'{unknown} "rs" in group "invalid-group"',
    }
    for words, text in wrong.items():
        assert text in k.fails(f"create role invalid {words}")


@pytest.mark.suite("clusterroles_tests")
def test_cluster_roles(k: Kubectl) -> None:
    assert k("get clusterroles/cluster-admin -o name") == "clusterrole.rbac.authorization.k8s.io/cluster-admin\n"
    assert k.exists("clusterrolebindings", "cluster-admin")
    one = f"{k.namespace}-pod-admin"
    for mode in ("client", "server"):
        k(f"create clusterrole {one} --dry-run={mode} --verb=* --resource=pods")
    assert not k.exists("clusterroles", one)
    k(f"create clusterrole {one} --verb=* --resource=pods")
    assert k.get("clusterroles", one)["rules"] == RULES["--verb=* --resource=pods"]
    said = k.says(f"delete clusterrole {one} -n test")
    assert "deleting cluster-scoped resources" in said
    assert f'clusterrole.rbac.authorization.k8s.io "{one}" deleted' in said
    urls = "--non-resource-url=/logs/* --non-resource-url=/healthz/*"
    k(f"create clusterrole {one} --verb=get {urls}")
    assert k.get("clusterroles", one)["rules"] == [{"verbs": ["get"], "nonResourceURLs": ["/logs/*", "/healthz/*"]}]
    k(f"create clusterrole {one}-sum --aggregation-rule=foo1={k.namespace}")
    k(f"label clusterrole {one} foo1={k.namespace}")
    k.until_one("clusterroles", f"{one}-sum", lambda o: bool(o.get("rules")))
    k(f"delete clusterrole {one} {one}-sum")


@pytest.mark.suite("clusterroles_tests")
def test_bindings(k: Kubectl) -> None:
    def subjects(plural: str, name: str) -> list[str]:
        found = k.get(plural, name)["subjects"]
        return [f"{s['namespace']}:{s['name']}" if "namespace" in s else s["name"] for s in found]

    name = f"{k.namespace}-binding"
    given = {"user": "super-admin", "group": "the-group", "serviceaccount": "otherns:sa-name"}
    added = {"user": "foo", "group": "foo", "serviceaccount": "otherfoo:foo"}
    for flag, subject in given.items():
        one = f"{name}-{flag}"
        k(f"create clusterrolebinding {one} --clusterrole=admin --{flag}={subject}")
        for mode in ("client", "server"):
            k(f"set subject clusterrolebinding {one} --{flag}={added[flag]} --dry-run={mode}")
        assert subjects("clusterrolebindings", one) == [subject]
        k(f"set subject clusterrolebinding {one} --{flag}={added[flag]}")
        assert subjects("clusterrolebindings", one) == [subject, added[flag]]
        k(f"create rolebinding {one} --clusterrole=admin --{flag}={subject}")
        k(f"set subject rolebinding {one} --{flag}={added[flag]}")
        assert subjects("rolebindings", one) == [subject, added[flag]]
    k("create rolebinding local --role=localrole --group=the-group")
    assert k.get("rolebindings", "local")["roleRef"]["kind"] == "Role"
    k(f"create clusterrolebinding {name}-many --clusterrole=admin --user=user-1 --user=user-2")
    assert subjects("clusterrolebindings", f"{name}-many") == ["user-1", "user-2"]
    k("set subject rolebinding --all --user=test-all-user")
    assert all(subjects("rolebindings", each)[-1] == "test-all-user" for each in k.names("rolebindings"))
    k(f"delete clusterrolebinding {name}-many", *(f"{name}-{flag}" for flag in given))


@pytest.mark.suite("clusterroles_tests")
def test_reconcile(k: Kubectl) -> None:
    role: Tree = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": meta("testing-r", namespace=k.namespace),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    file = k.write("role.yaml", role)
    k(f"auth reconcile --dry-run=client -f {file}")
    assert not k.exists("roles", "testing-r")
    assert "reconciled" in k(f"auth reconcile -f {file}")
    k(f"auth reconcile -f {file}")
    role["rules"][0]["verbs"] = ["list"]
    k("auth reconcile -f", k.write("more.yaml", role))
    verbs = {verb for rule in k.get("roles", "testing-r")["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list"}


@pytest.mark.suite("authorization_tests")
def test_reviews(k: Kubectl) -> None:
    review: Tree = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "bob",
            "groups": ["system:masters"],
            "resourceAttributes": {"namespace": "ns", "verb": "get", "resource": "pods"},
        },
    }
    assert "created" in k("create --validate=false -f", k.write("sar.json", text=json.dumps(review)))
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    # Without a content type a body is JSON.
    answer = k.site.call("POST", path, review, {"Content-Type": ""})
    assert answer["status"]["allowed"] is True
    assert k("auth can-i create pods") == "yes\n"
    done = k.run("auth can-i create pods --as=nobody")
    assert (done.code, done.out) == (1, "no\n")
    k("create rolebinding viewer --clusterrole=view --user=nobody")
    assert k("auth can-i list pods --as=nobody") == "yes\n"
    assert "pods" in k("auth can-i --list --as=nobody")
    said = k.fails("get secrets --as=nobody")
    forbidden = 'secrets is forbidden: User "nobody" cannot list resource "secrets" in API group ""'
    assert f'Error from server (Forbidden): {forbidden} in the namespace "{k.namespace}"' in said


@pytest.mark.suite("kubectl_auth_whoami_tests")
def test_who_am_i(k: Kubectl) -> None:
    review = json.loads(k("auth whoami -o json"))
    assert review["kind"] == "SelfSubjectReview"
    assert review["status"]["userInfo"]["username"] == "admin"
    assert "[system:masters system:authenticated]" in k("auth whoami")
    assert "other" in k("auth whoami --as=other")
