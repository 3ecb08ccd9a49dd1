"""`kubectl drain`: cordon a node and evict its pods."""

from __future__ import annotations

import time

from navarch.base import times
from navarch.cli import writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.selection import CHUNK_SIZE, Found, list_all
from navarch.cli.session import Session
from navarch.cli.verbs.delete import wait_until_gone
from navarch.cli.verbs.node import NODE_FLAGS, nodes, set_unschedulable
from navarch.schema.types import Tree

_MIRROR = "kubernetes.io/config.mirror"
#: How long to wait before an eviction that a disruption budget refuses is tried again.
_RETRY_S = 5.0


def run(session: Session, options: Options, words: Words) -> int:
    problems: list[CliError] = []
    for node in nodes(session, options, words, "drain"):
        try:
            if isinstance(node, CliError):
                raise node
            set_unschedulable(session, options, node, True)
            _drain(session, options, node)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _drain(session: Session, options: Options, node: Found) -> None:
    query = [("fieldSelector", f"spec.nodeName={node.name}")]
    if options.pod_selector:
        query.append(("labelSelector", options.pod_selector))
    pods = list_all(session, session.resources.find("pods"), "", query).get("items") or []
    leaving = _leaving(session, options, node, pods)
    dry = printer.dry_run(options)
    suffix = printer.dry_run_suffix(dry)
    for pod in leaving:
        metadata = pod["metadata"]
        verb = "deleting" if options.disable_eviction else "evicting"
        session.say(f"{verb} pod {metadata['namespace']}/{metadata['name']}{suffix}")
        if dry == "none":
            _evict(session, options, pod)
    session.say(f"node/{node.name} drained{suffix}")


def _leaving(session: Session, options: Options, node: Found, pods: list[Tree]) -> list[Tree]:
    """The pods to evict. Raises: CliError if some are in the way and no flag allows to remove them."""
    leaving: list[Tree] = []
    obstacles: dict[str, list[str]] = {}
    ignored: list[str] = []
    for pod in pods:
        metadata = pod["metadata"]
        title = f"{metadata['namespace']}/{metadata['name']}"
        owner = next((o for o in metadata.get("ownerReferences") or [] if o.get("controller")), None)
        over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if _MIRROR in (metadata.get("annotations") or {}):
            continue
        if owner and owner["kind"] == "DaemonSet" and not over:
            if options.ignore_daemonsets:
                ignored.append(title)
            else:
                obstacles.setdefault("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", []).append(title)
            continue
        local = any("emptyDir" in volume for volume in pod["spec"].get("volumes") or [])
        if _skipped(options, metadata):
            continue
        if local and not over and not options.delete_emptydir_data:
            obstacles.setdefault("Pods with local storage (use --delete-emptydir-data to override)", []).append(title)
        elif owner is None and not over and not options.force:
            why = "Pods that declare no controller (use --force to override)"
            obstacles.setdefault(why, []).append(title)
        else:
            leaving.append(pod)
    if obstacles:
        text = ", ".join(f"cannot delete {why}: {', '.join(titles)}" for why, titles in sorted(obstacles.items()))
        session.complain(f'error: unable to drain node "{node.name}" due to error: {text}, continuing command...')
        raise CliError(f"There are pending nodes to be drained:\n {node.name}\n{text}", prefix=False)
    if ignored:
        session.complain(f"Warning: ignoring DaemonSet-managed Pods: {', '.join(ignored)}")
    return leaving


def _skipped(options: Options, metadata: Tree) -> bool:
    """Whether the pod has been going for longer than one wants to wait for."""
    limit_s, since = options.skip_wait_for_delete_timeout, metadata.get("deletionTimestamp")
    return bool(limit_s and since and time.time() - times.parse(since) > limit_s)


def _evict(session: Session, options: Options, pod: Tree) -> None:
    metadata = pod["metadata"]
    resource = session.resources.find("pods")
    path = resource.path(metadata["namespace"], metadata["name"])
    grace_s = options.grace_period if options.grace_period >= 0 else None
    end = time.monotonic() + options.timeout if options.timeout else None
    while True:
        try:
            if options.disable_eviction:
                writes.delete(session, path, grace_s=grace_s)
            else:
                session.client.request("POST", f"{path}/eviction", (), _eviction(metadata, grace_s))
            break
        except ApiError as error:
            if error.reason == "NotFound":
                return
            if error.http_code != 429 or (end is not None and time.monotonic() > end):
                raise
            session.complain(
                f'error when evicting pods/"{metadata["name"]}" -n "{metadata["namespace"]}" (will retry after 5s): '
                f"{error.message}"
            )
            time.sleep(_RETRY_S)
    _wait(session, options, resource, metadata, end)
    session.say(
        f"pod/{metadata['name']} evicted" if not options.disable_eviction else f"pod/{metadata['name']} deleted"
    )


def _wait(session: Session, options: Options, resource: Resource, metadata: Tree, end: float | None) -> None:
    """Until the pod is gone, or has been going for longer than one wants to wait for."""
    left = 0.0 if end is None else max(end - time.monotonic(), 0.1)
    patience_s = float(options.skip_wait_for_delete_timeout)
    if patience_s:
        left = min(left or patience_s, patience_s)
    try:
        wait_until_gone(
            session, resource, metadata["namespace"], metadata["name"], None, timeout_s=left, uid=metadata["uid"]
        )
    except CliError:
        if not patience_s or (end is not None and time.monotonic() > end):
            raise


def _eviction(metadata: Tree, grace_s: int | None) -> Tree:
    tree: Tree = {
        "kind": "Eviction",
        "apiVersion": "policy/v1",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
    }
    if grace_s is not None:
        tree["deleteOptions"] = {"gracePeriodSeconds": grace_s}
    return tree


COMMAND = Command(
    name="drain",
    summary="Empty a node: no new pods, and those that are there move",
    usage="NODE",
    examples=(("For maintenance", "drain node-1 --ignore-daemonsets"),),
    flags=(
        *NODE_FLAGS,
        CHUNK_SIZE,
        Flag("delete-emptydir-data", kind="bool", help="Also pods whose emptyDir data will be lost"),
        Flag("disable-eviction", kind="bool", help="Delete pods, past disruption budgets"),
        Flag("force", kind="bool", help="Also pods that nobody will replace"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that a pod gets; -1: its own"),
        Flag("ignore-daemonsets", kind="bool", help="Leave pods of daemon sets where they are"),
        Flag("pod-selector", help="Only pods whose labels match"),
        Flag(
            "skip-wait-for-delete-timeout", kind="int", help="Do not wait for pods that go for longer than this, in s"
        ),
        Flag("timeout", kind="duration", help="How long to wait; 0: as long as it takes"),
    ),
    run=run,
)
