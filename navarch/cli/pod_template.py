"""Where workloads have their pod template, and patches for it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any

from navarch.cli.errors import CliError
from navarch.cli.selection import Found
from navarch.schema.types import Tree

#: The strategic merge patch for an object; empty if nothing is to be changed.
Change = Callable[[Found], Tree]

_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template", "spec"),
    ),
}


def _path(found: Found) -> tuple[str, ...]:
    path = _PATHS.get(found.resource.kind)
    if path is None:
        raise CliError(f"the object is not a pod or does not have a pod template: {found.resource.kind}")
    return path


def pod_spec(found: Found) -> Tree:
    """The pod's or the template's spec. Raises: CliError for kinds without pods."""
    value: Any = found.tree
    for key in _path(found):
        value = value[key]
    tree: Tree = value
    return tree


def wrap(found: Found, body: Tree) -> Tree:
    """A patch of the pod spec as a patch of the object."""
    if not body:
        return {}
    for key in reversed(_path(found)):
        body = {key: body}
    return body


def containers_named(spec: Tree, pattern: str) -> list[Tree]:
    """The containers whose names fit a pattern with `*`."""
    return [c for c in spec.get("containers") or [] if fnmatch.fnmatchcase(c["name"], pattern)]
