"""Priority: a pod's priority class becomes its number and its preemption policy; there is one default class at
most, and those of the system stay.

Source: plugin/pkg/admission/priority; registry/scheduling/priorityclass.
"""

from __future__ import annotations

from navarch.api.validation.disruption import SYSTEM_CLASSES
from navarch.base.errors import forbidden
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, DELETE, UPDATE, Attributes, Plugin, World

_BUCKET = "priorityclasses.scheduling.k8s.io"


def admit(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for an unknown class or a number that contradicts it."""
    pod = attributes.obj
    assert pod is not None
    spec = pod["spec"]
    if attributes.old is not None:
        _keep(spec, attributes.old["spec"])
        return
    found = _class_of(spec, world)
    name = spec.get("priorityClassName", "")
    if name and found is None:
        raise forbidden("pods", attributes.name, f"no PriorityClass with name {name} was found")
    value = found.get("value", 0) if found else 0
    policy = found.get("preemptionPolicy", "PreemptLowerPriority") if found else "PreemptLowerPriority"
    if found and not name:
        spec["priorityClassName"] = found["metadata"]["name"]
    if spec.get("priority") is not None and spec["priority"] != value:
        why = f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
        why += f"priority admission controller computed {value} from the given PriorityClass name"
        raise forbidden("pods", attributes.name, why)
    if spec.get("preemptionPolicy") not in (None, policy):
        why = f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
        why += f"priority admission controller computed {policy} from the given PriorityClass name"
        raise forbidden("pods", attributes.name, why)
    spec["priority"] = value
    spec["preemptionPolicy"] = policy


def _keep(spec: Tree, old: Tree) -> None:
    """What was computed once stays where an update does not name it."""
    for name in ("priority", "preemptionPolicy"):
        if spec.get(name) is None and old.get(name) is not None:
            spec[name] = old[name]


def _class_of(spec: Tree, world: World) -> Tree | None:
    if name := spec.get("priorityClassName"):
        return world.get(_BUCKET, "", name)
    # Of several defaults the lowest counts.
    defaults = [c for c in world.list(_BUCKET) if c.get("globalDefault")]
    return min(defaults, key=lambda c: (c["value"], c["metadata"]["name"]), default=None)


def check_default(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for a second default."""
    asked = attributes.obj
    if asked is None or not asked.get("globalDefault"):
        return
    standing = _class_of({}, world)
    if standing is not None and (attributes.old is None or standing["metadata"]["name"] != attributes.name):
        name = standing["metadata"]["name"]
        raise attributes.forbidden(f"PriorityClass {name} is already marked as default. Only one default can exist")


def keep_system_classes(attributes: Attributes, _world: World) -> None:
    """Raises: StatusError 403."""
    if attributes.name in SYSTEM_CLASSES:
        raise attributes.forbidden("this is a system priority class and cannot be deleted")


DEFAULT_CLASS = Plugin("Priority", (CREATE, UPDATE), (_BUCKET,), validate=check_default)
SYSTEM_CLASS = Plugin("SystemPriorityClasses", (DELETE,), (_BUCKET,), validate=keep_system_classes)
PLUGIN = Plugin("Priority", (CREATE, UPDATE), ("pods",), admit=admit)
