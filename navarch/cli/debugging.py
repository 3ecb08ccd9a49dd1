"""What `kubectl debug` adds to a pod, makes of a copy of it, or runs on a node. Pure.

Source: kubectl `debug` and its profiles.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final, NamedTuple

from navarch.schema.types import Tree

PROFILES: Final = ("general", "baseline", "restricted", "netadmin", "sysadmin", "legacy")
#: Profiles whose node pods see the node's files, and those that share its namespaces.
_HOST_FILES: Final = ("general", "sysadmin", "legacy")
_HOST_NAMESPACES: Final = ("general", "netadmin", "sysadmin", "legacy")


class Wish(NamedTuple):
    """What the command line says of the debugging container."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    env: tuple[Tree, ...] = ()
    pull_policy: str = ""
    stdin: bool = False
    tty: bool = False
    target: str = ""
    profile: str = "general"
    #: A part of a container, merged over all the rest.
    custom: Tree = {}  # noqa: RUF012 - never changed


class Keep(NamedTuple):
    """What a copy keeps of the pod."""

    labels: bool = False
    annotations: bool = False
    liveness: bool = False
    readiness: bool = False
    startup: bool = False
    init_containers: bool = True


def container(wish: Wish) -> Tree:
    """The debugging container."""
    tree: Tree = {"name": wish.name, "image": wish.image, "resources": {}, "terminationMessagePolicy": "File"}
    for key, value in (
        ("imagePullPolicy", wish.pull_policy),
        ("command", list(wish.command)),
        ("args", list(wish.arguments)),
        ("env", list(wish.env)),
        ("stdin", wish.stdin),
        ("tty", wish.tty),
        ("securityContext", security(wish.profile)),
    ):
        if value:
            tree[key] = value
    if wish.custom:
        from navarch.schema.facts import load
        from navarch.schema.strategic import merge

        tree = merge(load().type("io.k8s.api.core.v1.Container"), tree, wish.custom)
    return tree


def security(profile: str) -> Tree:
    """The security context that a profile gives to the debugging container."""
    match profile:
        case "general":
            return {"capabilities": {"add": ["SYS_PTRACE"]}}
        case "restricted":
            return {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            }
        case "netadmin":
            return {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
        case "sysadmin":
            return {"privileged": True}
    return {}


def with_ephemeral(pod: Tree, wish: Wish) -> Tree:
    """The pod with the debugging container among its ephemeral ones."""
    added = container(wish)
    if wish.target:
        added["targetContainerName"] = wish.target
    spec = pod["spec"]
    return {**pod, "spec": {**spec, "ephemeralContainers": [*spec.get("ephemeralContainers", ()), added]}}


def copy(
    pod: Tree, name: str, wish: Wish, images: dict[str, str], keep: Keep, *, same_node: bool, share: bool | None
) -> Tree:
    """A new pod like the old one, with a debugging container more, or another image or command in one that is there.

    `images`: new images by container name, `*` for all. `share`: whether processes see each other.
    """
    spec = deepcopy(pod["spec"])
    spec.pop("ephemeralContainers", None)
    if not same_node:
        spec.pop("nodeName", None)
    if not keep.init_containers:
        spec.pop("initContainers", None)
    for each in (*spec["containers"], *spec.get("initContainers", ())):
        if each["name"] in images or "*" in images:
            each["image"] = images.get(each["name"]) or images["*"]
        for probe in ("liveness", "readiness", "startup"):
            if wish.profile != "legacy" and not getattr(keep, probe):
                each.pop(f"{probe}Probe", None)
    _place(spec["containers"], wish)
    if share if share is not None else bool(wish.image) and wish.profile != "legacy":
        spec["shareProcessNamespace"] = True
    metadata: Tree = {"name": name, "namespace": pod["metadata"]["namespace"]}
    for key in ("labels", "annotations"):
        if getattr(keep, key) and pod["metadata"].get(key):
            metadata[key] = dict(pod["metadata"][key])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _place(containers: list[Tree], wish: Wish) -> None:
    """Change the container that has the wish's name, or add one."""
    mine = next((each for each in containers if each["name"] == wish.name), None)
    if mine is None:
        if wish.image:
            containers.append(container(wish))
        return
    changes = container(wish)
    for key in ("image", "command", "args", "env", "imagePullPolicy", "stdin", "tty", "securityContext"):
        if changes.get(key):
            mine[key] = changes[key]
    if wish.command or wish.arguments:
        mine.update({"command": list(wish.command) or None, "args": list(wish.arguments) or None})
        for key in ("command", "args"):
            if mine[key] is None:
                del mine[key]


def node_pod(node: str, name: str, namespace: str, wish: Wish) -> Tree:
    """A pod on the node, as near to it as the profile allows."""
    debugger = container(wish)
    spec: Tree = {
        "containers": [debugger],
        "nodeName": node,
        "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
    }
    if wish.profile in _HOST_NAMESPACES:
        spec.update({"hostIPC": True, "hostNetwork": True, "hostPID": True})
    if wish.profile in _HOST_FILES:
        spec["volumes"] = [{"name": "host-root", "hostPath": {"path": "/"}}]
        debugger["volumeMounts"] = [{"name": "host-root", "mountPath": "/host"}]
    if wish.profile == "general":
        debugger.pop("securityContext", None)
    labels = {"app.kubernetes.io/managed-by": "kubectl-debug"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
