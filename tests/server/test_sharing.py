"""A changed object shares what did not change with the one it was made of, and no step changes that one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from navarch.schema.types import Tree
from navarch.server.pipeline import Outcome, Pipeline, Write
from navarch.store.contract import Entry
from tests.server.peer import Peer

PODS = "/api/v1/namespaces/default/pods"
APPS = "/apis/apps/v1/namespaces/default/"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Watched(Pipeline):
    """A pipeline that compares the old object with its document after each change."""

    changes = 0

    async def _change_once(
        self, write: Write, current: Entry, old: Tree, tree: Tree, *, applied: bool
    ) -> Outcome | None:
        outcome = await super()._change_once(write, current, old, tree, applied=applied)
        assert old == orjson.loads(current.value), (write.served.bucket, write.subresource)
        type(self).changes += 1
        return outcome


def template(**spec: Any) -> dict[str, Any]:
    ports = [{"containerPort": 80, "name": "http"}]
    limits = {"cpu": "1", "memory": "1Gi"}
    container = {"name": "c", "image": "i", "ports": ports, "resources": {"limits": limits, "requests": {"cpu": "1"}}}
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], **spec}}


def workload(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template()}}


#: (objects' collection, body, then changes: method, path below the object, body, media type).
CASES: dict[str, tuple[str, dict[str, Any], list[tuple[str, str, Any, str]]]] = {
    "pod": (
        PODS,
        {**template(), "metadata": {"name": "x", "labels": {"a": "b"}, "annotations": {"n": "1"}}},
        [
            ("PATCH", "", {"metadata": {"labels": {"more": "yes"}}}, MERGE),
            ("PATCH", "", {"metadata": {"labels": {"more": None, "a": None}}}, MERGE),
            ("PATCH", "/status", {"status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}}, STRATEGIC),
            ("PATCH", "/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, STRATEGIC),
            ("PATCH", "", [{"op": "add", "path": "/metadata/annotations/k", "value": "v"}], JSON_PATCH),
            ("PATCH", "", [], JSON_PATCH),
            ("PATCH", "", {"spec": {"activeDeadlineSeconds": 9}}, MERGE),
            ("POST", "/binding", {"metadata": {"name": "x"}, "target": {"kind": "Node", "name": "n"}}, MERGE),
        ],
    ),
    "deployment": (
        APPS + "deployments",
        workload("x"),
        [
            ("PATCH", "", {"spec": {"template": {"spec": {"hostNetwork": True}}}}, MERGE),
            (
                "PATCH",
                "",
                {
                    "spec": {
                        "template": {"spec": {"containers": [{"name": "c", "resources": {"limits": {"x/y": "2"}}}]}}
                    }
                },
                STRATEGIC,
            ),
            ("PATCH", "/scale", {"spec": {"replicas": 3}}, MERGE),
            ("PATCH", "", {"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}}, STRATEGIC),
            ("PATCH", "?fieldManager=m&force=true", {**workload("x"), "spec": {"paused": True}}, APPLY),
        ],
    ),
    "daemon set": (
        APPS + "daemonsets",
        {**workload("x"), "metadata": {"name": "x", "annotations": {"n": "1"}}},
        [
            ("PATCH", "", {"metadata": {"labels": {"a": "b"}}}, MERGE),
            ("PATCH", "", {"spec": {"template": {"spec": {"priorityClassName": "p"}}}}, MERGE),
        ],
    ),
    "service": (
        "/api/v1/namespaces/default/services",
        {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}},
        [
            ("PATCH", "", {"spec": {"type": "NodePort"}}, MERGE),
            ("PATCH", "", {"metadata": {"labels": {"a": "b"}}}, MERGE),
            ("PATCH", "", {"spec": {"type": "LoadBalancer"}}, MERGE),
            ("PATCH", "", {"spec": {"type": "ClusterIP"}}, MERGE),
        ],
    ),
    "node": (
        "/api/v1/nodes",
        {"metadata": {"name": "x"}},
        [
            ("PATCH", "", {"spec": {"unschedulable": True}}, STRATEGIC),
            ("PATCH", "/status", {"status": {"capacity": {"cpu": "4000m"}}}, STRATEGIC),
            ("PATCH", "", {"spec": {"taints": None}}, MERGE),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_no_change_reaches_the_old_object(peer: Peer, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(peer.server.pipeline, "__class__", Watched)
    monkeypatch.setattr(Watched, "changes", 0)
    collection, body, changes = CASES[name]
    made = peer.post(collection, body)
    for method, path, change, media in changes:
        if media == APPLY:
            change = {**change, "apiVersion": made["apiVersion"], "kind": made["kind"]}
        peer.ok(method, f"{collection}/x{path}", change, media="application/json" if method == "POST" else media)
    seen = peer.get(f"{collection}/x")
    seen["metadata"]["labels"] = {"put": "yes"}
    changed = peer.ok("PUT", f"{collection}/x", seen)
    assert changed["metadata"]["labels"] == {"put": "yes"} and changed["spec"] == seen["spec"]
    assert Watched.changes == len(changes) + 1
