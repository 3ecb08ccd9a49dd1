"""How far a rollout is, in kubectl's words."""

from __future__ import annotations

from navarch.cli.errors import CliError
from navarch.cli.selection import Found
from navarch.schema.types import Tree


def describe_state(found: Found, revision: int = 0) -> tuple[str, bool]:
    """The state, and whether the rollout is over. Raises: CliError when it failed, or for other kinds."""
    kind = found.resource.kind
    if kind == "Deployment":
        return _deployment(found, revision)
    if kind == "DaemonSet":
        return _daemon_set(found)
    if kind == "StatefulSet":
        return _stateful_set(found)
    raise CliError(f"no status viewer has been implemented for {kind}")


def _deployment(found: Found, revision: int) -> tuple[str, bool]:
    name, spec, status = found.name, found.tree["spec"], found.tree.get("status") or {}
    if revision:
        annotations = found.tree["metadata"].get("annotations") or {}
        current = int(annotations.get("deployment.kubernetes.io/revision") or 0)
        if current != revision:
            raise CliError(f"desired revision ({revision}) is different from the running revision ({current})")
    if not _observed(found.tree):
        return "Waiting for deployment spec update to be observed...", False
    progressing = next((c for c in status.get("conditions") or [] if c["type"] == "Progressing"), None)
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise CliError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    total, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{waiting}{total - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _daemon_set(found: Found) -> tuple[str, bool]:
    name, spec, status = found.name, found.tree["spec"], found.tree.get("status") or {}
    if (spec.get("updateStrategy") or {}).get("type") != "RollingUpdate":
        raise CliError("rollout status is only available for RollingUpdate strategy type")
    if not _observed(found.tree):
        return "Waiting for daemon set spec update to be observed...", False
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...", False
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _stateful_set(found: Found) -> tuple[str, bool]:
    spec, status = found.tree["spec"], found.tree.get("status") or {}
    if (spec.get("updateStrategy") or {}).get("type") != "RollingUpdate":
        raise CliError("rollout status is only available for RollingUpdate strategy type")
    if not _observed(found.tree):
        return "Waiting for statefulset spec update to be observed...", False
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    partition = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0
    updated = status.get("updatedReplicas", 0)
    if partition:
        if updated < wanted - partition:
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition} new pods have been "
                "updated...",
                False,
            )
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    if status.get("updateRevision") != status.get("currentRevision"):
        revision = status.get("updateRevision")
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {revision}...", False
    current = status.get("currentReplicas", 0)
    return f"statefulset rolling update complete {current} pods at revision {status.get('currentRevision')}...", True


def _observed(tree: Tree) -> bool:
    """Whether the controller has seen the latest change."""
    return bool((tree.get("status") or {}).get("observedGeneration", 0) >= tree["metadata"].get("generation", 0))
