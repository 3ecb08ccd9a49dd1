"""From what a command names to a pod: the pod itself, or one that a workload owns; and its container."""

from __future__ import annotations

import time
from collections.abc import Callable

from navarch.base.selector import parse_labels
from navarch.cli.errors import CliError
from navarch.cli.selection import lookup, parse_names
from navarch.cli.session import Session
from navarch.schema.types import Tree

FINAL = ("Succeeded", "Failed")
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def find_pods(session: Session, word: str) -> list[Tree]:
    """The pods that `web-0`, `pod/web-0` or `deployment/web` means. Raises: ApiError, CliError."""
    if "/" not in word:
        return [lookup(session, session.resources.find("pods"), session.namespace, word).tree]
    ((resource, name),) = parse_names(session, [word]).pairs
    found = lookup(session, resource, session.namespace, name)
    if resource.kind == "Pod":
        return [found.tree]
    selector = _selector(found.tree, resource.kind)
    pods = pods_of(session, selector)
    if not pods:
        raise CliError("timed out waiting for the condition")
    return sorted(pods, key=_preference)


def pods_of(session: Session, selector: str) -> list[Tree]:
    path = session.resources.find("pods").path(session.namespace)
    parse_labels(selector)
    return session.client.get(path, [("labelSelector", selector)]).tree().get("items") or []


def _selector(tree: Tree, kind: str) -> str:
    selector = (tree.get("spec") or {}).get("selector")
    if not selector:
        raise CliError(f"cannot attach to *v1.{kind}: selector for *v1.{kind} not implemented")
    labels = selector if kind in ("Service", "ReplicationController") else selector.get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _preference(pod: Tree) -> tuple[int, int, str]:
    """Running and ready pods first, then older ones."""
    status = pod.get("status") or {}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or [])
    running = status.get("phase") == "Running"
    return (0 if running else 1, 0 if ready else 1, pod["metadata"]["name"])


def container_of(session: Session, pod: Tree, name: str, *, quiet: bool = False) -> str:
    """The container of that name, or the pod's default one. Raises: CliError."""
    spec = pod["spec"]
    names = [c["name"] for key in ("containers", "initContainers", "ephemeralContainers") for c in spec.get(key) or []]
    shown = pod["metadata"]["name"]
    if name:
        if name not in names:
            raise CliError(f"container {name} is not valid for pod {shown} out of: {', '.join(names)}")
        return name
    annotations = pod["metadata"].get("annotations") or {}
    if annotations.get(_DEFAULT_CONTAINER) in names:
        return str(annotations[_DEFAULT_CONTAINER])
    if len(names) > 1 and not quiet:
        listed = ", ".join(_described(pod))
        session.complain(f'Defaulted container "{names[0]}" out of: {listed}')
    return str(names[0])


def _described(pod: Tree) -> list[str]:
    spec = pod["spec"]
    shown = [c["name"] for c in spec["containers"]]
    shown += [f"{c['name']} (init)" for c in spec.get("initContainers") or []]
    return shown + [f"{c['name']} (ephem)" for c in spec.get("ephemeralContainers") or []]


def wait_until_running(session: Session, name: str, timeout_s: float, container: str = "") -> Tree:
    """The pod as soon as it, or the container, runs or is over. Raises: CliError when the time is up."""
    return _wait_until(session, name, timeout_s, lambda pod: _is_up(pod, container))


def wait_until_over(session: Session, name: str, timeout_s: float) -> Tree:
    """The pod as soon as all its containers have ended for good. Raises: CliError when the time is up."""
    return _wait_until(session, name, timeout_s, lambda pod: (pod.get("status") or {}).get("phase") in FINAL)


def _wait_until(session: Session, name: str, timeout_s: float, reached: Callable[[Tree], bool]) -> Tree:
    resource = session.resources.find("pods")
    end = time.monotonic() + timeout_s
    pod = session.client.get(resource.path(session.namespace, name)).tree()
    while not reached(pod):
        left = end - time.monotonic()
        if left <= 0:
            raise CliError("timed out waiting for the condition")
        query = [
            ("fieldSelector", f"metadata.name={name}"),
            ("resourceVersion", pod["metadata"]["resourceVersion"]),
            ("timeoutSeconds", str(max(1, round(left)))),
        ]
        for event in session.client.watch(resource.path(session.namespace), query):
            if event["type"] == "DELETED":
                raise CliError("pod was deleted before it ran")
            if event["type"] in ("ADDED", "MODIFIED"):
                pod = event["object"]
                break
    return pod


def _is_up(pod: Tree, container: str) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") in FINAL:
        return True
    states = status.get("containerStatuses") or []
    if container:
        states = [s for s in (*states, *(status.get("ephemeralContainerStatuses") or ())) if s["name"] == container]
    return bool(states) and all(
        "running" in (s.get("state") or {}) or "terminated" in (s.get("state") or {}) for s in states
    )
