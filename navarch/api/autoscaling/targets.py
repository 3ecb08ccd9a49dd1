"""The TARGETS cell of a HorizontalPodAutoscaler: `cpu: 33%/70%, <unknown>/10 + 1 more...`."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, UNKNOWN, joined
from navarch.api.defaulting import each
from navarch.schema.types import Tree

_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def targets(tree: Tree) -> str:
    wanted = list(each(tree.get("spec") or {}, "metrics"))
    seen = list(each(tree.get("status") or {}, "currentMetrics"))
    texts = [_target(metric, seen[i] if i < len(seen) else {}) for i, metric in enumerate(wanted)]
    return joined(texts, 2, ", ") if texts else NONE


def _target(metric: Tree, status: Tree) -> str:
    source = _SOURCES.get(metric.get("type", ""))
    if source is None:
        return "<unknown type>"
    target: dict[str, Any] = (metric.get(source) or {}).get("target") or {}
    current: dict[str, Any] = (status.get(source) or {}).get("current") or {}
    if source in ("resource", "containerResource"):
        name = (metric.get(source) or {}).get("name", "")
        if target.get("averageValue") is not None:
            return f"{name}: {_shown(current.get('averageValue'))}/{target['averageValue']}"
        wanted = target.get("averageUtilization")
        used = current.get("averageUtilization")
        return f"{name}: {UNKNOWN if used is None else f'{used}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"
    if source == "pods":
        return f"{_shown(current.get('averageValue'))}/{target.get('averageValue')}"
    if target.get("averageValue") is not None:
        return f"{_shown(current.get('averageValue'))}/{target['averageValue']} (avg)"
    return f"{_shown(current.get('value'))}/{target.get('value')}"


def _shown(value: Any) -> str:
    return UNKNOWN if value is None else str(value)
