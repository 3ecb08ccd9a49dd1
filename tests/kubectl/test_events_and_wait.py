"""`kubectl events` and `kubectl wait`."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import PERL, config_map, deployment
from tests.kubectl.site import Kubectl

HEAD = "LAST SEEN"


@pytest.mark.suite("kubectl_events_tests")
def test_events(k: Kubectl) -> None:
    k(f'create cronjob pi --schedule="59 23 31 2 *" --image={PERL} -- perl')
    k.until("events", lambda found: any(o["reason"] == "InvalidSchedule" for o in found))
    words = ("Warning", "InvalidSchedule", "CronJob/pi")
    for_pi = f"events -n {k.namespace} --for=CronJob/pi"
    for command in ("events -A", f"events -n {k.namespace}", for_pi, f"{for_pi} --types=Warning"):
        shown = k(command)
        assert HEAD in shown and all(word in shown for word in words)
    assert "InvalidSchedule" not in k(f"{for_pi} --types=Normal")
    assert HEAD not in k(f"{for_pi} --no-headers")
    for output in ("json", "yaml"):
        shown = k(f"{for_pi} --output={output}")
        assert "InvalidSchedule" in shown and "involvedObject" in shown
    with k.running(f"{for_pi} --watch --no-headers") as watch:
        assert watch.stdout is not None
        assert "InvalidSchedule" in watch.stdout.readline()


@pytest.mark.suite("wait_tests")
def test_wait(k: Kubectl) -> None:
    k("create deployment test-1 --image=busybox")
    k("create deployment test-2 --image=busybox")
    said = k.fails("wait --for=jsonpath=.status.readyReplicas=1 deploy/test-1 --timeout=1s")
    assert "timed out" in said
    with k.running("wait deployment --for=delete --all --timeout=60s -v=6") as waiting:
        assert waiting.stdout is not None
        listed = next(line for line in waiting.stdout if "/deployments" in line)
        assert "200 OK" in listed
        k("delete deployment --all")
        said = waiting.stdout.read()
    assert "test-1 condition met" in said and "test-2 condition met" in said
    k("apply -f", k.write("d.yaml", deployment("dtest", replicas=2)))
    k.until("pods", lambda found: len(found) == 2)
    said = k.fails("wait pod --selector=app=dtest --for=condition=InvalidCondition --timeout=1s")
    assert said.count("timed out waiting for the condition on pods/dtest-") == 2
    for words in (
        "--for=jsonpath={.status.replicas}",
        "--for=jsonpath={.status.replicas} --timeout=0",
        """--for='jsonpath=spec.template.spec.containers[?(@.name=="nginx")].imagePullPolicy=IfNotPresent'""",
        "--for=condition=Available=false",
        "--for=condition=Progressing",
    ):
        assert k(f"wait {words} deploy/dtest") == "deployment.apps/dtest condition met\n"
    assert "no matching resources found" in k.fails("wait pod -l app=nothing --for=condition=Ready")
    assert 'deployments.apps "nothing" not found' in k.fails("wait deploy/nothing --for=condition=Ready")


@pytest.mark.suite("wait_tests")
def test_wait_for_creation(k: Kubectl) -> None:
    with k.running("wait --for=create configmap/later --timeout=30s") as waiting:
        k("create -f -", text=json.dumps(config_map("later")))
        assert waiting.stdout is not None
        assert waiting.stdout.read() == "configmap/later condition met\n"
    assert "condition met" in k("wait --for=create configmap/later --timeout=30s")
