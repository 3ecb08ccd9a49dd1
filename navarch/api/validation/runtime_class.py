"""RuntimeClass.

Source: kubernetes `pkg/apis/node/validation`.
"""

from __future__ import annotations

from navarch.api.validation.affinity import toleration_errors
from navarch.api.validation.go_form import shown
from navarch.api.validation.labels import label_errors
from navarch.api.validation.resources import container_resource_errors
from navarch.api.validation.rules import Errors, named
from navarch.base import names
from navarch.base.field import duplicate, immutable
from navarch.schema.types import Tree


def runtime_class_errors(tree: Tree) -> Errors:
    errors = named("handler", tree.get("handler"), names.dns1123_label_errors)
    if overhead := tree.get("overhead"):
        limits = {"limits": overhead.get("podFixed") or {}}
        errors += container_resource_errors(limits, "overhead", None)
    scheduling = tree.get("scheduling")
    return errors if scheduling is None else errors + _scheduling_errors(scheduling)


def runtime_class_update_errors(new: Tree, old: Tree) -> Errors:
    handler = new.get("handler", "")
    return [immutable("handler", handler)] if handler != old.get("handler", "") else []


def _scheduling_errors(scheduling: Tree) -> Errors:
    errors = label_errors(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
    tolerations = scheduling.get("tolerations") or []
    errors += toleration_errors(scheduling, "scheduling")
    return errors + [
        duplicate(f"scheduling.tolerations[{index}]", shown("Toleration", toleration))
        for index, toleration in enumerate(tolerations)
        if toleration in tolerations[:index]
    ]
