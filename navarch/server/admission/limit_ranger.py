"""LimitRanger: containers get the namespace's default requests and limits, and must stay within its bounds.

Source: plugin/pkg/admission/limitranger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from navarch.base import quantity
from navarch.base.quantity import Quantity
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

_ANNOTATION = "kubernetes.io/limit-ranger"

#: Amounts by resource name.
Amounts = dict[str, Quantity]

#: (limit, resource, bound, requests, limits) -> what is wrong, empty when nothing is.
Judge = Callable[[Tree, str, Quantity, Amounts, Amounts], str]


def admit(attributes: Attributes, world: World) -> None:
    """Fill in what containers leave out, and note it in an annotation."""
    for item in world.list("limitranges", attributes.namespace):
        _fill(attributes.tree, item)


def validate(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 with all that is out of bounds."""
    for item in world.list("limitranges", attributes.namespace):
        judge = _pod_errors if attributes.bucket == "pods" else _claim_errors
        errors = list(dict.fromkeys(judge(attributes.tree, item["spec"].get("limits") or ())))
        if errors:
            raise attributes.forbidden(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


# --- defaults


def _fill(pod: Tree, item: Tree) -> None:
    requests: Tree = {}
    limits: Tree = {}
    for limit in item["spec"].get("limits") or ():
        if limit["type"] == "Container":
            requests |= limit.get("defaultRequest") or {}
            limits |= limit.get("default") or {}
    notes: list[str] = []
    for kind, field in (("container", "containers"), ("init container", "initContainers")):
        for container in pod["spec"].get(field) or ():
            notes += _fill_container(container, kind, requests, limits)
    if notes:
        text = "LimitRanger plugin set: " + "; ".join(notes)
        pod["metadata"]["annotations"] = {**pod["metadata"].get("annotations", {}), _ANNOTATION: text}


def _fill_container(container: Tree, kind: str, requests: Tree, limits: Tree) -> Iterator[str]:
    resources = container.setdefault("resources", {})
    for field, defaults in (("requests", requests), ("limits", limits)):
        own = resources.get(field) or {}
        added = sorted(defaults.keys() - own.keys())
        if added:
            resources[field] = dict(sorted({**own, **{name: defaults[name] for name in added}}.items()))
            yield f"{', '.join(added)} {field[:-1]} for {kind} {container['name']}"
    if "limits" in resources:
        container["resources"] = {"limits": resources.pop("limits"), **resources}


# --- bounds


def _pod_errors(pod: Tree, limits: Iterable[Tree]) -> Iterator[str]:
    spec = pod["spec"]
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for limit in limits:
        if limit["type"] == "Container":
            for container in containers:
                yield from _errors(limit, _amounts(container, "requests"), _amounts(container, "limits"))
        elif limit["type"] == "Pod":
            yield from _errors(limit, _total(spec, "requests"), _total(spec, "limits"))


def _claim_errors(claim: Tree, limits: Iterable[Tree]) -> Iterator[str]:
    requests = _amounts(claim["spec"], "requests")
    for limit in limits:
        if limit["type"] == "PersistentVolumeClaim":
            yield from _each(limit, "min", _below, requests, {})
            yield from _each(limit, "max", _request_above, requests, {})


def _errors(limit: Tree, requests: Amounts, limits: Amounts) -> Iterator[str]:
    yield from _each(limit, "min", _below, requests, limits)
    yield from _each(limit, "max", _above, requests, limits)
    yield from _each(limit, "maxLimitRequestRatio", _ratio, requests, limits)


def _each(limit: Tree, field: str, judge: Judge, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, text in sorted((limit.get(field) or {}).items()):
        if error := judge(limit, name, quantity.parse(str(text)), requests, limits):
            yield error


def _below(limit: Tree, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"minimum {name} usage per {limit['type']} is {bound}"
    if name not in requests:
        return f"{head}.  No request is specified"
    if requests[name].nano < bound.nano:
        return f"{head}, but request is {requests[name]}"
    if name in limits and limits[name].nano < bound.nano:
        return f"{head}, but limit is {limits[name]}"
    return ""


def _above(limit: Tree, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"maximum {name} usage per {limit['type']} is {bound}"
    if name not in limits:
        return f"{head}.  No limit is specified"
    if limits[name].nano > bound.nano:
        return f"{head}, but limit is {limits[name]}"
    return _request_above(limit, name, bound, requests, limits) if name in requests else ""


def _request_above(limit: Tree, name: str, bound: Quantity, requests: Amounts, _limits: Amounts) -> str:
    head = f"maximum {name} usage per {limit['type']} is {bound}"
    if name not in requests:
        return f"{head}.  No request is specified"
    return f"{head}, but request is {requests[name]}" if requests[name].nano > bound.nano else ""


def _ratio(limit: Tree, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"{name} max limit to request ratio per {limit['type']} is {bound}"
    if name not in requests or not requests[name].nano:
        return f"{head}, but no request is specified or request is 0"
    if name not in limits or not limits[name].nano:
        return f"{head}, but no limit is specified or limit is 0"
    ratio = limits[name].nano / requests[name].nano
    return f"{head}, but provided ratio is {ratio:.6f}" if ratio > bound.nano / quantity.NANO else ""


def _amounts(holder: Tree, field: str) -> Amounts:
    given = (holder.get("resources") or {}).get(field) or {}
    return {name: quantity.parse(str(text)) for name, text in given.items()}


def _total(spec: Tree, field: str) -> Amounts:
    """The sum over the containers; an init container counts where it alone asks for more."""
    total: Amounts = {}
    for container in spec.get("containers") or ():
        for name, amount in _amounts(container, field).items():
            total[name] = total[name].add(amount) if name in total else amount
    for container in spec.get("initContainers") or ():
        for name, amount in _amounts(container, field).items():
            if name not in total or amount.nano > total[name].nano:
                total[name] = amount
    return total


POD = Plugin("LimitRanger", (CREATE,), ("pods",), admit=admit, validate=validate)
CLAIM = Plugin("LimitRanger", (CREATE, UPDATE), ("persistentvolumeclaims",), validate=validate)
