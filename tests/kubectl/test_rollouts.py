"""Deployments and their history; the revisions of daemon sets and stateful sets."""

from __future__ import annotations

import pytest

from tests.kubectl.objects import NGINX, NGINX_2, PAUSE, PERL, container, deployment, workload
from tests.kubectl.site import Kubectl

NAME = "deployment.kubernetes.io/revision"


@pytest.mark.suite("deployment_tests")
def test_create(k: Kubectl) -> None:
    for mode in ("client", "server"):
        k(f"create deployment web --image={NGINX_2} --dry-run={mode} -- /bin/sleep infinity")
    assert k.names("deployments") == []
    k(f"create deployment web --image={NGINX_2}")
    spec = k.get("deployments", "web")["spec"]
    assert (spec["template"]["spec"]["containers"][0]["name"], spec["revisionHistoryLimit"]) == ("nginx", 10)
    assert k("get deployment.apps", "-o=jsonpath={.items[0].apiVersion}") == "apps/v1"
    k.until("pods", bool)
    described = k("describe rs")
    for word in ("Name:", "Pod Template:", "Labels:", "Selector:", "Controlled By", "Replicas:", "Volumes:"):
        assert word in described
    described = k("describe pods")
    for word in ("Name:", "Image:", "Node:", "Labels:", "Status:", "Controlled By"):
        assert word in described
    assert "limit=1 200 OK" in k.says("describe deployments --chunk-size=1 -v=6")
    k(f"create deployment with-command --image={NGINX_2} -- /bin/sleep infinity")
    inside = k.get("deployments", "with-command")["spec"]["template"]["spec"]["containers"][0]
    assert inside["command"] == ["/bin/sleep", "infinity"]
    user = deployment("as-user", container("nginx", NGINX, securityContext={"runAsUser": 2147483647}), replicas=0)
    k("create -f", k.write("user.yaml", user))
    assert k.exists("deployments", "as-user")


@pytest.mark.suite("deployment_tests")
def test_cascades(k: Kubectl) -> None:
    file = k.write("d.yaml", deployment("web", replicas=3))
    k(f"create -f {file}")
    k.until("replicasets", lambda found: [o["status"]["replicas"] for o in found] == [3])
    k("delete deployment web --cascade=foreground")
    assert k.names("replicasets") == k.names("pods") == []
    k(f"create -f {file}")
    k.until("replicasets", lambda found: [o["status"]["replicas"] for o in found] == [3])
    k("delete deployment web --cascade=orphan")
    k.until("deployments", lambda found: not found)
    (left,) = k.list("replicasets")
    assert "ownerReferences" not in left["metadata"] and left["spec"]["replicas"] == 3
    k(f"delete rs {left['metadata']['name']}")


