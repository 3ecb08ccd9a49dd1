"""Pods whose life a test scripts, and pods that are Python functions."""

from __future__ import annotations

import asyncio

import pytest

from navarch.base.errors import UsageError
from navarch.base.resource import Resource
from navarch.client.contract import PatchType
from navarch.testing import Script
from navarch.testing.builders import job, pod


def greet(process):
    """Runs as the process of the image `py:<this module>:greet`."""
    print("hello from", process.pod)
    return 4


async def count(process):
    for number in range(100):
        process.print(number)
        await asyncio.sleep(10)


def test_a_failing_pull_is_backed_off_from_and_told(c):
    c.scripts.image("private:1", Script(pull_error="pull access denied"))
    c.apply(pod("one", "private:1"))
    c.advance("1m")
    waiting = c.get("pod", "one").status.containerStatuses[0].state.waiting
    assert waiting.reason in ("ErrImagePull", "ImagePullBackOff")
    assert "Failed" in {e.reason for e in c.events(c.get("pod", "one"))}
    c.scripts.image("private:1", Script())
    c.settle()
    assert c.get("pod", "one").status.phase == "Running"


def test_a_pod_alone_can_be_scripted(c):
    c.scripts.pod("default/two", Script(exit_after_s=3, exit_code=9))
    c.apply([pod("one", restartPolicy="Never"), pod("two", restartPolicy="Never")])
    c.settle()
    assert [c.get("pod", n).status.phase for n in ("one", "two")] == ["Running", "Failed"]
    assert c.get("pod", "two").status.containerStatuses[0].state.terminated.exitCode == 9


def test_a_script_in_the_annotation_travels_with_the_manifest(c):
    tree = pod("one", restartPolicy="Never")
    tree["metadata"]["annotations"] = {"navarch.dev/fake": '{"exit_after_s": 60, "log": ["working"]}'}
    c.apply(tree)
    c.settle()
    assert c.get("pod", "one").status.phase == "Succeeded"
    assert c.logs("one") == "working\n"


def test_a_function_of_a_module_is_an_image(c):
    c.apply(job("hello", "py:tests.testing.test_pods:greet", backoff_limit=0))
    c.settle()
    (ran,) = c.pods_of("job", "hello")
    assert c.logs(ran.name) == f"hello from {ran.name}\n"
    assert ran.status.containerStatuses[0].state.terminated.exitCode == 4
    assert c.get("job", "hello").condition("Failed").status == "True"


def test_a_function_of_the_test_is_an_image(c):
    seen = []
    c.scripts.image("worker:1", run=lambda process: seen.append(process.args))
    tree = pod("one", "worker:1", restartPolicy="Never")
    tree["spec"]["containers"][0]["args"] = ["--fast"]
    c.apply(tree)
    c.settle()
    assert seen == [("--fast",)]
    assert c.get("pod", "one").status.phase == "Succeeded"


def test_a_coroutine_lives_in_virtual_time(c):
    c.apply(pod("one", "py:tests.testing.test_pods:count"))
    c.advance(25)
    assert c.logs("one") == "0\n1\n2\n"
    c.delete("pod", "one")
    c.settle()
    assert c.find("pod", "one") is None


def test_commands_are_answered_by_the_script(c):
    c.scripts.image("db", Script(exec={"pg_isready": ("accepting connections\n", 0), "false": ("", 1)}))
    c.apply(pod("one", "db"))
    c.settle()
    assert c.exec("one", "pg_isready").stdout == b"accepting connections\n"
    assert c.exec("one", ["false"]).exit_code == 1


def test_the_log_of_the_instance_before(c):
    c.scripts.image("flaky", Script(exit_after_s=1, exit_code=1, exit_times=1, log=("up",)))
    c.apply(pod("one", "flaky"))
    c.settle()
    assert c.logs("one", previous=True) == "up\n"


def test_mistakes_about_pods_are_named(c):
    c.apply(pod("one"))
    c.settle()
    with pytest.raises(UsageError, match="has no container 'x'; it has main"):
        c.logs("one", container="x")
    with pytest.raises(UsageError, match="previous container main of pod default/one has not started"):
        c.logs("one", previous=True)


def test_a_label_that_came_just_now_suits_a_pod(c):
    """The kubelet has not heard of the label when the pod is bound: it looks again before it refuses."""
    c.settle()
    node = Resource("", "v1", "nodes", "Node", False)
    c.run(c.client.patch(node, "node-1", {"metadata": {"labels": {"disktype": "ssd"}}}, PatchType.MERGE))
    tree = pod("fast", "nginx")
    tree["spec"]["nodeSelector"] = {"disktype": "ssd"}
    c.apply(tree)
    c.settle()
    assert c.get("pod", "fast").status.phase == "Running"


def test_a_pod_that_the_node_does_not_suit_is_refused(c):
    tree = pod("fast", "nginx")
    tree["spec"] |= {"nodeName": "node-1", "nodeSelector": {"disktype": "ssd"}}
    c.apply(tree)
    c.settle()
    status = c.get("pod", "fast").status
    assert (status.phase, status.reason) == ("Failed", "NodeAffinity")
