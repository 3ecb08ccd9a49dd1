"""RuntimeClass: a pod gets the overhead and the placement of its class.

Source: plugin/pkg/admission/runtimeclass, KEP-688 (pod overhead).
"""

from __future__ import annotations

from navarch.base import quantity
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, Attributes, Plugin, World


def admit(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for an unknown class and for what contradicts it."""
    spec = attributes.tree["spec"]
    found = _class_of(attributes, spec, world)
    if found is None:
        return
    _set_overhead(attributes, spec, found)
    _set_placement(attributes, spec, found.get("scheduling") or {})


def validate(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for overhead that no class gives."""
    spec = attributes.tree["spec"]
    found = _class_of(attributes, spec, world)
    if spec.get("overhead") and not _overhead(found):
        why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        raise attributes.forbidden(why)


def _class_of(attributes: Attributes, spec: Tree, world: World) -> Tree | None:
    name = spec.get("runtimeClassName")
    if not name:
        return None
    found = world.get("runtimeclasses.node.k8s.io", "", name)
    if found is None:
        raise attributes.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _overhead(found: Tree | None) -> Tree:
    fixed: Tree = ((found or {}).get("overhead") or {}).get("podFixed") or {}
    return fixed


def _set_overhead(attributes: Attributes, spec: Tree, found: Tree) -> None:
    overhead = _overhead(found)
    if not overhead:
        return
    if spec.get("overhead") and _amounts(spec["overhead"]) != _amounts(overhead):
        raise attributes.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    spec["overhead"] = dict(overhead)


def _amounts(resources: Tree) -> dict[str, int]:
    return {name: quantity.parse(str(amount)).nano for name, amount in resources.items()}


def _set_placement(attributes: Attributes, spec: Tree, scheduling: Tree) -> None:
    if selector := scheduling.get("nodeSelector"):
        own = spec.setdefault("nodeSelector", {})
        for key, value in selector.items():
            if own.get(key, value) != value:
                raise attributes.forbidden(
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {own[key]}"
                )
        own.update(selector)
    tolerations = spec.get("tolerations", [])
    added = [dict(t) for t in scheduling.get("tolerations") or () if t not in tolerations]
    if added:
        spec["tolerations"] = [*tolerations, *added]


PLUGIN = Plugin("RuntimeClass", (CREATE,), ("pods",), admit=admit, validate=validate)
