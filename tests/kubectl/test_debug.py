"""`kubectl debug`: ephemeral containers, copies of pods, and pods on nodes, in each profile."""

from __future__ import annotations

import pytest

from tests.kubectl.objects import container, pod
from tests.kubectl.server import NODE
from tests.kubectl.site import Kubectl, Tree

IMAGES = "--image=busybox --attach=false"
NET = ["NET_ADMIN", "NET_RAW"]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

#: Profile -> the security context of a debug container.
CONTEXTS: dict[str, Tree | None] = {
    "legacy": None,
    "general": {"capabilities": {"add": ["SYS_PTRACE"]}},
    "baseline": None,
    "netadmin": {"capabilities": {"add": NET}},
    "restricted": RESTRICTED,
}
PROFILES = [
    pytest.param("legacy", marks=pytest.mark.suite("kubectl_debug_legacy_tests")),
    pytest.param("general", marks=pytest.mark.suite("kubectl_debug_tests")),
    pytest.param("baseline", marks=pytest.mark.suite("kubectl_debug_baseline_tests")),
    pytest.param("netadmin", marks=pytest.mark.suite("kubectl_debug_netadmin_tests")),
    pytest.param("restricted", marks=pytest.mark.suite("kubectl_debug_restricted_tests")),
]


def images(spec: Tree, field: str = "containers") -> list[tuple[str, str]]:
    return [(each["name"], each["image"]) for each in spec.get(field, [])]


def probed() -> Tree:
    """A pod with labels, annotations, probes and an init container."""
    probe = {"exec": {"command": ["true"]}}
    probes = {"livenessProbe": probe, "readinessProbe": probe, "startupProbe": probe}
    tree = pod("target", {"run": "target"}, container("target", "nginx", **probes))
    tree["metadata"]["annotations"] = {"test": "test"}
    tree["spec"]["initContainers"] = [container("init", "busybox")]
    return tree


@pytest.mark.parametrize("profile", PROFILES)
def test_ephemeral_containers(k: Kubectl, profile: str) -> None:
    k("run target --image=nginx")
    k(f"debug --profile {profile} target -it {IMAGES} -c debug-container")
    spec = k.get("pods", "target")["spec"]
    assert images(spec, "ephemeralContainers") == [("debug-container", "busybox")]
    assert spec["ephemeralContainers"][0].get("securityContext") == CONTEXTS[profile]


@pytest.mark.parametrize("profile", PROFILES)
def test_copies(k: Kubectl, profile: str) -> None:
    k("create -f", k.write("pod.yaml", probed()))
    k(f"debug --profile {profile} target -it --copy-to=target-copy {IMAGES} -c debug-container")
    copy = k.get("pods", "target-copy")
    assert "labels" not in copy["metadata"]
    assert images(copy["spec"]) == [("target", "nginx"), ("debug-container", "busybox")]
    assert copy["spec"]["containers"][1].get("securityContext") == CONTEXTS[profile]
    assert ("livenessProbe" in copy["spec"]["containers"][0]) == (profile == "legacy")
    assert copy["spec"].get("shareProcessNamespace") is (None if profile == "legacy" else True)
    if profile in ("restricted", "legacy"):
        return
    k("delete pod target-copy --force")
    kept = "--keep-labels --keep-annotations --keep-liveness --keep-readiness --keep-startup"
    k(f"debug --profile {profile} target -it --copy-to=target-copy {IMAGES} {kept} --keep-init-containers=false")
    copy = k.get("pods", "target-copy")
    assert copy["metadata"]["labels"] == {"run": "target"}
    assert copy["metadata"]["annotations"]["test"] == "test"
    assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(copy["spec"]["containers"][0])
    assert "initContainers" not in copy["spec"]


@pytest.mark.suite("kubectl_debug_tests")
def test_copies_that_replace(k: Kubectl) -> None:
    k("run target --image=nginx")
    k(f"debug target -it --copy-to=target-copy {IMAGES} -c debug-container --replace")
    assert k.names("pods") == ["target-copy"]
    k("debug target-copy --image=busybox --container=target --copy-to=third -- sleep 1m")
    spec = k.get("pods", "third")["spec"]
    assert images(spec) == [("target", "busybox"), ("debug-container", "busybox")]
    assert spec["containers"][0]["command"] == ["sleep", "1m"]
    file = k.write("pod.yaml", text=k("get pod/third -o yaml"))
    k(f"debug -f {file} --set-image=*=other --copy-to=fourth")
    assert {image for _, image in images(k.get("pods", "fourth")["spec"])} == {"other"}


