"""What admission makes of pods, and which it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.server.admission.pod_standards import violations
from tests.server.peer import Peer

PODS = "/api/v1/namespaces/default/pods"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(container: dict[str, Any] | None = None, called: str = "p", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i", **(container or {})}]
    return {"metadata": {"name": called}, "spec": {"containers": containers, **spec}}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (pod(), []),
        (pod(hostPID=True, hostNetwork=True), ["host namespaces (hostNetwork=true, hostPID=true)"]),
        (
            pod({"ports": [{"hostPort": 81}, {"hostPort": 80}]}),
            ['hostPorts (container "c" uses hostPorts 80, 81)'],
        ),
        (
            pod(volumes=[{"name": "b", "hostPath": {}}, {"name": "a", "hostPath": {}}]),
            ['hostPath volumes (volumes "b", "a")'],
        ),
        (
            pod({"securityContext": {"seLinuxOptions": {"type": "x", "user": "u"}}}),
            [
                'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: '
                'type "x"; user may not be set)'
            ],
        ),
        (
            pod({"livenessProbe": {"httpGet": {"host": "h", "port": 1}}}),
            ['probe or lifecycle host (container "c" uses probe or lifecycle host "h")'],
        ),
        (
            pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
            ["forbidden sysctls (kernel.msgmax)"],
        ),
        (
            pod({"securityContext": {"procMount": "Unmasked"}}),
            ['procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
        ),
    ],
)
def test_baseline(tree: dict[str, Any], expected: list[str]) -> None:
    assert violations("baseline", tree) == expected
    assert violations("privileged", tree) == []


def test_restricted_adds_to_baseline() -> None:
    assert violations("restricted", pod({"securityContext": RESTRICTED})) == []
    assert [v.split(" (")[0] for v in violations("restricted", pod())] == [
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "seccompProfile",
    ]
    root = pod({"securityContext": {**RESTRICTED, "runAsUser": 0}})
    assert violations("restricted", root) == ['runAsUser=0 (container "c" must not set runAsUser=0)']
    assert violations("restricted", {**root, "spec": {**root["spec"], "hostUsers": False}}) == []


def test_namespace_labels_choose_the_level(peer: Peer) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "restricted"}
    peer.post(PODS, pod(hostNetwork=True))
    merge = {"media": "application/merge-patch+json"}
    response = peer.send("PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": labels}}, **merge)
    assert [value for name, value in response.headers if name == "Warning"] == [
        '299 - "existing pods in namespace \\"default\\" violate the new PodSecurity enforce level '
        '\\"baseline:latest\\""',
        '299 - "p: host namespaces"',
    ]
    status, message = peer.refused("POST", PODS, pod(called="q", hostNetwork=True))
    assert (status, message) == (
        403,
        'pods "q" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    )
    warned = peer.send("POST", PODS, pod(called="q"))
    assert warned.status == 201
    assert any(name == "Warning" and "restricted:latest" in value for name, value in warned.headers)
    labels = {"pod-security.kubernetes.io/enforce": "none"}
    assert peer.send("PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": labels}}, **merge).status == 422


def test_limits_fill_in_and_bind(peer: Peer) -> None:
    limit = {"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "100m"}, "default": {"memory": "1Gi"}}
    item = {"metadata": {"name": "l"}, "spec": {"limits": [limit]}}
    peer.post("/api/v1/namespaces/default/limitranges", item)
    made = peer.post(PODS, pod())
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "2", "memory": "1Gi"}}
    assert made["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory request for container c; "
        "cpu, memory limit for container c"
    }
    small = {"resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "3"}}}
    status, message = peer.refused("POST", PODS, pod(small, called="q"))
    assert status == 403
    assert message == (
        'pods "q" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, '
        "maximum cpu usage per Container is 2, but limit is 3]"
    )


def test_a_quota_is_charged_and_refuses_what_exceeds_it(peer: Peer) -> None:
    quotas = "/api/v1/namespaces/default/resourcequotas"
    hard = {"pods": "2", "requests.cpu": "1"}
    peer.post(quotas, {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    merge = {"media": "application/merge-patch+json"}
    used = {"pods": "0", "requests.cpu": "0"}
    peer.ok("PATCH", f"{quotas}/q/status", {"status": {"hard": hard, "used": used}}, **merge)
    asking = {"resources": {"requests": {"cpu": "400m"}}}
    peer.post(f"{PODS}?dryRun=All", pod(asking))
    peer.post(PODS, pod(asking))
    assert peer.get(f"{quotas}/q")["status"]["used"] == {"pods": "1", "requests.cpu": "400m"}
    assert peer.refused("POST", PODS, pod(called="b")) == (
        403,
        'pods "b" is forbidden: failed quota: q: must specify requests.cpu for: c',
    )
    greedy = {"resources": {"requests": {"cpu": "700m"}}}
    assert peer.refused("POST", PODS, pod(greedy, called="b")) == (
        403,
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=700m, used: requests.cpu=400m, '
        "limited: requests.cpu=1",
    )


def test_a_runtime_class_gives_overhead_and_placement(peer: Peer) -> None:
    classes = "/apis/node.k8s.io/v1/runtimeclasses"
    scheduling = {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]}
    overhead = {"podFixed": {"cpu": "250m"}}
    tree = {"metadata": {"name": "vm"}, "handler": "vm", "overhead": overhead, "scheduling": scheduling}
    peer.post(classes, tree)
    spec = peer.post(PODS, pod(runtimeClassName="vm"))["spec"]
    assert spec["overhead"] == {"cpu": "250m"}
    assert spec["nodeSelector"] == {"vm": "yes"}
    assert {"key": "vm", "operator": "Exists"} in spec["tolerations"]
    assert peer.refused("POST", PODS, pod(called="q", runtimeClassName="none")) == (
        403,
        'pods "q" is forbidden: pod rejected: RuntimeClass "none" not found',
    )
