"""The revisions of a workload: a deployment's replica sets, the others' controller revisions."""

from __future__ import annotations

from typing import NamedTuple

from navarch.cli.errors import CliError
from navarch.cli.selection import Found, list_all
from navarch.cli.session import Session
from navarch.schema.types import Tree

_REVISION = "deployment.kubernetes.io/revision"
_CAUSE = "kubernetes.io/change-cause"


class Revision(NamedTuple):
    """`patch` brings the workload back to it; deployments use the template."""

    number: int
    cause: str
    template: Tree
    patch: Tree
    is_current: bool


def revisions(session: Session, found: Found) -> list[Revision]:
    """Oldest first. Raises: CliError for kinds without history."""
    kind = found.resource.kind
    if kind == "Deployment":
        rows = _owned(session, found, "replicasets.apps")
        current = str((found.tree["metadata"].get("annotations") or {}).get(_REVISION))
        found_rows = [_of_replica_set(tree, current) for tree in rows]
    elif kind in ("DaemonSet", "StatefulSet"):
        rows = _owned(session, found, "controllerrevisions.apps")
        newest = max((row.get("revision", 0) for row in rows), default=0)
        found_rows = [_of_controller_revision(tree, newest) for tree in rows]
    else:
        raise CliError(f"no history viewer has been implemented for {found.resource.kind}")
    return sorted((row for row in found_rows if row.number), key=lambda row: row.number)


def revision_of(history: list[Revision], number: int) -> Revision | None:
    return next((row for row in history if row.number == number), None)


def template_text(revision: Revision) -> str:
    """The pod template of a revision, as describe shows it."""
    from navarch.cli.output.describe.context import Lines
    from navarch.cli.output.describe.workloads import pod_template

    out = Lines()
    pod_template(out, revision.template)
    return out.render()


def _owned(session: Session, found: Found, resource: str) -> list[Tree]:
    listed = list_all(session, session.resources.find(resource), found.namespace)
    uid = found.tree["metadata"]["uid"]
    return [
        item
        for item in listed.get("items") or []
        if any(owner.get("uid") == uid for owner in item["metadata"].get("ownerReferences") or [])
    ]


def _of_replica_set(tree: Tree, current: str) -> Revision:
    annotations = tree["metadata"].get("annotations") or {}
    number = annotations.get(_REVISION, "0")
    template = tree["spec"]["template"]
    return Revision(int(number), annotations.get(_CAUSE, ""), template, {}, number == current)


def _of_controller_revision(tree: Tree, newest: int) -> Revision:
    annotations = tree["metadata"].get("annotations") or {}
    data = tree.get("data") or {}
    template = {k: v for k, v in (data.get("spec") or {}).get("template", {}).items() if k != "$patch"}
    number = tree.get("revision", 0)
    return Revision(number, annotations.get(_CAUSE, ""), template, data, number == newest)
