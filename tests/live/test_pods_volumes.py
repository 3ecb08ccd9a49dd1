"""Pods on real containers: what they are given. Volumes, environment, limits, names, a token that works."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.live.cluster import Namespace, Tree, eventually, pod, shell
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


def field(path: str) -> Tree:
    return {"fieldRef": {"fieldPath": path}}


CONFIG: Tree = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config"},
    "data": {"colour": "blue", "file.conf": "a=1\nb=2\n"},
}
SECRET: Tree = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "secret"},
    "stringData": {"password": "s3cret"},
}


def test_containers_share_a_network_and_a_volume(namespace: Namespace) -> None:
    namespace.apply(
        pod(
            "pair",
            spec={
                "terminationGracePeriodSeconds": 1,
                "volumes": [{"name": "pages", "emptyDir": {}}],
                "initContainers": [
                    shell("first", "echo one > /w/order", volumeMounts=[{"name": "pages", "mountPath": "/w"}]),
                    shell("second", "echo two >> /w/order", volumeMounts=[{"name": "pages", "mountPath": "/w"}]),
                ],
                "containers": [
                    shell("server", "httpd -f -p 8000 -h /w", volumeMounts=[{"name": "pages", "mountPath": "/w"}]),
                    shell("client", "sleep 3600"),
                ],
            },
        )
    )
    namespace.wait_ready("pair")
    fetch = "wget -qO- http://127.0.0.1:8000/order || true"
    assert eventually(lambda: namespace.sh("pair", fetch, "client")) == "one\ntwo"
    own = "hostname -i 2>/dev/null | cut -d' ' -f1"
    assert namespace.sh("pair", own, "client") == namespace.path("pod", "pair", ".status.podIP")
    rows = namespace.kubectl("get", "pod", "pair", "--no-headers").rows
    assert rows[0][1:3] == ["2/2", "Running"]


def test_volumes(namespace: Namespace) -> None:
    volumes = {
        "config": {"configMap": {"name": "config"}},
        "secret": {"secret": {"secretName": "secret", "defaultMode": 0o400}},
        "memory": {"emptyDir": {"medium": "Memory"}},
        "host": {"hostPath": {"path": "/etc", "type": "Directory"}},
        "about": {
            "downwardAPI": {
                "items": [
                    {"path": "labels", **field("metadata.labels")},
                    {"path": "name", **field("metadata.name")},
                ]
            }
        },
        "all": {
            "projected": {
                "sources": [
                    {"configMap": {"name": "config", "items": [{"key": "colour", "path": "deep/colour"}]}},
                    {"serviceAccountToken": {"path": "token", "audience": "somebody", "expirationSeconds": 3600}},
                ]
            }
        },
    }
    mounts = [{"name": name, "mountPath": f"/v/{name}"} for name in volumes]
    mounts.append({"name": "config", "mountPath": "/single.conf", "subPath": "file.conf"})
    spec = {
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": name, **source} for name, source in volumes.items()],
        "containers": [shell("main", "sleep 3600", volumeMounts=mounts)],
    }
    namespace.apply(CONFIG, SECRET, pod("volumes", spec=spec))
    namespace.wait_ready("volumes")
    seen = namespace.sh(
        "volumes",
        "cat /v/config/colour; echo; cat /v/config/file.conf /single.conf /v/secret/password; echo;"
        "stat -Lc %a /v/secret/password; grep -c ' /v/memory tmpfs ' /proc/mounts; ls -d /v/host/ssl;"
        "cat /v/about/labels; echo; cat /v/about/name; echo; cat /v/all/deep/colour; echo; cut -d. -f2 /v/all/token",
    ).splitlines()
    *plain, token = seen
    assert plain == [
        *("blue", "a=1", "b=2", "a=1", "b=2", "s3cret", "400", "1", "/v/host/ssl"),
        *('app="volumes"', "volumes", "blue"),
    ]
    claims = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert '"aud":["somebody"]' in claims.replace(" ", "")
    assert f"system:serviceaccount:{namespace.name}:default" in claims


def test_a_changed_config_map_reaches_the_pod(namespace: Namespace) -> None:
    spec = {
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "config", "configMap": {"name": "config"}}],
        "containers": [shell("main", "sleep 3600", volumeMounts=[{"name": "config", "mountPath": "/c"}])],
    }
    namespace.apply(CONFIG, pod("follows", spec=spec))
    namespace.wait_ready("follows")
    namespace.kubectl("patch", "configmap", "config", "-p", '{"data":{"colour":"green"}}')
    # The kubelet watches what its pods are made of.
    eventually(lambda: namespace.sh("follows", "cat /c/colour") == "green", 10)


def test_environment(namespace: Namespace) -> None:
    env = [
        {"name": "PLAIN", "value": "x"},
        {"name": "NESTED", "value": "<$(PLAIN)> $(UNKNOWN) $$(PLAIN)"},
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "colour"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "password"}}},
        {"name": "ABSENT", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "x", "optional": True}}},
        {"name": "POD_IP", "valueFrom": field("status.podIP")},
        {"name": "NODE", "valueFrom": field("spec.nodeName")},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
    ]
    namespace.apply(
        CONFIG,
        SECRET,
        pod(
            "env",
            env=env,
            envFrom=[{"prefix": "ALL_", "secretRef": {"name": "secret"}}],
            resources={"limits": {"cpu": "200m", "memory": "64Mi"}},
        ),
    )
    namespace.wait_ready("env")
    seen = dict(line.split("=", 1) for line in namespace.sh("env", "env").splitlines() if "=" in line)
    expected = {
        "PLAIN": "x",
        "NESTED": "<x> $(UNKNOWN) $(PLAIN)",
        "COLOUR": "blue",
        "PASSWORD": "s3cret",
        "ALL_password": "s3cret",
        "POD_IP": namespace.path("pod", "env", ".status.podIP"),
        "NODE": namespace.cluster.name,
        "CPU": "200",
        "HOSTNAME": "env",
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "ABSENT" not in seen


def test_limits_are_in_the_cgroup(namespace: Namespace) -> None:
    namespace.apply(pod("limited", resources={"limits": {"cpu": "250m", "memory": "64Mi"}}))
    namespace.wait_ready("limited")
    identifier = namespace.path("pod", "limited", ".status.containerStatuses[0].containerID").removeprefix(
        "containerd://"
    )
    find = f"find /sys/fs/cgroup -type d -name '*{identifier}*' -exec cat {{}}/FILE ';' 2>/dev/null"
    ssh = namespace.cluster.navarch
    assert ssh("ssh", "--", find.replace("FILE", "memory.limit_in_bytes"), check=False).out.strip() == str(64 << 20)
    quota, period = (
        int(ssh("ssh", "--", find.replace("FILE", name), check=False).out)
        for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    )
    assert quota / period == 0.25
    assert namespace.path("pod", "limited", ".status.qosClass") == "Guaranteed"


def test_a_running_pod_is_resized(namespace: Namespace) -> None:
    def sized(cpu: str, memory: str) -> Tree:
        return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}

    def limits() -> list[str]:
        """The kernel's, inside the container and around the pod."""
        files = ("cpu/cpu.cfs_quota_us", "memory/memory.limit_in_bytes")
        if not Path("/sys/fs/cgroup/memory").is_dir():
            files = ("cpu.max", "memory.max")
        return [namespace.sh("grows", f"cat /sys/fs/cgroup/{file}").split()[0] for file in files]

    namespace.apply(pod("grows", resources=sized("200m", "64Mi")))
    namespace.wait_ready("grows")
    assert limits() == ["20000", str(64 << 20)]
    for cpu, memory, kernels in (
        ("400m", "96Mi", ["40000", str(96 << 20)]),
        ("100m", "80Mi", ["10000", str(80 << 20)]),
    ):
        patch = {"spec": {"containers": [{"name": "main", "resources": sized(cpu, memory)}]}}
        namespace.kubectl("patch", "pod", "grows", "--subresource=resize", "-p", json.dumps(patch))
        eventually(lambda wanted=kernels: limits() == wanted)
        status = namespace.get("pod", "grows")["status"]["containerStatuses"][0]
        assert status["resources"] == sized(cpu, memory) and status["restartCount"] == 0