#: Profile -> whether the pod is in the node's namespaces: IPC, network, processes.
HOST: dict[str, tuple[bool, bool, bool]] = {
    "legacy": (True, True, True),
    "general": (True, True, True),
    "baseline": (False, False, False),
    "netadmin": (True, True, True),
    "restricted": (False, False, False),
}
NODE_PROFILES = [
    pytest.param("legacy", marks=pytest.mark.suite("kubectl_debug_legacy_node_tests")),
    pytest.param("general", marks=pytest.mark.suite("kubectl_debug_node_tests")),
    pytest.param("baseline", marks=pytest.mark.suite("kubectl_debug_baseline_node_tests")),
    pytest.param("netadmin", marks=pytest.mark.suite("kubectl_debug_netadmin_node_tests")),
    pytest.param("restricted", marks=pytest.mark.suite("kubectl_debug_restricted_node_tests")),
]


@pytest.mark.parametrize("profile", NODE_PROFILES)
def test_nodes(k: Kubectl, profile: str) -> None:
    said = k.says(f"debug --profile {profile} node/{NODE} {IMAGES} -- true")
    (made,) = k.list("pods")
    spec = made["spec"]
    assert made["metadata"]["name"] in said
    assert (images(spec)[0][1], spec["nodeName"]) == ("busybox", NODE)
    found = tuple(spec.get(field, False) for field in ("hostIPC", "hostNetwork", "hostPID"))
    assert found == HOST[profile]
    context = spec["containers"][0].get("securityContext")
    assert context == (CONTEXTS[profile] if profile in ("netadmin", "restricted") else None)
    mounts = [each["mountPath"] for each in spec["containers"][0].get("volumeMounts", [])]
    assert ("/host" in mounts) == (profile in ("legacy", "general"))
    k("delete --force pod", made["metadata"]["name"])


@pytest.mark.suite("kubectl_debug_restricted_tests", "kubectl_debug_restricted_node_tests")
def test_in_a_restricted_namespace(k: Kubectl) -> None:
    k(f"label namespace {k.namespace} pod-security.kubernetes.io/enforce=restricted")
    assert "pod-security.kubernetes.io/enforce=restricted" in k(f"get namespaces {k.namespace} --show-labels")
    assert "violates PodSecurity" in k.fails("run target --image=nginx")
    for kind in ({"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "profiles/a.json"}):
        context = RESTRICTED | {"seccompProfile": kind}
        tree = pod("target", None, container("target", "busybox", securityContext=context))
        k("create -f", k.write("pod.yaml", tree))
        said = k.says(f"debug target -it {IMAGES} -c debug-container --profile=restricted")
        assert "violates PodSecurity" not in said
        assert images(k.get("pods", "target")["spec"], "ephemeralContainers") == [("debug-container", "busybox")]
        k(f"debug target -it --copy-to=target-copy {IMAGES} -c debug-container --profile=restricted")
        assert len(images(k.get("pods", "target-copy")["spec"])) == 2
        k("delete pod target target-copy --force")
    assert "violates PodSecurity" in k.fails(f"debug --profile general node/{NODE} {IMAGES} -- true")
    said = k.says(f"debug --profile restricted node/{NODE} {IMAGES} -- true")
    assert "violates PodSecurity" not in said
    (made,) = k.list("pods")
    assert made["spec"]["containers"][0]["securityContext"] == RESTRICTED
    k("delete --force pod", made["metadata"]["name"])


@pytest.mark.suite("kubectl_debug_custom_profile_tests")
def test_custom_profiles(k: Kubectl) -> None:
    env = {"env": [{"name": "ENV_VAR1", "value": "value1"}, {"name": "ENV_VAR2", "value": "value2"}]}
    custom = k.write("custom.yaml", env)
    k("run target --image=nginx")
    k(f"debug target -it {IMAGES} -c debug-container --profile=general --custom={custom}")
    assert k.get("pods", "target")["spec"]["ephemeralContainers"][0]["env"] == env["env"]
    k(f"debug target -it --copy-to=target-copy {IMAGES} -c other --profile=general --custom={custom}")
    assert k.get("pods", "target-copy")["spec"]["containers"][1]["env"] == env["env"]
    k("delete pod target target-copy --force")
    k(f"debug --profile general node/{NODE} {IMAGES} --custom={custom} -- true")
    (made,) = k.list("pods")
    assert made["spec"]["containers"][0]["env"] == env["env"]
    k("delete --force pod", made["metadata"]["name"])


@pytest.mark.suite("kubectl_debug_warning_tests")
def test_debugging_as_another_user(k: Kubectl) -> None:
    """That some rights may not work is what newer clients warn of; the pods are the same."""
    context = {"runAsUser": 1000, "runAsNonRoot": True}
    k("create -f", k.write("pod.yaml", pod("target", None, securityContext=context)))
    k(f"debug target -it {IMAGES} -c debug-container --profile=netadmin")
    assert images(k.get("pods", "target")["spec"], "ephemeralContainers") == [("debug-container", "busybox")]
    k(f"debug target -it --copy-to=copy {IMAGES} -c debug-container --profile=netadmin")
    assert k.get("pods", "copy")["spec"]["securityContext"] == context
