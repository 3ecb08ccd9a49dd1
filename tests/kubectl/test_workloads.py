"""Workloads under their controllers: replication controllers, replica sets, stateful sets, jobs."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import NGINX, PERL, config_map, container, controller, deployment, replica_set, workload
from tests.kubectl.site import Kubectl, Tree

FIELDS = ("Name:", "Pod Template:", "Labels:", "Selector:", "Replicas:", "Pods Status:", "Volumes:")


def replicas(k: Kubectl, plural: str, name: str) -> int:
    number: int = k.get(plural, name)["spec"]["replicas"]
    return number


@pytest.mark.parametrize(
    ("short", "plural", "make"),
    [
        pytest.param("rc", "replicationcontrollers", controller, marks=pytest.mark.suite("rc_tests"), id="rc"),
        pytest.param("rs", "replicasets", replica_set, marks=pytest.mark.suite("rs_tests"), id="rs"),
    ],
)
def test_replicated_pods(k: Kubectl, short: str, plural: str, make: object) -> None:
    assert callable(make)
    file = k.write("frontend.yaml", make())
    k(f"create -f {file}")
    k.until("pods", lambda found: len(found) == 3, "tier=frontend")
    for target in (f"{short} frontend", short):
        described = k(f"describe {target}")
        assert all(word in described for word in (*FIELDS, "GET_HOSTS_FROM:"))
        assert "Events:" in described
        assert "Events:" not in k(f"describe {target} --show-events=false")
    assert "Controlled By" in k("describe pods")
    assert "limit=1 200 OK" in k.says(f"describe {plural} --chunk-size=1 -v=6")
    # Deleted together with its pods, and without them.
    k(f"delete {short} frontend")
    k.until("pods", lambda found: not found, "tier=frontend")
    k(f"create -f {file}")
    k.until("pods", lambda found: len(found) == 3, "tier=frontend")
    k(f"delete {short} frontend --cascade=orphan")
    k.until(plural, lambda found: not found)
    assert len(k.names("pods", "tier=frontend")) == 3
    k("delete pods -l tier=frontend")


@pytest.mark.suite("rc_tests", "rs_tests", "kubectl_scale_tests")
def test_scale(k: Kubectl) -> None:
    file = k.write("rc.yaml", controller())
    k(f"create -f {file}")
    k("create -f", k.write("rs.yaml", replica_set("set")))
    for kind, plural, name in (
        ("replicationcontrollers", "replicationcontrollers", "frontend"),
        ("replicasets", "replicasets", "set"),
    ):
        for mode in ("client", "server"):
            k(f"scale --dry-run={mode} --current-replicas=3 --replicas=2 {kind} {name}")
        assert replicas(k, plural, name) == 3
        k(f"scale --current-replicas=3 --replicas=2 {kind} {name}")
        assert replicas(k, plural, name) == 2
        said = k.fails(f"scale --current-replicas=3 --replicas=2 {kind} {name}")
        assert "Expected replicas to be 3, was 2" in said
        k(f"scale --replicas=3 {kind} {name}")
    k(f"scale --replicas=2 -f {file}")
    assert replicas(k, "replicationcontrollers", "frontend") == 2
    k("scale rc/frontend rs/set --replicas=4")
    assert replicas(k, "replicationcontrollers", "frontend") == replicas(k, "replicasets", "set") == 4
    assert k("scale rc frontend --replicas=1 -o name") == "replicationcontroller/frontend\n"
    assert k("scale rs set --replicas=1") == "replicaset.apps/set scaled\n"


@pytest.mark.suite("rs_tests", "kubectl_scale_tests", "rc_tests")
def test_scale_of_many_deployments(k: Kubectl) -> None:
    for number in (1, 2, 3):
        labels = {"run": "hello" if number < 3 else "other"}
        k("create -f", k.write(f"{number}.yaml", deployment(f"scale-{number}", labels=labels, replicas=1)))

    def numbers() -> list[int]:
        return [replicas(k, "deployments", f"scale-{number}") for number in (1, 2, 3)]

    for mode in ("client", "server"):
        k(f"scale deploy --replicas=3 --all --dry-run={mode}")
    assert numbers() == [1, 1, 1]
    k("scale deploy --replicas=2 -l run=hello")
    assert numbers() == [2, 2, 1]
    k("scale deploy --replicas=3 --all")
    assert numbers() == [3, 3, 3]
    k("scale --current-replicas=3 --replicas=1 deployment/scale-1")
    assert numbers() == [1, 3, 3]


@pytest.mark.suite("rc_tests", "deployment_tests", "rs_tests")
def test_autoscale(k: Kubectl) -> None:
    def limits(name: str) -> tuple[int, int, object]:
        spec = k.get("horizontalpodautoscalers", name)["spec"]
        metrics = spec.get("metrics") or [None]
        metric = metrics[0] and metrics[0]["resource"]["target"]["averageUtilization"]
        return spec["minReplicas"], spec["maxReplicas"], metric

    file = k.write("rc.yaml", controller(replicas=0))
    k(f"create -f {file}")
    k("create -f", k.write("d.yaml", deployment("nginx-deployment", replicas=0)))
    k(f"autoscale -f {file} --max=2 --cpu-percent=70")
    assert limits("frontend") == (1, 2, 70)
    k("delete hpa frontend")
    k("autoscale rc frontend --min=2 --max=3")
    assert limits("frontend") == (2, 3, 80)
    assert 'required flag(s) "max" not set' in k.fails("autoscale rc frontend")
    for mode in ("client", "server"):
        k(f"autoscale deployment nginx-deployment --dry-run={mode} --min=2 --max=3")
    assert k.names("horizontalpodautoscalers") == ["frontend"]
    k("autoscale deployment nginx-deployment --min=2 --max=3")
    assert limits("nginx-deployment") == (2, 3, 80)
    assert "limit=1 200 OK" in k.says("describe horizontalpodautoscalers --chunk-size=1 -v=6")


@pytest.mark.suite("rc_tests")
def test_set_resources(k: Kubectl) -> None:
    def found() -> list[Tree]:
        spec = k.get("deployments", "resources")["spec"]["template"]["spec"]
        return [each["resources"] for each in spec["containers"]]

    file = k.write("d.yaml", deployment("resources", container("nginx", NGINX), container("perl", PERL), replicas=0))
    command = f"set resources -f {file} -c=perl --limits=cpu=300m --requests=cpu=300m"
    k(f"{command} --local -o yaml")
    k.fails(f"{command} --dry-run=client -o yaml")
    k(f"create -f {file}")
    k("set resources deployment resources --limits=cpu=100m")
    assert found() == [{"limits": {"cpu": "100m"}}] * 2
    k.fails("set resources deployment resources -c=redis --limits=cpu=100m")
    k("set resources deployment resources -c=nginx --limits=cpu=200m")
    k(command)
    wanted = [{"limits": {"cpu": "200m"}}, {"limits": {"cpu": "300m"}, "requests": {"cpu": "300m"}}]
    assert found() == wanted
    for mode in ("--dry-run=client", "--dry-run=server"):
        k(f"set resources deployment resources -c=perl --limits=cpu=400m --requests=cpu=400m {mode} -o yaml")
    k.fails("set resources deployment resources --limits=cpu=400m --local -o yaml")
    assert found() == wanted


@pytest.mark.suite("rs_tests", "daemonset_tests")
def test_generations(k: Kubectl) -> None:
    """Each change of the template is one generation."""
    daemons = k.write("daemons.yaml", workload("DaemonSet", "bind"))
    k("create -f", k.write("rs.yaml", replica_set(replicas=0)))
    for _ in range(2):
        k(f"apply -f {daemons}")
        assert k.get("daemonsets", "bind")["metadata"]["generation"] == 1
    for plural, name in (("daemonsets", "bind"), ("replicasets", "frontend")):

        def generation(plural: str = plural, name: str = name) -> int:
            number: int = k.get(plural, name)["metadata"]["generation"]
            return number

        k(f"set image {plural}/{name} *=registry.k8s.io/pause:test-cmd")
        assert generation() == 2
        k(f"set env {plural}/{name} foo=bar")
        assert generation() == 3
        limits = f"set resources {plural}/{name} --limits=cpu=200m,memory=512Mi"
        for mode in ("client", "server"):
            k(f"{limits} --dry-run={mode}")
        assert generation() == 3
        k(limits)
        assert generation() == 4
        for mode in ("client", "server"):
            k(f"set serviceaccount {plural}/{name} serviceaccount1 --dry-run={mode}")
        k(f"set serviceaccount {plural}/{name} serviceaccount1")
        assert generation() == 5
        assert "kubectl-set" in k.managers(plural, name)
    k("rollout restart daemonset/bind")
    assert k.get("daemonsets", "bind")["metadata"]["generation"] == 6
    assert "limit=1 200 OK" in k.says("describe daemonsets --chunk-size=1 -v=6")


@pytest.mark.suite("stateful_set_tests", "kubectl_scale_tests")
def test_stateful_sets(k: Kubectl) -> None:
    file = k.write("nginx.yaml", workload("StatefulSet", "nginx", serviceName="nginx", replicas=0))
    k(f"create -f {file}")

    def observed(generation: int) -> None:
        k.until_one("statefulsets", "nginx", lambda o: o["status"].get("observedGeneration") == generation)

    observed(1)
    assert "limit=1 200 OK" in k.says("describe statefulsets --chunk-size=1 -v=6")
    k("scale --current-replicas=0 --replicas=2 statefulset nginx")
    observed(2)
    k.until("pods", bool, "app=nginx")
    # The second pod waits for the first, which nobody runs.
    assert k.names("pods", "app=nginx") == ["nginx-0"]
    k("rollout restart statefulset nginx")
    observed(3)
    assert k("scale statefulset nginx --replicas=1") == "statefulset.apps/nginx scaled\n"
    k(f"delete -f {file}")
    k.until("pods", lambda found: not found, "app=nginx")


@pytest.mark.suite("job_tests", "create_job_tests")
def test_jobs(k: Kubectl) -> None:
    command = "-- perl -Mbignum=bpi -wle 'print bpi(20)'"
    cronjob = f'create cronjob pi --schedule="59 23 31 2 *" --image={PERL}'
    for mode in ("client", "server"):
        k(f"{cronjob} --dry-run={mode} {command}")
    assert k.names("cronjobs") == []
    k(f"{cronjob} {command}")
    shown = k("get cronjob/pi").splitlines()
    assert shown[0].split() == ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "SCHEDULE", "AGE"]
    assert shown[1].split()[:9] == ["pi", "59", "23", "31", "2", "*", "<none>", "False", "0"]
    assert "Schedule:" in k("describe cronjob/pi")
    assert k("create job test-job --from=cronjob/pi --dry-run=client -o name") == "job.batch/test-job\n"
    k("create job test-job --from=cronjob/pi --dry-run=server")
    assert k.names("jobs") == []
    k("create job test-job --from=cronjob/pi")
    made = k.get("jobs", "test-job")["spec"]["template"]["spec"]["containers"][0]
    assert made["command"] == ["perl", "-Mbignum=bpi", "-wle", "print bpi(20)"]
    assert k("get job/test-job").split()[:5] == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert "Parallelism:" in k("describe job/test-job")
    for kind in ("cronjobs", "jobs"):
        assert "limit=1 200 OK" in k.says(f"describe {kind} --chunk-size=1 -v=6")
    k(f"create job plain --image={NGINX}")
    assert k.get("jobs", "plain")["spec"]["template"]["spec"]["containers"][0]["image"] == NGINX
    k(f"create job with-command --image={PERL} {command}")
    assert k.get("jobs", "with-command")["spec"]["template"]["spec"]["containers"][0]["command"][0] == "perl"
    k("delete job test-job plain with-command")
    k("delete cronjob pi")


@pytest.mark.suite("deployment_tests")
def test_set_image(k: Kubectl) -> None:
    def images() -> list[str]:
        spec = k.get("deployments", "web")["spec"]["template"]["spec"]
        return [each["image"] for each in spec["containers"]]

    file = k.write("d.yaml", deployment("web", container("nginx", "one"), container("perl", PERL), replicas=0))
    k(f"create -f {file}")
    for mode in ("client", "server"):
        k(f"set image deployment web nginx=two --dry-run={mode}")
    assert images() == ["one", PERL]
    k("set image deployment web nginx=two")
    assert images() == ["two", PERL]
    assert 'unable to find container named "redis"' in k.fails("set image deployment web redis=redis")
    k("set image deployments --all nginx=three")
    assert images() == ["three", PERL]
    k(f"set image -f {file} nginx=four")
    k(f"set image -f {file} nginx=five --local -o yaml")
    assert images() == ["four", PERL]
    assert k("set image deployment web *=six") == "deployment.apps/web image updated\n"
    assert k("set image deployment web *=six") == ""
    assert images() == ["six", "six"]


@pytest.mark.suite("deployment_tests")
def test_set_env(k: Kubectl) -> None:
    def env(container_: int = 0) -> list[str]:
        spec = k.get("deployments", "web")["spec"]["template"]["spec"]["containers"][container_]
        return [each["name"] for each in spec.get("env", [])]

    k("create -f", k.write("d.yaml", deployment("web", container("nginx", "a"), container("perl", "b"), replicas=0)))
    k("create -f", k.write("map.yaml", config_map("config", None, **{"key-1": "a", "key-2": "b"})))
    k("create secret generic secret --from-literal=username=u --from-literal=password=p")
    k("set env deployment web --keys=key-2 --from=configmap/config")
    assert env() == ["KEY_2"]
    for mode in ("client", "server"):
        k(f"set env deployment web --dry-run={mode} --from=configmap/config")
    assert env() == ["KEY_2"]
    k("set env deployment web --from=configmap/config")
    assert sorted(env()) == ["KEY_1", "KEY_2"]
    k("set env deployment web env=prod")
    k("set env deployment web superenv=superprod -c=nginx")
    assert ("superenv" in env(), "superenv" in env(1), "env" in env(1)) == (True, False, True)
    k("set env deployment web --keys=username --from=secret/secret")
    k("set env deployment web --from=secret/secret")
    assert {"USERNAME", "PASSWORD"} <= set(env())
    k("set env deployment web env-")
    assert "env" not in env()
    listed = k("set env deployment web --list")
    assert "superenv=superprod" in listed
    said = k.fails("set env -f - -", text="A=B")
    assert "standard input cannot be used for multiple arguments" in said


@pytest.mark.suite("kubectl_scale_tests")
def test_scale_is_a_subresource(k: Kubectl) -> None:
    k("create -f", k.write("d.yaml", deployment("web", replicas=1)))
    k("patch deployment web --subresource=scale --type=merge -p", json.dumps({"spec": {"replicas": 2}}))
    assert replicas(k, "deployments", "web") == 2
