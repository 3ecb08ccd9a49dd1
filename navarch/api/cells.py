"""Values that the tables of many kinds show, worded as Kubernetes words them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from navarch.base import times
from navarch.schema.types import Tree

NONE: Final = "<none>"
UNSET: Final = "<unset>"
UNKNOWN: Final = "<unknown>"


def name(tree: Tree) -> str:
    found: str = tree["metadata"].get("name", "")
    return found


def age(tree: Tree, now: float) -> str:
    return since(tree["metadata"].get("creationTimestamp"), now)


def since(timestamp: str | None, now: float) -> str:
    """How long ago, `5m3s`; `<unknown>` where there is no time."""
    return times.age(timestamp, now)


def at(tree: Tree, *keys: str) -> Any:
    """The value below nested objects, None where one of them is missing."""
    value: Any = tree
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def labels(pairs: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, sorted; `<none>` for none."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or NONE


def joined(items: Iterable[str], maximum: int = 3, between: str = ",") -> str:
    """The first items, and how many more there are."""
    every = list(items)
    text = between.join(every[:maximum])
    return f"{text} + {len(every) - maximum} more..." if len(every) > maximum else text


def containers(pod_spec: Tree | None) -> list[str]:
    """Two cells: the names of the containers and their images."""
    listed: Sequence[Tree] = (pod_spec or {}).get("containers") or ()
    return [",".join(c.get("name", "") for c in listed), ",".join(c.get("image", "") for c in listed)]


def addresses(load_balancer: Tree | None) -> list[str]:
    """The addresses of a load balancer, sorted."""
    listed = (load_balancer or {}).get("ingress") or ()
    return sorted({entry.get("ip") or entry.get("hostname") or "" for entry in listed} - {""})


_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def access_modes(modes: Iterable[str] | None) -> str:
    wanted = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in wanted)


def go_selector(selector: Tree) -> str:
    """A label selector as Go prints the structure."""
    pairs = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{e.get('key', '')},Operator:{e.get('operator', '')},"
        f"Values:[{' '.join(e.get('values') or ())}],}},"
        for e in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def param_ref(spec: Tree | None) -> str:
    """The parameters that a policy binding names: `namespace/name`, or a selector."""
    reference = (spec or {}).get("paramRef")
    if not reference:
        return UNSET
    if reference.get("namespace"):
        return f"{reference['namespace']}/{reference.get('name', '')}"
    if reference.get("selector") is not None:
        return go_selector(reference["selector"])
    return f"*/{reference.get('name', '')}"


def param_kind(spec: Tree | None) -> str:
    kind = (spec or {}).get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
