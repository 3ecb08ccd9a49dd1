"""What objects use of a ResourceQuota, and which quotas an object counts against.

Called by quota admission at each write, and by whoever recounts. Pure.

Worked example: a pod with one container that requests 400m cpu uses
    {"pods": 1, "count/pods": 1, "cpu": 400m, "requests.cpu": 400m}

Source: Kubernetes' quota evaluators (`pkg/quota/v1/evaluator/core`), ResourceQuota API.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from navarch.base import quantity
from navarch.base.quantity import Quantity
from navarch.schema.types import Tree

#: Amounts by the names that a quota's `hard` uses.
Usage = dict[str, Quantity]

ONE: Final = quantity.from_value(1)

_COUNTED_BY_NAME: Final = ("configmaps", "replicationcontrollers", "resourcequotas", "secrets")
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_MUST_STATE: Final = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_CLASS_ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"


def usage_of(bucket: str, tree: Tree) -> Usage:
    """What one object uses."""
    usage = {f"count/{bucket}": ONE}
    if bucket in _COUNTED_BY_NAME:
        usage[bucket] = ONE
    elif bucket == "pods":
        usage |= _of_pod(tree)
    elif bucket == "services":
        usage |= _of_service(tree)
    elif bucket == "persistentvolumeclaims":
        usage |= _of_claim(tree)
    return usage


def counts(quota: Tree, bucket: str, tree: Tree) -> bool:
    """Whether an object is in all scopes of a quota. Quotas with scopes are about pods."""
    spec = quota["spec"]
    terms = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return not terms or (bucket == "pods" and all(_in_scope(term, tree["spec"]) for term in terms))


def unstated(hard: Iterable[str], pod: Tree) -> str:
    """Which containers leave out what a quota on pods wants stated; empty when none does."""
    wanted = sorted(set(hard).intersection(_MUST_STATE))
    missing: dict[str, list[str]] = {}
    spec = pod["spec"]
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        for name in wanted:
            field, _, resource = name.rpartition(".")
            if resource not in _amounts(container, field or "requests"):
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(found))}" for name, found in missing.items())


def _of_pod(pod: Tree) -> Usage:
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return {}
    usage: Usage = {"pods": ONE}
    for name, amount in total_of(pod["spec"], "requests").items():
        if name in _COMPUTE or name.startswith("hugepages-"):
            usage[name] = amount
        usage[f"requests.{name}"] = amount
    for name, amount in total_of(pod["spec"], "limits").items():
        if name in _COMPUTE:
            usage[f"limits.{name}"] = amount
    return usage


def total_of(spec: Tree, field: str) -> Usage:
    """What a pod's containers need together, and the pod's overhead. Containers and sidecars run together;
    an init container runs with the sidecars before it."""
    total: Usage = {}
    sidecars: Usage = {}
    peak: Usage = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, field))
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container, field)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, amounts)
            amounts = dict(sidecars)
        else:
            _add(amounts, sidecars)
        for name, amount in amounts.items():
            if name not in peak or amount.nano > peak[name].nano:
                peak[name] = amount
    _add(total, sidecars)
    for name, amount in peak.items():
        if name not in total or amount.nano > total[name].nano:
            total[name] = amount
    if total or field == "requests":
        _add(total, _parsed(spec.get("overhead") or {}))
    return total


def _of_service(service: Tree) -> Usage:
    spec = service["spec"]
    usage: Usage = {"services": ONE}
    ports = spec.get("ports") or ()
    if spec.get("type") == "NodePort":
        usage["services.nodeports"] = quantity.from_value(len(ports))
    elif spec.get("type") == "LoadBalancer":
        usage["services.loadbalancers"] = ONE
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [port for port in ports if port.get("nodePort")]
        usage["services.nodeports"] = quantity.from_value(len(ports))
    return usage


def _of_claim(claim: Tree) -> Usage:
    usage: Usage = {"persistentvolumeclaims": ONE}
    annotations = claim["metadata"].get("annotations") or {}
    class_name = annotations.get(_CLASS_ANNOTATION) or claim["spec"].get("storageClassName")
    suffix = f"{class_name}.storageclass.storage.k8s.io/"
    if class_name:
        usage[suffix + "persistentvolumeclaims"] = ONE
    storage = _amounts(claim["spec"], "requests").get("storage")
    if storage is not None:
        usage["requests.storage"] = storage
        if class_name:
            usage[suffix + "requests.storage"] = storage
    return usage


def _in_scope(term: Tree, spec: Tree) -> bool:
    scope = term.get("scopeName")
    if scope == "Terminating":
        return spec.get("activeDeadlineSeconds") is not None
    if scope == "NotTerminating":
        return spec.get("activeDeadlineSeconds") is None
    if scope == "BestEffort":
        return _is_best_effort(spec)
    if scope == "NotBestEffort":
        return not _is_best_effort(spec)
    if scope == "PriorityClass":
        return _selects(term, spec.get("priorityClassName", ""))
    if scope == "CrossNamespacePodAffinity":
        return _crosses_namespaces(spec.get("affinity") or {})
    return False


def _selects(term: Tree, value: str) -> bool:
    operator: str = term.get("operator", "")
    values: list[str] = term.get("values") or []
    if operator in ("Exists", "DoesNotExist"):
        return bool(value) == (operator == "Exists")
    return (value in values) == (operator == "In")


def _is_best_effort(spec: Tree) -> bool:
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    compute = ("cpu", "memory")
    stated = (_amounts(c, field).keys() for c in containers for field in ("requests", "limits"))
    return not any(names & set(compute) for names in stated)


def _crosses_namespaces(affinity: Tree) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        terms += [w["podAffinityTerm"] for w in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def _amounts(holder: Tree, field: str) -> Usage:
    return _parsed((holder.get("resources") or {}).get(field) or {})


def _parsed(given: dict[str, Any]) -> Usage:
    return {name: quantity.parse(str(text)) for name, text in given.items()}


def _add(total: Usage, more: Usage) -> None:
    for name, amount in more.items():
        total[name] = total[name].add(amount) if name in total else amount