def test_too_much_memory_is_reported(namespace: Namespace) -> None:
    hungry = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}"
    spec = {"restartPolicy": "Never", "containers": [shell("main", hungry, resources={"limits": {"memory": "24Mi"}})]}
    namespace.apply(pod("hungry", spec=spec))
    ended = ".status.containerStatuses[0].state.terminated"
    assert eventually(lambda: namespace.path("pod", "hungry", f"{ended}.reason")) == "OOMKilled"
    assert namespace.path("pod", "hungry", f"{ended}.exitCode") == "137"
    assert namespace.kubectl("get", "pod", "hungry", "--no-headers").rows[0][2] == "OOMKilled"


def test_the_token_works_from_inside(namespace: Namespace) -> None:
    binding = ["create", "rolebinding", "looks", "--clusterrole=view", f"--serviceaccount={namespace.name}:default"]
    namespace.kubectl(*binding)
    namespace.apply(CONFIG, pod("asks"))
    namespace.wait_ready("asks")
    fetch = (
        "d=/var/run/secrets/kubernetes.io/serviceaccount;"
        'wget -qO- --ca-certificate=$d/ca.crt --header="Authorization: Bearer $(cat $d/token)"'
        " https://kubernetes.default.svc/api/v1/namespaces/$(cat $d/namespace)/%s"
    )
    assert '"colour":"blue"' in re.sub(
        r"\s", "", eventually(lambda: namespace.sh("asks", fetch % "configmaps/config || true"))
    )
    refused = namespace.sh("asks", fetch % "secrets 2>&1; echo code $?")
    assert refused.endswith("code 8"), refused