@pytest.mark.suite("deployment_tests")
def test_rollback(k: Kubectl) -> None:
    def image() -> str:
        text: str = k.get("deployments", "nginx")["spec"]["template"]["spec"]["containers"][0]["image"]
        return text

    def revision(number: int) -> None:
        k.until_one("deployments", "nginx", lambda o: o["metadata"].get("annotations", {}).get(NAME) == str(number))

    k("create -f", k.write("1.yaml", deployment("nginx", container("nginx", NGINX), replicas=1)))
    revision(1)
    said = k("rollout undo deployment nginx --to-revision=1")
    assert said == "deployment.apps/nginx skipped rollback (current template already matches revision 1)\n"
    k.says("apply -f", k.write("2.yaml", deployment("nginx", container("nginx", NGINX_2), replicas=1)))
    revision(2)
    assert NGINX in k("rollout undo deployment nginx --dry-run=client")
    k("rollout undo deployment nginx --dry-run=server")
    assert image() == NGINX_2
    assert k("rollout undo deployment nginx --to-revision=1") == "deployment.apps/nginx rolled back\n"
    assert image() == NGINX
    revision(3)
    assert "unable to find specified revision 1000000" in k.fails("rollout undo deployment nginx --to-revision=1000000")
    k("rollout undo deployment nginx")
    assert image() == NGINX_2
    revision(4)
    k("rollout pause deployment nginx")
    assert "you cannot rollback a paused deployment" in k.fails("rollout undo deployment nginx")
    assert "can't restart paused deployment" in k.fails("rollout restart deployment nginx")
    k("rollout resume deployment nginx")
    k("rollout undo deployment nginx")
    revision(5)
    newest = max(k.list("replicasets"), key=lambda o: int(o["metadata"]["annotations"][NAME]))
    assert newest["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1,3"
    assert f"NewReplicaSet:   {newest['metadata']['name']}" in k("describe deployment nginx")
    said = k.fails("rollout status deployment/nginx --revision=3")
    assert "desired revision (3) is different from the running revision (5)" in said
    k("rollout restart deployment/nginx")
    revision(6)
    assert "kubectl-rollout" in k.managers("deployments", "nginx")


@pytest.mark.suite("deployment_tests")
def test_history(k: Kubectl) -> None:
    k("create -f", k.write("d.yaml", deployment("web", container("nginx", NGINX), container("perl", PERL), replicas=0)))
    k.until("replicasets", bool)
    k(f"set image deployment web nginx={NGINX_2}")
    k.until("replicasets", lambda found: len(found) == 2)
    k.until_one("deployments", "web", lambda o: o["metadata"].get("annotations", {}).get(NAME) == "2")
    history = k("rollout history deployment web")
    for text in ("deployment.apps/web", "REVISION  CHANGE-CAUSE", "1         <none>", "2         <none>"):
        assert text in history
    assert "3         <none>" not in history
    for number, image in ((1, NGINX), (2, NGINX_2)):
        shown = k(f"rollout history deployment web --revision={number}")
        assert f"deployment.apps/web with revision #{number}" in shown
        assert "Pod Template:" in shown and image in shown and PERL in shown


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        pytest.param("DaemonSet", "daemonsets", marks=pytest.mark.suite("daemonset_history_tests"), id="daemonset"),
        pytest.param(
            "StatefulSet", "statefulsets", marks=pytest.mark.suite("statefulset_history_tests"), id="statefulset"
        ),
    ],
)
def test_controller_revisions(k: Kubectl, kind: str, plural: str) -> None:
    name = kind.lower()
    more = {"serviceName": "bind", "replicas": 0} if kind == "StatefulSet" else {}
    one = k.write("rv1.yaml", workload(kind, "bind", container("app", PAUSE), **more))
    two = k.write("rv2.yaml", workload(kind, "bind", container("app", NGINX), container("side", PERL), **more))

    def images() -> list[str]:
        return [each["image"] for each in k.get(plural, "bind")["spec"]["template"]["spec"]["containers"]]

    def revisions(*numbers: int) -> None:
        k.until("controllerrevisions", lambda found: sorted(o["revision"] for o in found) == list(numbers))

    def history(*numbers: int) -> None:
        shown = k(f"rollout history {name}")
        assert f"{name}.apps/bind" in shown and "REVISION  CHANGE-CAUSE" in shown
        for number in numbers:
            assert f"{number}         kubectl apply" in shown

    k(f"apply -f {one} --record")
    revisions(1)
    k(f"rollout undo {name} --to-revision=1")
    assert images() == [PAUSE]
    k(f"apply -f {two} --record")
    revisions(1, 2)
    causes = [o["metadata"]["annotations"]["kubernetes.io/change-cause"] for o in k.list("controllerrevisions")]
    assert any("rv1.yaml --record" in cause for cause in causes)
    assert any("rv2.yaml --record" in cause for cause in causes)
    history(1, 2)
    for number, image in ((1, PAUSE), (2, PERL)):
        shown = k(f"rollout history {name} --revision={number}")
        assert f"{name}.apps/bind with revision #{number}" in shown and "Pod Template:" in shown and image in shown
    for mode in ("client", "server"):
        k(f"rollout undo {name} --dry-run={mode}")
    assert images() == [NGINX, PERL]
    k(f"rollout undo {name} --to-revision=1")
    assert images() == [PAUSE]
    revisions(2, 3)
    history(2, 3)
    assert "unable to find specified revision" in k.fails(f"rollout undo {name} --to-revision=1000000")
    assert images() == [PAUSE]
    k(f"rollout undo {name}")
    assert images() == [NGINX, PERL]
    revisions(3, 4)
    history(3, 4)
    k(f"delete -f {one}")