def test_names(namespace: Namespace) -> None:
    """Cluster DNS: Services, headless Services, ExternalName, and the search domains."""
    services: list[Tree] = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "named"}, "ports": [{"name": "http", "port": 80, "targetPort": 8000}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "headless"},
            "spec": {"clusterIP": "None", "selector": {"app": "named"}, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "alias"},
            "spec": {"type": "ExternalName", "externalName": f"web.{namespace.name}.svc.cluster.local"},
        },
    ]
    named = pod("named", "echo found > /tmp/page; httpd -f -p 8000 -h /tmp")
    named["spec"] |= {"hostname": "first", "subdomain": "headless"}
    namespace.apply(*services, named, pod("asks"))
    namespace.wait_ready("named", "asks")
    full = f"{namespace.name}.svc.cluster.local"
    cluster_ip = namespace.path("service", "web", ".spec.clusterIP")
    pod_ip = namespace.path("pod", "named", ".status.podIP")

    def address(name: str) -> str:
        found = namespace.sh("asks", f"nslookup {name} 2>&1 || true")
        return " ".join(re.findall(r"^Address(?: \d+)?: (\S+)$", found.partition("\n\n")[2], re.M))

    eventually(lambda: address(f"web.{full}.") == cluster_ip)
    eventually(lambda: address(f"headless.{full}.") == pod_ip)
    assert address(f"first.headless.{full}.") == pod_ip
    assert address("kubernetes.default.svc.cluster.local.") == "10.96.0.1"
    for name in ("web", f"web.{namespace.name}", f"web.{full}", "alias"):
        assert namespace.sh("asks", f"wget -qO- http://{name}/page") == "found", name
    assert f"search {full} svc.cluster.local cluster.local" in namespace.sh("asks", "cat /etc/resolv.conf")
